/**
 * Engine.IO sessions that have joined the protocol app's main namespace, for tests that look at
 * the packets of one transport but need an app at the other end.
 */

import { type Endpoint, RawPolling } from './raw-polling.ts';
import { openWebSocket, type RawWebSocket, type WebSocketOptions } from './raw-websocket.ts';

const GREETING = '42["auth",{}]';

export async function joinPolling(endpoint: Endpoint): Promise<RawPolling> {
  const session = await RawPolling.open(endpoint);
  await session.post('40');
  readSessionId(String(await session.next('the answer to CONNECT')));
  expectGreeting(String(await session.next('the auth event')));
  return session;
}

/** The Socket.IO id comes along; the app names sessions by it. */
export async function joinWebSocket(
  url: string,
  options: WebSocketOptions = {},
): Promise<{ socket: RawWebSocket; sid: string }> {
  const { socket } = await openWebSocket(url, options);
  socket.send('40');
  const sid = readSessionId(await socket.text('the answer to CONNECT'));
  expectGreeting(await socket.text('the auth event'));
  return { socket, sid };
}

/** The next frame that is no noop, which a server may send at the end of an upgrade. */
export async function nextMessage(socket: RawWebSocket): Promise<string> {
  const text = await socket.text();
  return text === '6' ? await nextMessage(socket) : text;
}

/** An Engine.IO packet of this many bytes that the app echoes. */
export function eventOfBytes(bytes: number): string {
  const head = '42["message","';
  return `${head}${'x'.repeat(bytes - head.length - 2)}"]`;
}

function readSessionId(packet: string): string {
  if (!packet.startsWith('40{')) {
    throw new Error(`CONNECT answered ${packet.slice(0, 100)}`);
  }
  return (JSON.parse(packet.slice(2)) as { sid: string }).sid;
}

function expectGreeting(packet: string): void {
  if (packet !== GREETING) {
    throw new Error(`expected the auth event, got ${packet.slice(0, 100)}`);
  }
}
