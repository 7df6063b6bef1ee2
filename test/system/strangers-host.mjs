/**
 * Connections without a session, in a Node.js process of their own: so many at a time, each opened
 * anew as soon as it is closed. Says `ready`, and begins with the first byte on standard input, so
 * that its start, which takes most of a second on a slow machine, is not taken for the attack. Says
 * `up` once all have been tried; ends when it is killed.
 */

import { connect } from 'node:net';

const [port, kind, count, addresses] = process.argv.slice(2);
const HEAD = 'HTTP/1.1\r\nHost: a\r\n';
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n';
const AGAIN_MS = 2_000;
const NEVER_JOIN = 'open a WebSocket and never join';
/** With ten times as many handshakes a second, honest ones of the same address fail at times. */
const REOPEN_MS = kind === NEVER_JOIN ? 500 : 50;
/** So many at once: what finds the backlog of the kernel full is tried again a second later. */
const BURST = 50;
const BURST_MS = 10;
const DRIP_MS = 200;

const get = (path) => `GET ${path} ${HEAD}\r\n`;
const post = (path) => `POST ${path} ${HEAD}Content-Length: 100000\r\n\r\n`;
const say = (text) => (socket) => socket.write(text);

/** Says it now, and again and again. */
const repeat = (text, everyMs) => (socket) => {
  socket.write(text);
  const timer = setInterval(() => socket.write(text), everyMs * (1 + Math.random()));
  socket.on('close', () => clearInterval(timer));
};

/** Begins, and goes on a byte at a time. */
const drip = (text) => (socket) => {
  socket.write(text);
  const timer = setInterval(() => socket.write('x'), DRIP_MS);
  socket.on('close', () => clearInterval(timer));
};

const KINDS = {
  'say nothing': () => {},
  'ask for /health now and then': repeat(get('/health'), AGAIN_MS),
  'ask for a file now and then': repeat(get('/socket.io/socket.io.js'), AGAIN_MS),
  'send half a head': say(`GET /health ${HEAD}`),
  'drip a head': drip(`GET /health ${HEAD}X: `),
  'send half a body': say(post('/slow')),
  'drip a body': drip(post('/slow')),
  'drip a body for a session that is not there': drip(
    post('/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAAAA'),
  ),
  'ask the app for what takes long': say(get('/slow')),
  'ask the app for nothing': repeat(get('/nothing'), AGAIN_MS),
  'poll without a session': repeat(
    get('/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAAAA'),
    AGAIN_MS,
  ),
  'ask for another protocol': repeat(get('/socket.io/?EIO=3&transport=polling'), AGAIN_MS),
  [NEVER_JOIN]: say(`GET /socket.io/?EIO=4&transport=websocket ${HEAD}${UPGRADE}\r\n`),
  'speak TLS': say('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
};

let tried = 0;

function open(number) {
  const localAddress = addresses === 'many' ? `127.1.${number >> 8}.${number & 255}` : undefined;
  const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress });
  socket.on('connect', () => KINDS[kind](socket));
  socket.on('data', () => {});
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(() => open(number), REOPEN_MS * (1 + Math.random())));
  if (++tried === Number(count)) console.log('up');
}

process.stdin.once('data', () => {
  for (let number = 0; number < Number(count); number++) {
    setTimeout(() => open(number), BURST_MS * Math.floor(number / BURST));
  }
});
console.log('ready');
