/**
 * A backend for the hooks of Holdfast in plain Node.js: a vote, without an app and any dependency.
 *
 *     export HOLDFAST_HOOK_SECRET="$(openssl rand -hex 32)"
 *     PORT=3000 node examples/hooks/node/backend.mjs &
 *     npx holdfast start --hook-url http://127.0.0.1:3000/ \
 *       --hook-calls connect,event,join,disconnect
 *
 * docs/HOOKS.md says what is asked and what may be answered. What you would change is `answerTo`;
 * the rest is what a backend needs so that nobody but its own node can speak to it.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const SECRET = process.env['HOLDFAST_HOOK_SECRET'] ?? '';
const PORT = Number(process.env['PORT'] ?? 3000);
/** How far a timestamp may be from our clock. */
const FRESH_MS = 5 * 60_000;
/** More than the largest event, whose text may grow as JSON. */
const BODY_BYTES_MAX = 8_000_000;
/** Longer than a node keeps a connection that is idle, so that none ends under a request. */
const KEEP_ALIVE_MS = 10 * 60_000;

/** Votes by choice. */
const votes = new Map();

/** Decides. Whatever it returns is the answer; what it throws is a failure (500). */
function answerTo(call) {
  switch (call.call) {
    case 'connect': {
      // A real backend would look its session up, by `call.headers.cookie` for example.
      const name = call.user ?? call.auth.name;
      const isName = typeof name === 'string' && name !== '';
      if (!isName) return { allow: false, message: 'say your name' };
      return { allow: true, user: name, rooms: ['hall'] };
    }
    case 'join':
      return { allow: call.join.every((room) => room === `user:${call.user}`) };
    case 'event': {
      if (call.event !== 'vote') return { error: `nobody knows the event ${call.event}` };
      const [choice] = call.args;
      if (choice !== 'home' && choice !== 'guests') return { error: 'vote for home or guests' };
      const count = (votes.get(choice) ?? 0) + 1;
      votes.set(choice, count);
      return { ack: [choice, count] };
    }
    case 'disconnect':
      console.log(`${call.user} was here for ${call.seconds} s: ${call.reason}`);
      return {};
    default:
      throw new Error(`unknown call ${call.call}`);
  }
}

/** Signatures that came, and answers by id, until they are too old to come again. */
const seen = new Map();
const answers = new Map();

const server = createServer((request, response) => void take(request, response));

async function take(request, response) {
  try {
    const [status, answer] = await answering(request);
    reply(response, status, answer);
  } catch (error) {
    console.error(error);
    reply(response, 500, { error: 'something is wrong here' });
  }
}

async function answering(request) {
  const body = await bodyOf(request);
  if (body === undefined) return [413, { error: 'too long' }];
  if (!isOfOurNode(request.headers, body)) return [401, { error: 'who are you?' }];
  const call = JSON.parse(body.toString());
  // A second try of a call that was answered gets the same answer: it is not done twice.
  let known = answers.get(call.id);
  if (known === undefined) {
    known = { value: answerTo(call), untilMs: Date.now() + FRESH_MS };
    answers.set(call.id, known);
  }
  return [200, known.value];
}

/** @returns undefined when it is too long */
async function bodyOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Whether a request was signed with our secret a short while ago, and is new. */
function isOfOurNode(headers, body) {
  const timestamp = headers['holdfast-timestamp'] ?? '';
  const signature = Buffer.from(headers['holdfast-signature'] ?? '');
  const hmac = createHmac('sha256', SECRET).update(timestamp).update('.').update(body);
  const expected = Buffer.from(`sha256=${hmac.digest('hex')}`);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return false;
  const nowMs = Date.now();
  const isTime = /^\d{1,16}$/.test(timestamp);
  if (!isTime || Math.abs(nowMs - Number(timestamp)) > FRESH_MS) return false;
  forgetOld(seen, nowMs);
  forgetOld(answers, nowMs);
  if (seen.has(expected.toString())) return false;
  // A clock that is behind ours lets its timestamps live for longer.
  seen.set(expected.toString(), { untilMs: nowMs + 2 * FRESH_MS });
  return true;
}

/** Entries stand in the order in which they came, and that is the order in which they go. */
function forgetOld(entries, nowMs) {
  for (const [key, { untilMs }] of entries) {
    if (untilMs > nowMs) return;
    entries.delete(key);
  }
}

function reply(response, status, answer) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
}

if (SECRET.length < 32) {
  console.error('Set HOLDFAST_HOOK_SECRET to what the node has as hookSecret.');
  process.exit(1);
}
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(PORT, '127.0.0.1', () => {
  console.log(`listens on http://127.0.0.1:${server.address().port}/`);
});
