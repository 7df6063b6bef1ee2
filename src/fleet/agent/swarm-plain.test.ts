/** Sessions of the plain protocol, over real sockets: how they begin, what counts, how they end. */

import { describe, expect, test } from 'bun:test';
import { chunk, PlainServer, streamHead } from '../../../test/support/plain-server.ts';
import { ScriptedServer } from '../../../test/support/scripted-server.ts';
import { SwarmRun } from '../../../test/support/swarm-run.ts';
import { broadcastMark, type ClientProtocol, type ProtocolWeight } from './contract.ts';

const SESSIONS = 30;
const PLAIN = ['websocket', 'sse', 'stream', 'poll'] as const;
const STREAMS = ['sse', 'stream'] as const;

const only = (protocol: ClientProtocol): readonly ProtocolWeight[] => [{ protocol, weight: 1 }];

describe.each(PLAIN)('%s', (protocol) => {
  test('holds sessions that say who they are, counts what they hear, and leaves', async () => {
    using server = new PlainServer({ isChunked: protocol === 'poll' });
    using run = new SwarmRun({
      targets: [`${server.url}?room=a`],
      connections: SESSIONS,
      mix: only(protocol),
      auth: '{"user":"u{n}"}',
      firstNumber: 9,
    });
    await run.settled(SESSIONS);
    const users = [...server.sessions.values()].map(({ auth }) => auth ?? '');
    const wanted = Array.from({ length: SESSIONS }, (_, i) => `{"user":"u${9 + i}"}`);
    expect(new Set(users)).toEqual(new Set(wanted));
    expect(server.requests[0]).toContain('?room=a&');
    for (const sequence of [1, 2, 3]) {
      const mark = broadcastMark(sequence, Date.now() * 1_000);
      server.broadcast(mark, { nested: ['"}]'] });
    }
    await run.until('all have heard', () => run.counters.deliveries === 3 * SESSIONS);
    expect(run.swarm.tally.broadcasts()).toEqual(
      [1, 2, 3].map((sequence) => ({ sequence, received: SESSIONS })),
    );
    const counters = await run.finish();
    expect(counters).toMatchObject({ left: SESSIONS, failures: {}, losses: {}, duplicates: 0 });
    expect(counters.deliveryBytes).toBeGreaterThan(3 * SESSIONS * 60);
    await run.until('the server has seen them leave', () => server.connections === 0);
  });

  test('a session that the server ends is lost by that name', async () => {
    using server = new PlainServer();
    using run = new SwarmRun({ targets: [server.url], connections: 3, mix: only(protocol) });
    await run.settled(3);
    server.send('{"type":"error","reason":"x"}', '{"type":"pong"}');
    server.send('{"type":"disconnect","reason":"server shutting down","retry":2000}');
    await run.until('they are lost', () => run.counters.losses['disconnected'] === 3);
    expect(run.counters.deliveries).toBe(0);
  });

  test('a session that is refused with its first message is told by name', async () => {
    using server = new PlainServer({ isMute: true });
    using run = new SwarmRun({ targets: [server.url], connections: 1, mix: only(protocol) });
    await run.until('it has come', () => server.sessions.size === 1);
    server.send('{"type":"error","reason":"notAuthenticated","message":"no"}');
    await run.until('it is refused', () => run.counters.losses['refused'] === 1);
  });

  test('silence ends a session by the times of its first message', async () => {
    using server = new PlainServer({ pingInterval: 400, pingTimeout: 300, pollHoldMs: 500 });
    using run = new SwarmRun({ targets: [server.url], connections: 3, mix: only(protocol) });
    const name = protocol === 'poll' ? 'poll timeout' : 'ping timeout';
    await run.settled(3);
    if (protocol === 'poll') {
      // The first poll that comes back with nothing tells how long one is held.
      await run.until('polls come back', () => run.counters.heartbeats >= 3 * 4);
      expect(run.counters.losses).toEqual({});
      server.fallSilent();
      await run.until('they are lost', () => (run.counters.losses[name] ?? 0) >= 3);
      return;
    }
    await run.until('they are lost', () => (run.counters.losses[name] ?? 0) >= 3);
  });
});

