/** Sessions that break the rules: over polling, over WebSocket, and on the way between them. */

import { encodePayload } from '../../src/server/protocol/engine-packet.ts';
import { cut, mutateText } from './mutation.ts';
import { randomMessages } from './packets.ts';
import type { Random } from './random.ts';
import { ENDINGS, Tcp } from './tcp.ts';
import { handshake, randomFrames, textFrame, validFrames } from './websocket-frames.ts';

const PATH = '/socket.io/?EIO=4&transport=polling';
const GIVE_UP_MS = 150;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request that is given up after a while, as clients do. */
async function ask(url: string, body?: string): Promise<Answer | undefined> {
  const init = body === undefined ? {} : { method: 'POST', body };
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(GIVE_UP_MS) });
    return { status: answer.status, body: await answer.text() };
  } catch {
    return undefined;
  }
}

/** @returns the id of a new session that polls */
async function openPolling(base: string): Promise<string | undefined> {
  const answer = await ask(`${base}${PATH}`);
  return /"sid":"([^"]+)"/.exec(answer?.body ?? '')?.[1];
}

function payloadOf(random: Random): string {
  const packets = randomMessages(random).map((message) =>
    typeof message === 'string' ? `4${message}` : message,
  );
  if (random.chance(0.1)) packets.push(random.pick(['1', '2', '3', '5', '6', '7', '', '2probe']));
  if (packets.length === 0) return '';
  const body = encodePayload(packets);
  return random.chance(0.3) ? mutateText(random, body) : body;
}

/** A session over long-polling: posts and polls, two at a time, in any order, to any id. */
export async function attackPolling(random: Random, port: number): Promise<string> {
  const base = `http://127.0.0.1:${port}`;
  const own = (await openPolling(base)) ?? 'none';
  const sid = random.chance(0.1) ? encodeURIComponent(mutateText(random, own)) : own;
  const url = `${base}${PATH}&sid=${sid}`;
  const answers: (Answer | undefined)[] = [];
  for (let steps = 1 + random.below(5); steps > 0; steps--) {
    const polls = Array.from({ length: random.below(2) + Number(random.chance(0.1)) }, () =>
      ask(url),
    );
    const posts = Array.from({ length: random.below(2) + Number(random.chance(0.1)) }, () =>
      ask(url, payloadOf(random)),
    );
    answers.push(...(await Promise.all([...polls, ...posts])));
  }
  if (random.chance(0.5)) await ask(url, '1');
  return answers.map((answer) => `HTTP/1.1 ${answer?.status ?? 0}`).join('\n');
}

/** A session whose post breaks off in the middle of its body. */
export async function attackBrokenPost(random: Random, port: number): Promise<string> {
  const sid = await openPolling(`http://127.0.0.1:${port}`);
  const tcp = await Tcp.open(port);
  const length = 10 + random.below(1_000);
  const head = `POST ${PATH}&sid=${sid} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
  await tcp.write(head + '4'.repeat(random.below(length)));
  await Bun.sleep(random.below(20));
  tcp.end(random.pick(['close', 'reset']));
  return tcp.received;
}

/** A session over WebSocket: frames and messages, right and wrong, in chunks of any size. */
export async function attackWebSocket(random: Random, port: number): Promise<string> {
  const tcp = await Tcp.open(port);
  const first = handshake();
  const isHasty = random.chance(0.2);
  if (!isHasty) {
    await tcp.write(first);
    await tcp.until((received) => received.includes('\r\n\r\n'));
  }
  const frames = random.chance(0.4)
    ? randomFrames(random)
    : validFrames(random, randomMessages(random));
  const bytes = Buffer.concat(isHasty ? [Buffer.from(first), ...frames] : frames);
  for (const chunk of cut(random, bytes)) await tcp.write(chunk);
  const ending = random.pick(ENDINGS);
  if (ending === 'stay') await tcp.until(() => tcp.isClosed);
  tcp.end(ending === 'stay' ? 'close' : ending);
  if (ending === 'half-close') {
    await tcp.until(() => tcp.isClosed);
    tcp.end('close');
  }
  return tcp.received;
}

/** A session that polls and is offered a socket, which does not always come over. */
export async function attackUpgrade(random: Random, port: number): Promise<string> {
  const base = `http://127.0.0.1:${port}`;
  const sid = await openPolling(base);
  const url = `${base}${PATH}&sid=${sid}`;
  if (random.chance(0.7)) await ask(url, '40');
  const tcp = await Tcp.open(port);
  await tcp.write(handshake(sid));
  await tcp.until((received) => received.includes('\r\n\r\n'));
  const poll = random.chance(0.5) ? ask(url) : undefined;
  const steps = ['2probe', '5', '2probe', '5', '2', '3probe', '420["echo"]', '42["close-me"]', '1'];
  const count = random.below(5);
  const said = random.chance(0.5)
    ? steps.slice(0, count)
    : Array.from({ length: count }, () => '5');
  for (const text of said) {
    await tcp.write(textFrame(random.chance(0.9) ? text : mutateText(random, text)));
    if (random.chance(0.3)) await Bun.sleep(random.below(10));
    if (random.chance(0.2)) await ask(url, payloadOf(random));
  }
  await tcp.until((received) => received.includes('3probe'));
  tcp.end(random.pick(['close', 'reset']));
  await poll;
  return tcp.received;
}

/** Connections that come and go at once, with nothing or next to nothing said. */
export async function attackConnect(random: Random, port: number): Promise<string> {
  const count = 1 + random.below(20);
  const opened = await Promise.all(Array.from({ length: count }, () => Tcp.open(port)));
  for (const tcp of opened) {
    if (random.chance(0.5)) await tcp.write(handshake().slice(0, random.below(300)));
    tcp.end(random.pick(['close', 'reset']));
  }
  return '';
}
