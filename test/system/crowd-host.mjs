/**
 * Many unmodified socket.io-client clients in one Node.js process, as users run them.
 *
 * Reads requests `{id, method, args}` from standard input, one a line, and answers each with
 * `{id, result}` or `{id, error}` on standard output. crowd.ts is the other end.
 */

import { createHash, randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { io } from 'socket.io-client';

const ACK_TIMEOUT_MS = 30_000;

const clients = [];

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

class Client {
  heard = {};
  connects = 0;
  errors = [];
  disconnects = [];
  reconnectAttempts = 0;
  pings = 0;

  constructor(url, options) {
    this.socket = io(url, { forceNew: true, ...options });
    this.settled = new Promise((resolve) => {
      this.socket.on('connect', () => {
        this.connects++;
        resolve();
      });
      this.socket.on('connect_error', (error) => {
        this.errors.push(error.message);
        resolve();
      });
    });
    this.socket.on('disconnect', (reason) => this.disconnects.push(reason));
    this.socket.io.on('reconnect_attempt', () => this.reconnectAttempts++);
    this.socket.io.on('ping', () => this.pings++);
    this.socket.onAny((event, ...args) => {
      const answer = typeof args.at(-1) === 'function' ? args.pop() : undefined;
      if (event === 'bytes') answer(args[1].equals(args[0].nested[0]) ? args[1] : 'not the same');
      else (this.heard[event] ??= []).push(args);
    });
  }

  get state() {
    const { heard, connects, errors, disconnects, reconnectAttempts, pings, socket } = this;
    const transport = socket.io.engine?.transport?.name;
    return { heard, connects, errors, disconnects, reconnectAttempts, pings, transport };
  }

  ask(event, ...args) {
    return this.socket.timeout(ACK_TIMEOUT_MS).emitWithAck(event, ...args);
  }

  /** Sends bytes and gets them back, then has the server do the same; tells what went wrong. */
  async exchange(length) {
    const bytes = randomBytes(length);
    const digest = this.socket.timeout(ACK_TIMEOUT_MS);
    const [hash, { back }] = await new Promise((resolve, reject) => {
      digest.emit('digest', bytes, (error, ...values) => (error ? reject(error) : resolve(values)));
    });
    if (hash !== sha256(bytes)) return 'the server got other bytes';
    if (!bytes.equals(back)) return 'the client got other bytes back';
    return (await this.ask('askForBytes', length)) === true ? 'same' : 'the server got others back';
  }
}

const methods = {
  /** Opens a client for each list of options, and waits until each has connected or failed. */
  async connect(url, all) {
    const opened = all.map((options) => new Client(url, options));
    clients.push(...opened);
    await Promise.all(opened.map(({ settled }) => settled));
  },
  states: () => clients.map(({ state }) => state),
  ask: (...args) => Promise.all(clients.map((client) => client.ask(...args))),
  exchange: (lengths) =>
    Promise.all(clients.map((client, i) => client.exchange(lengths[i % lengths.length]))),
  close() {
    for (const { socket } of clients) socket.disconnect();
  },
};

async function answer(id, method, args) {
  try {
    console.log(JSON.stringify({ id, result: await methods[method](...args) }));
  } catch (error) {
    console.log(JSON.stringify({ id, error: error.stack ?? error.message }));
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, args } = JSON.parse(line);
  void answer(id, method, args);
}
process.exit(0);
