/**
 * Node's `http` alone, as people write it without a library: Server-Sent Events under `/sse`, lines
 * under `/stream`, long-polling under `/poll`. Streams get a comment or an empty line every 25 s;
 * a poll is held for 25 s, and names what it has heard last.
 */

import { createServer } from 'node:http';

const HEARTBEAT_MS = 25_000;
const POLL_HOLD_MS = 25_000;
/** Messages kept for those who are between two polls. */
const LOG_MAX = 100;

const events = new Set();
const lines = new Set();
const polls = new Set();
/** The last messages; the number of the last one is `sequence`. */
const log = [];
let sequence = 0;

function stream(request, response, streams, type) {
  response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-cache' });
  response.flushHeaders();
  streams.add(response);
  request.on('close', () => streams.delete(response));
}

function poll(request, response, since) {
  // Who comes first learns where the messages stand.
  if (since === null || Number(since) < sequence) {
    answer(response, Number(since ?? sequence));
    return;
  }
  const waiting = { response, since: sequence, timer: undefined };
  waiting.timer = setTimeout(() => {
    polls.delete(waiting);
    answer(response, waiting.since);
  }, POLL_HOLD_MS);
  polls.add(waiting);
  request.on('close', () => {
    clearTimeout(waiting.timer);
    polls.delete(waiting);
  });
}

function answer(response, since) {
  const missed = Math.min(log.length, sequence - since);
  const messages = missed === 0 ? [] : log.slice(-missed);
  const body = JSON.stringify({ position: String(sequence), messages });
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-cache',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

function broadcast(data) {
  log.push({ data });
  if (log.length > LOG_MAX) log.shift();
  for (const response of events) response.write(`data: ${data}\n\n`);
  for (const response of lines) response.write(`${data}\n`);
  for (const waiting of polls) {
    clearTimeout(waiting.timer);
    answer(waiting.response, waiting.since);
  }
  polls.clear();
}

setInterval(() => {
  for (const response of events) response.write(':\n\n');
  for (const response of lines) response.write('\n');
}, HEARTBEAT_MS);

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://server');
  if (pathname === '/sse') stream(request, response, events, 'text/event-stream');
  else if (pathname === '/stream') stream(request, response, lines, 'application/x-ndjson');
  else poll(request, response, searchParams.get('since'));
});

const control = createServer((request, response) => {
  const count = Number(new URL(request.url, 'http://control').searchParams.get('count') ?? 1);
  for (let sent = 0; sent < count; sent += 1) {
    sequence += 1;
    broadcast(String(sequence).padEnd(100, '.'));
  }
  response.end('sent');
});

server.listen(0, '0.0.0.0', () => {
  control.listen(0, '127.0.0.1', () => {
    const [port, controlPort] = [server.address().port, control.address().port];
    console.log(JSON.stringify({ port, controlPort }));
  });
});
process.stdin.on('end', () => process.exit(0)).resume();
