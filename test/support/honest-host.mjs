/**
 * Honest clients in a Node.js process of their own: unmodified socket.io-client, a few that stay
 * and one more every round that connects and goes.
 *
 * A round begins by the clock, however late the last one is answered, so that a server that stands
 * still shows in every round of that time and not in one. `take` on standard input answers with the
 * times since the last one, once all that was asked is answered or has failed. honest-clients.ts is
 * the other end.
 */

import { createInterface } from 'node:readline';
import { io } from 'socket.io-client';

const [url, count, roundMs, failedAfterMs, reconnects] = JSON.parse(process.argv[2]);
const TRANSPORTS = [['websocket'], ['polling', 'websocket'], ['polling']];

const LAG_PROBE_MS = 20;

class Record {
  times = { connect: [], event: [], ack: [], broadcast: [] };
  failures = { connect: [], event: [], ack: [], broadcast: [] };
  disconnects = [];
  ownLagMaxMs = 0;
  pending = new Set();

  /** Notes how long it took, or why it failed; what failed has taken as long as it was tried. */
  measure(kind, begin) {
    const startedMs = performance.now();
    const attempt = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not in time')), failedAfterMs);
      begin(
        () => resolve(clearTimeout(timer)),
        (error) => reject(error, clearTimeout(timer)),
      );
    });
    const noted = this.note(kind, startedMs, attempt).finally(() => this.pending.delete(noted));
    this.pending.add(noted);
    return noted;
  }

  async note(kind, startedMs, attempt) {
    try {
      await attempt;
    } catch (error) {
      this.failures[kind].push(error.message);
    }
    this.times[kind].push(performance.now() - startedMs);
  }
}

let record = new Record();
let round = 0;
/** Who waits for a word of the server, by the name of the event and its number. */
const listeners = new Map();
const residents = [];

const heard = (key) => {
  const listener = listeners.get(key);
  listeners.delete(key);
  listener?.();
};

/** The reason, and what the transport has said of it. */
function why(reason, details, { io: { engine } }) {
  const { message, description, context } = details ?? {};
  const said = [message, description?.message ?? description, context?.responseText];
  const text = said.filter(Boolean).join(', ').split('\n')[0];
  return `${reason} of ${engine?.transport.name}: ${text}`;
}

function openResident(number) {
  const socket = io(url, { forceNew: true, transports: TRANSPORTS[number % TRANSPORTS.length] });
  socket.on('connect', () => socket.emit('honest:join'));
  socket.on('disconnect', (reason, details) => {
    record.disconnects.push(why(reason, details, socket));
  });
  socket.on('honest:event', (value) => heard(`event ${value}`));
  socket.on('honest:broadcast', (value) => heard(`broadcast ${value} ${number}`));
  residents.push(socket);
  const joined = () => new Promise((resolve) => socket.emit('honest:join', resolve));
  return new Promise((resolve) => socket.once('connect', resolve)).then(joined);
}

function connectOnce(number) {
  const transports = TRANSPORTS[number % TRANSPORTS.length];
  const socket = io(url, { forceNew: true, reconnection: reconnects, transports });
  void record
    .measure('connect', (done, failed) => {
      socket.once('connect', done);
      if (!reconnects) socket.once('connect_error', failed);
    })
    .then(() => socket.disconnect());
}

function playRound() {
  const number = round++;
  connectOnce(number);
  const asking = residents[number % residents.length];
  void record.measure('ack', (done) => asking.emit('honest:ack', number, done));
  void record.measure('event', (done) => {
    listeners.set(`event ${number}`, done);
    asking.emit('honest:event', number);
  });
  residents.forEach((_, resident) => {
    const key = `broadcast ${number} ${resident}`;
    void record.measure('broadcast', (done) => listeners.set(key, done));
  });
  asking.emit('honest:broadcast', number);
}

/** Unanswered rounds that are long over. */
function forgetFailed() {
  const oldest = round - Math.ceil((2 * failedAfterMs) / roundMs);
  for (const key of listeners.keys()) {
    if (Number(key.split(' ')[1]) >= oldest) return;
    listeners.delete(key);
  }
}

// Whoever started this has ended; also while clients still try to connect.
process.stdin.once('end', () => process.exit(0));
const requests = createInterface({ input: process.stdin });
const taking = requests[Symbol.asyncIterator]();

await Promise.all(Array.from({ length: Number(count) }, (_, number) => openResident(number)));
console.log('ready');

setInterval(() => {
  playRound();
  forgetFailed();
}, roundMs);

let dueMs = performance.now() + LAG_PROBE_MS;
setInterval(() => {
  record.ownLagMaxMs = Math.max(record.ownLagMaxMs, performance.now() - dueMs);
  dueMs = performance.now() + LAG_PROBE_MS;
}, LAG_PROBE_MS);

while (!(await taking.next()).done) {
  const taken = record;
  record = new Record();
  await Promise.all(taken.pending);
  const { times, failures, disconnects, ownLagMaxMs } = taken;
  console.log(JSON.stringify({ times, failures, disconnects, ownLagMaxMs }));
}
