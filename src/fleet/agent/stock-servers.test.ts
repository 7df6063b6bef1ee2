/** The agent's clients against the servers that everyone else runs. */

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';
import { SwarmRun, WEBSOCKET } from '../../../test/support/swarm-run.ts';
import { broadcastMark } from './contract.ts';

const SESSIONS = 40;
const ECHO = { perSecond: 200, event: 'say', payloadBytes: 200 };

let http: HttpServer;
let port: number;

beforeEach(async () => {
  http = createServer();
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  ({ port } = http.address() as AddressInfo);
});

afterEach(() => void http.close());

describe('socket.io 4', () => {
  let server: Server;

  beforeEach(() => {
    server = new Server(http, { pingInterval: 100, pingTimeout: 2_000, transports: ['websocket'] });
  });

  afterEach(() => server.close());

  test('holds sessions, pings, broadcasts, acks, and sees them leave', async () => {
    const users: unknown[] = [];
    server.on('connection', (socket) => {
      users.push(socket.handshake.auth['user']);
      socket.on('say', (text: string, answer: (length: number) => void) => answer(text.length));
    });
    const targets = [`http://127.0.0.1:${port}/`];
    const auth = '{"user":"u{n}"}';
    using run = new SwarmRun({ targets, connections: SESSIONS, auth, firstNumber: 9 });
    await run.settled(SESSIONS);
    expect(new Set(users)).toEqual(
      new Set(Array.from({ length: SESSIONS }, (_, i) => `u${9 + i}`)),
    );
    server.emit('fleet', { text: broadcastMark(1, Date.now() * 1_000) });
    server.emit('file', Buffer.from('bytes'), broadcastMark(2, Date.now() * 1_000));
    run.order({ echo: ECHO });
    await run.until('heard, answered and pinged', () => {
      const { deliveries, echoesAnswered, heartbeats } = run.counters;
      return deliveries === 2 * SESSIONS && echoesAnswered >= 50 && heartbeats >= 3 * SESSIONS;
    });
    expect(run.swarm.tally.broadcasts()).toEqual([
      { sequence: 1, received: SESSIONS },
      { sequence: 2, received: SESSIONS },
    ]);
    run.order({ echo: undefined });
    const counters = await run.finish();
    expect(counters).toMatchObject({ left: SESSIONS, failures: {}, losses: {}, duplicates: 0 });
    await run.until('the server has seen them leave', () => server.engine.clientsCount === 0);
  });

  test('that refuses them, or ends them, is told by name', async () => {
    server.use((socket, next) => next(socket.handshake.auth['ok'] ? undefined : new Error('no')));
    server.on('connection', (socket) => void socket.disconnect());
    const targets = [`ws://127.0.0.1:${port}/`];
    using run = new SwarmRun({ targets, connections: 5 });
    await run.until('some are refused', () => (run.counters.failures['refused'] ?? 0) >= 5);
    run.order({ auth: '{"ok":true}' });
    await run.until('some are lost', () => (run.counters.losses['closed'] ?? 0) >= 5);
    const { failures, losses } = await run.finish();
    expect(Object.keys(failures)).toEqual(['refused']);
    expect(Object.keys(losses)).toEqual(['closed']);
  });
});

describe('ws 8', () => {
  test('holds sessions, pings, echoes, sends in parts, and closes with a code', async () => {
    using server = new StockWebSocket(http);
    const targets = [`ws://127.0.0.1:${port}/any?path`];
    using run = new SwarmRun({ ...WEBSOCKET, targets, connections: SESSIONS });
    await run.settled(SESSIONS);
    for (const client of server.clients) {
      client.ping('payload');
      const text = broadcastMark(1, Date.now() * 1_000).padEnd(70_000, '.');
      client.send(text.slice(0, 3), { fin: false });
      client.send(text.slice(3, 40_000), { fin: false });
      client.send(text.slice(40_000), { fin: true });
    }
    await run.until('all have heard', () => run.counters.deliveries === SESSIONS);
    await run.until('pongs carry the payload', () => server.pongs.length === SESSIONS);
    expect(new Set(server.pongs)).toEqual(new Set(['payload']));
    run.order({ echo: ECHO });
    await run.until('echoes are answered', () => run.counters.echoesAnswered >= 50);
    run.order({ echo: undefined, connections: SESSIONS - 10 });
    await run.settled(SESSIONS - 10);
    await run.until('ten left with 1000', () => server.codes.length === 10);
    expect(new Set(server.codes)).toEqual(new Set([1_000]));
    expect(run.swarm.tally.broadcasts()).toEqual([{ sequence: 1, received: SESSIONS }]);
    run.order({ rate: 0.001 });
    for (const client of server.clients) client.close(1_013, 'try again later');
    await run.until('the rest is lost', () => {
      return run.counters.losses['closed 1013'] === SESSIONS - 10;
    });
    expect(run.counters).toMatchObject({ failures: {}, deliveries: SESSIONS, duplicates: 0 });
  });

  test('that speaks no Socket.IO is no server for Socket.IO', async () => {
    using server = new StockWebSocket(http);
    server.greeting = 'welcome';
    using run = new SwarmRun({ targets: [`ws://127.0.0.1:${port}/`], connections: 3 });
    await run.until('some fail', () => (run.counters.failures['not the protocol'] ?? 0) >= 3);
    const { failures } = await run.finish();
    expect(Object.keys(failures)).toEqual(['not the protocol']);
  });
});

/** Echoes what it gets, and writes down pongs and codes. */
class StockWebSocket implements Disposable {
  readonly pongs: string[] = [];
  readonly codes: number[] = [];
  greeting = '';
  readonly #server: WebSocketServer;

  constructor(server: HttpServer) {
    this.#server = new WebSocketServer({ server });
    this.#server.on('connection', (client) => {
      if (this.greeting !== '') client.send(this.greeting);
      client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
      client.on('pong', (data) => this.pongs.push(data.toString()));
      client.on('close', (code) => this.codes.push(code));
    });
  }

  get clients(): WebSocketServer['clients'] {
    return this.#server.clients;
  }

  [Symbol.dispose](): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }
}