describe('what only keeps a stream open', () => {
  test.each(STREAMS)('%s: is heard and counted as a heartbeat', async (protocol) => {
    using server = new PlainServer({ pingInterval: 1_000, pingTimeout: 500 });
    using run = new SwarmRun({ targets: [server.url], connections: 3, mix: only(protocol) });
    await run.settled(3);
    for (let beat = 1; beat <= 10; beat++) {
      server.beat();
      await run.until('it is heard', () => run.counters.heartbeats >= beat * 3);
      await Bun.sleep(200);
    }
    expect(run.counters).toMatchObject({ losses: {}, deliveries: 0 });
  });

  test.each(STREAMS)('%s: an end of the answer is a loss with its name', async (protocol) => {
    using server = new PlainServer();
    using run = new SwarmRun({ targets: [server.url], connections: 3, mix: only(protocol) });
    await run.settled(3);
    server.write('0\r\n\r\n');
    await run.until('they are lost', () => run.counters.losses['stream ended'] === 3);
  });
});

describe('polls', () => {
  test('are asked again from where the answer ended, whatever it held', async () => {
    using server = new PlainServer({ pollHoldMs: 20 });
    using run = new SwarmRun({ targets: [server.url], connections: 1, mix: only('poll') });
    await run.until('some came back with nothing', () => run.counters.heartbeats >= 4);
    server.send('{"type":"event","event":"a"}', '{"type":"event","event":"b"}');
    await run.until('it has heard', () => run.counters.deliveries === 2);
    await run.until('it has asked again', () =>
      (server.requests.at(-1) ?? '').includes('since=S0.3 '),
    );
    expect(server.requests[0]).toStartWith('GET /poll HTTP/1.1\r\n');
    expect(server.requests.slice(1, 4).every((text) => text.includes('since=S0.1 '))).toBe(true);
    expect(run.counters.losses).toEqual({});
  });

  test('that are refused later are a loss with the status', async () => {
    using server = new PlainServer();
    using run = new SwarmRun({ targets: [server.url], connections: 1, mix: only('poll') });
    await run.settled(1);
    server.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    await run.until('it is lost', () => run.counters.losses['HTTP 503'] === 1);
  });

  test('whose session the server does not know begin no second one', async () => {
    using server = new PlainServer();
    using run = new SwarmRun({ targets: [server.url], connections: 1, mix: only('poll') });
    await run.settled(1);
    server.send('{"type":"connect","session":"B","pingInterval":1,"pingTimeout":1}');
    await run.until('it is lost', () => run.counters.losses['session forgotten'] === 1);
  });
});

describe('echoes of a WebSocket', () => {
  test('are events with an id where the server speaks the plain protocol', async () => {
    using server = new PlainServer();
    const echo = { perSecond: 100, event: 'say', payloadBytes: 10 };
    using run = new SwarmRun({
      targets: [server.url],
      connections: 5,
      mix: only('websocket'),
      echo,
    });
    await run.until('some are answered', () => run.counters.echoesAnswered >= 20);
    expect(run.counters.deliveries).toBe(0);
  });
});

test('all protocols come by their weights', async () => {
  using server = new PlainServer();
  const weights = { websocket: 1, sse: 2, stream: 3, poll: 4 };
  const mix = PLAIN.map((protocol) => ({ protocol, weight: weights[protocol] }));
  using run = new SwarmRun({ targets: [server.url], connections: 50, mix });
  await run.settled(50);
  const counts = PLAIN.map(
    (protocol) =>
      [...server.sessions.values()].filter(({ transport }) => transport === protocol).length,
  );
  expect(counts).toEqual([5, 10, 15, 20]);
});

describe('a server that speaks no protocol above', () => {
  test.each(STREAMS)('%s: all that it says is a delivery, whatever it looks like', async (kind) => {
    const messages = ['hello', '{"type":"disconnect"}', '{"type":"connect"}', '{"type":"ack"}'];
    const lines = messages.map((text) => (kind === 'sse' ? `data: ${text}\n\n` : `${text}\n`));
    using server = new ScriptedServer({
      request: (socket) => void socket.write(streamHead(kind) + lines.map(chunk).join('')),
    });
    const targets = [server.url];
    using run = new SwarmRun({ targets, connections: 3, mix: only(kind) });
    await run.until('all is heard', () => run.counters.deliveries === 12);
    expect(await run.finish()).toMatchObject({ losses: {}, left: 3 });
  });
});
