/** Clients of the plain protocol that break its rules, by every transport. */

import { upgradeRequest } from '../support/raw-http.ts';
import { attackHttp } from './http-attacks.ts';
import { cut, mutateText, nested } from './mutation.ts';
import type { Random } from './random.ts';
import { ENDINGS, Tcp } from './tcp.ts';
import { randomFrames, validFrames } from './websocket-frames.ts';

const HOST = 'Host: localhost\r\n';
const SESSION = 'AAAAAAAAAAAAAAAAAAAAAAAA';
const CONNECT = '{"type":"connect","auth":{"user":"u"}}';
const PING = '{"type":"ping"}';
/** How long a client waits before it gives a request up. */
const GIVE_UP_MS = 150;

const VALID = [
  `GET /sse?room=a&room=b HTTP/1.1\r\n${HOST}\r\n`,
  `GET /sse HTTP/1.0\r\n\r\n`,
  `GET /poll?stream=1&auth=%7B%22user%22%3A%22u%22%7D HTTP/1.1\r\n${HOST}\r\n`,
  `GET /poll?namespace=%2Fcustom HTTP/1.1\r\n${HOST}\r\n`,
  `GET /poll?since=${SESSION}.3 HTTP/1.1\r\n${HOST}\r\n`,
  `POST /sse HTTP/1.1\r\n${HOST}Content-Length: ${CONNECT.length}\r\n\r\n${CONNECT}`,
  `POST /poll?stream=1 HTTP/1.1\r\n${HOST}Content-Length: ${CONNECT.length}\r\n\r\n${CONNECT}`,
  `POST /poll?session=${SESSION} HTTP/1.1\r\n${HOST}Content-Length: ${PING.length}\r\n\r\n${PING}`,
  `HEAD /poll HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS /sse HTTP/1.1\r\n${HOST}Origin: http://a\r\n\r\n`,
  upgradeRequest('format=raw', [], '/ws'),
  upgradeRequest('auth=message', [], '/ws'),
];

const EVENTS = [
  ...['echo', 'back', 'slow', 'fail', 'join', 'leave', 'tell', 'shout', 'ask', 'leave-me'],
  ...['close-me', '__proto__', 'constructor', 'toString', 'connect', 'binary', 'message', ''],
] as const;
const ROOMS = ['a', 'lobby', '__proto__', '', 'x'.repeat(257), SESSION, 7, null, ['a']] as const;
const IDS = [0, 1, 7, -1, 0.5, 2 ** 53, '1', null, [1]] as const;
const BINARY = [{ $binary: 'AQID' }, { $binary: '*' }, { $binary: 7 }, { $binary: '', a: 1 }];

/** Requests that are damaged, cut short, or left half-open. */
export function attackPlainHttp(random: Random, port: number): Promise<string> {
  return attackHttp(random, port, VALID);
}

/** A WebSocket: frames and messages, right and wrong, in chunks of any size. */
export async function attackPlainSocket(random: Random, port: number): Promise<string> {
  const tcp = await Tcp.open(port);
  const query = random.pick(['', '', 'format=raw', 'auth=message', 'room=a&namespace=%2Fcustom']);
  const first = upgradeRequest(query, [], '/ws');
  const isHasty = random.chance(0.2);
  if (!isHasty) {
    await tcp.write(first);
    await tcp.until((received) => received.includes('\r\n\r\n'));
  }
  const messages = plainMessages(random);
  if (query === 'auth=message' && random.chance(0.7)) messages.unshift(CONNECT);
  const frames = random.chance(0.3) ? randomFrames(random) : validFrames(random, messages);
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

/** A session over HTTP: polls, posts and streams, in any order and number, to any id. */
export async function attackPlainSession(random: Random, port: number): Promise<string> {
  const base = `http://127.0.0.1:${port}`;
  const target = random.pick(['/sse', '/poll?stream=1', '/poll', '/poll?room=a&room=b']);
  const stop = new AbortController();
  const opening = await begin(`${base}${target}`, stop.signal);
  const own = /"session":"([^"]+)"/.exec(opening)?.[1] ?? SESSION;
  const session = random.chance(0.1) ? encodeURIComponent(mutateText(random, own)) : own;
  const asks: Promise<string>[] = [];
  for (let steps = 1 + random.below(6); steps > 0; steps -= 1) {
    if (random.chance(0.5)) {
      const number = random.pick([0, 1, 1, 1, 2, 3, 1000, -1]);
      asks.push(ask(`${base}/poll?since=${session}.${number}`));
    } else {
      const body = plainMessages(random)
        .map(String)
        .join(random.pick(['\n', '\r\n', '\n\n']));
      asks.push(ask(`${base}${random.pick(['/sse', '/poll'])}?session=${session}`, body));
    }
    if (random.chance(0.5)) await Promise.all(asks);
  }
  const answers = await Promise.all(asks);
  stop.abort();
  if (random.chance(0.7)) await ask(`${base}/poll?session=${own}`, '{"type":"disconnect"}');
  return answers.join('\n');
}

/** The first bytes of an answer that may have no end; the answer itself lasts until the signal. */
async function begin(url: string, signal: AbortSignal): Promise<string> {
  try {
    const { body } = await fetch(url, { signal });
    const first = await body?.getReader().read();
    return new TextDecoder().decode(first?.value);
  } catch {
    return '';
  }
}

/** A request that is given up after a while, as clients do. @returns its status line */
async function ask(url: string, body?: string): Promise<string> {
  const init = body === undefined ? {} : { method: 'POST', body };
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(GIVE_UP_MS) });
    await answer.text();
    return `HTTP/1.1 ${answer.status}`;
  } catch {
    return '';
  }
}

function plainMessages(random: Random): (string | Buffer)[] {
  return Array.from({ length: random.below(6) }, () => {
    const way = random.below(10);
    if (way === 0) return random.bytes(50);
    if (way === 1) return random.text(30);
    if (way === 2) return large(random);
    const text = JSON.stringify(message(random));
    return random.chance(0.2) ? mutateText(random, text) : text;
  });
}

function message(random: Random): object {
  const id = random.chance(0.5) ? {} : { id: random.pick(IDS) };
  const room = random.pick(ROOMS);
  return random.pick<() => object>([
    () => ({ type: 'event', event: random.pick(EVENTS), args: values(random), ...id }),
    () => ({ type: 'event', event: random.pick(EVENTS), args: values(random), ...id }),
    () => ({ type: 'event', event: random.value(2, false), args: random.value(2, false), ...id }),
    () => ({ type: 'join', room, ...id }),
    () => ({ type: 'leave', room, ...id }),
    () => ({ type: 'ack', args: values(random), ...id }),
    () => ({ type: 'connect', auth: random.value(3, false), ...id }),
    () => ({ type: random.pick(['ping', 'pong', 'error', '__proto__', '']), ...id }),
    () => ({ type: random.value(1, false), ...id }),
    () => ({ type: 'disconnect' }),
  ])();
}

function values(random: Random): unknown[] {
  const plain = Array.from({ length: random.below(4) }, () => random.value(4, false));
  return random.chance(0.3) ? [...plain, random.pick(BINARY), [random.pick(BINARY)]] : plain;
}

/** What is long, deep, or has many keys. */
function large(random: Random): string {
  const size = 1 + random.below(20_000);
  const value = random.pick([
    `"${'x'.repeat(size)}"`,
    nested(size),
    `{${Array.from({ length: size / 8 }, (_, at) => `"k${at}":0`).join(',')}}`,
    `{"__proto__":{"polluted":${size}}}`,
  ]);
  return `{"type":"event","event":"back","args":[${value}]}`;
}
