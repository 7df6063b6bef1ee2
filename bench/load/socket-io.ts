/**
 * Socket.IO v5 over Engine.IO v4, WebSocket only: `0{…}` opens, `40{"token":…}` asks for `/`,
 * `40{"sid":…}` admits, `42[…]` delivers, and every `2` is answered with `3`.
 */

import { encodeFrame, OPCODE_TEXT } from './frames.ts';
import type { Meaning, Protocol } from './protocol.ts';

const ENGINE_OPEN = 0x30;
const ENGINE_PING = 0x32;
const ENGINE_MESSAGE = 0x34;
const SOCKET_CONNECT = 0x30;
const SOCKET_EVENT = 0x32;
const SOCKET_CONNECT_ERROR = 0x34;

export const socketIo: Protocol = {
  establishedByUpgrade: false,
  meaning,
  connectFrame: (number) => encodeFrame(OPCODE_TEXT, `40{"token":"user-${number}"}`),
  pongFrame: encodeFrame(OPCODE_TEXT, '3'),
};

function meaning(bytes: Uint8Array, start: number, end: number): Meaning {
  const engineType = bytes[start];
  if (engineType === ENGINE_PING) return 'ping';
  if (engineType === ENGINE_OPEN) return 'open';
  if (engineType !== ENGINE_MESSAGE || end - start < 2) return 'other';
  const packetType = bytes[start + 1];
  if (packetType === SOCKET_EVENT) return 'delivery';
  if (packetType === SOCKET_CONNECT) return 'established';
  return packetType === SOCKET_CONNECT_ERROR ? 'refused' : 'other';
}
