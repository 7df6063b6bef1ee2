/** HTTP that is broken, cut short, oversized, or left half-open. */

import { cut, mutate } from './mutation.ts';
import type { Random } from './random.ts';
import { ENDINGS, knock } from './tcp.ts';

const HOST = 'Host: localhost\r\n';
const SID = 'AAAAAAAAAAAAAAAAAAAAAAAA';
const POLLING = '/socket.io/?EIO=4&transport=polling';
const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket';
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n2\r\n40\r\n0\r\n\r\n';

const VALID = [
  `GET ${POLLING} HTTP/1.1\r\n${HOST}\r\n`,
  `GET ${POLLING}&sid=${SID} HTTP/1.1\r\n${HOST}\r\n`,
  `POST ${POLLING}&sid=${SID} HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n40`,
  `POST ${POLLING}&sid=${SID} HTTP/1.1\r\n${HOST}${CHUNKED}`,
  `OPTIONS ${POLLING} HTTP/1.1\r\n${HOST}Origin: http://a\r\n\r\n`,
  `GET ${WEBSOCKET} HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`,
  `GET ${WEBSOCKET}&sid=${SID} HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`,
  `GET /health HTTP/1.1\r\n${HOST}\r\n`,
  `GET /elsewhere HTTP/1.1\r\n${HOST}\r\n`,
] as const;

const STRANGE: readonly ((random: Random) => string)[] = [
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  () => `GET * HTTP/1.1\r\n${HOST}\r\n`,
  () => 'GET / HTTP/0.9\r\n\r\n',
  () => `GET http://elsewhere${POLLING} HTTP/1.1\r\n${HOST}\r\n`,
  () => `GET ${POLLING}\n${HOST}\n\n`,
  () => `GET ${POLLING} HTTP/1.1\r\n\r\n`,
  () => `GET ${POLLING}&sid=%00%ff%zz HTTP/1.1\r\n${HOST}\r\n`,
  () => `GET ${POLLING}&EIO=3&EIO=4&transport=websocket&sid=a&sid=b HTTP/1.1\r\n${HOST}\r\n`,
  (random) => `GET ${POLLING}&x=${'x'.repeat(random.below(100_000))} HTTP/1.1\r\n${HOST}\r\n`,
  (random) => `GET ${POLLING} HTTP/1.1\r\n${HOST}X: ${'x'.repeat(random.below(100_000))}\r\n\r\n`,
  (random) => `GET ${POLLING} HTTP/1.1\r\n${HOST}${'X: y\r\n'.repeat(random.below(3_000))}\r\n`,
  (random) => `POST ${POLLING}&sid=${SID} HTTP/1.1\r\n${HOST}${oddLength(random)}\r\n40`,
  (random) => VALID[0].repeat(1 + random.below(50)),
  (random) => `${random.text(20)} ${random.text(50)} HTTP/1.1\r\n${HOST}\r\n`,
  (random) => random.bytes(400).toString('latin1'),
];

function oddLength(random: Random): string {
  return random.pick([
    'Content-Length: -1\r\n',
    'Content-Length: 99999999999999999999\r\n',
    'Content-Length: 1e3\r\n',
    'Content-Length: 2\r\nContent-Length: 3\r\n',
    'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n',
    'Transfer-Encoding: chunked\r\n\r\n-1\r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
    'Expect: 100-continue\r\nContent-Length: 2\r\n',
  ]);
}

/** One request to a port of the server, public or admin. @returns what it answered */
export async function attackHttp(
  random: Random,
  port: number,
  valid: readonly string[] = VALID,
): Promise<string> {
  const bytes = Buffer.from(randomRequest(random, valid), 'latin1');
  return await knock(port, cut(random, bytes), random.pick(ENDINGS));
}

function randomRequest(random: Random, valid: readonly string[]): string {
  const whole = random.pick(valid);
  switch (random.below(4)) {
    case 0:
      return random.pick(STRANGE)(random);
    case 1:
      return whole.slice(0, random.below(whole.length));
    case 2:
      return random.pick(valid) + mutate(random, Buffer.from(whole)).toString('latin1');
    default:
      return mutate(random, Buffer.from(whole)).toString('latin1');
  }
}

const KEYS = ['event', 'args', 'room', 'user', 'except', 'namespace', '__proto__', 'x'] as const;

function sendRequest(random: Random): string {
  const keys = KEYS.filter(() => random.chance(0.4));
  const fields = keys.map((key) => `"${key}":${JSON.stringify(random.value(3, false))}`);
  const deep = `{"event":"x","args":${'['.repeat(random.below(5_000))}`;
  const right = '{"event":"told","args":[1,{"a":null}],"room":"lobby"}';
  const body = random.pick([`{${fields.join()}}`, right, deep, random.text(50)]);
  const length = random.chance(0.9) ? Buffer.byteLength(body) : random.below(1_000);
  return (
    `POST /send HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n` +
    `Content-Length: ${length}\r\n\r\n${Buffer.from(body).toString('latin1')}`
  );
}

/** One request to the admin port. */
export async function attackAdmin(random: Random, port: number): Promise<string> {
  const send = sendRequest(random);
  if (random.chance(0.5)) return await knock(port, [send], random.pick(ENDINGS));
  const paths = ['/load', '/process', '/metrics', '/health', '/ready', '/', '/__proto__', '/send'];
  const gets = paths.map((path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`);
  return await attackHttp(random, port, [...gets, send]);
}
