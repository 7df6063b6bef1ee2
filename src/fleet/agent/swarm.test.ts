/** What a swarm does with orders: numbers, rates, moves, turnover, messages; over real sockets. */

import { heapStats } from 'bun:jsc';
import { describe, expect, test } from 'bun:test';
import {
  ScriptedServer,
  socketIoScript,
  text,
  type VisitorSocket,
} from '../../../test/support/scripted-server.ts';
import { SwarmRun, WEBSOCKET } from '../../../test/support/swarm-run.ts';
import { wireFrame } from '../../../test/support/wire-frame.ts';
import { broadcastMark } from './contract.ts';
import { Histogram, type HistogramData } from './histogram.ts';

const OPCODE_TEXT = 0x1;
const OPCODE_PING = 0x9;
const OPCODE_PONG = 0xa;

describe('the number of sessions', () => {
  test('goes up and down, and what it counts adds up', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({ targets: [server.url] });
    for (const connections of [300, 120, 200, 0, 50]) {
      run.order({ connections });
      await run.settled(connections);
      await run.until('the server agrees', () => server.sockets.size === connections);
    }
    expect(await run.finish()).toMatchObject({
      attempts: 430,
      established: 430,
      left: 430,
      failures: {},
      losses: {},
    });
  });

  test.each([[400], [50]])('is reached at %d a second, up and down', async (rate) => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], rate });
    // What has been saved up until now must not count.
    run.order({ connections: 1 });
    await run.settled(1);
    for (const connections of [rate * 0.8, 1]) {
      const startMs = performance.now();
      run.order({ connections });
      await run.settled(connections);
      const tookMs = performance.now() - startMs;
      expect(tookMs).toBeGreaterThan(450);
      expect(tookMs).toBeLessThan(1_800);
    }
  });

  test('never exceeds what the process can hold, those on their way out included', async () => {
    // A server that never closes: who has left holds its file until it is cut.
    using server = new ScriptedServer({ request: (socket) => deaf(socket, server) });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 99 }, 30);
    await run.settled(30);
    run.order({ churnPerMinute: 6_000 });
    for (let i = 0; i < 60; i++) {
      await Bun.sleep(5);
      expect(server.sockets.size).toBeLessThanOrEqual(30);
    }
    expect(run.counters.left).toBeGreaterThan(5);
    run.order({ churnPerMinute: 0 });
    run.skewMs = 6_000;
    await run.settled(30);
  });

  test('is made up again when sessions are lost', async () => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 20 });
    await run.settled(20);
    for (const socket of [...server.sockets].slice(0, 7)) socket.end();
    await run.until('they are lost', () => run.counters.losses['closed'] === 7);
    await run.settled(20);
    expect(await run.finish()).toMatchObject({ attempts: 27, established: 27, left: 20 });
  });
});

describe('who they are', () => {
  test('numbers follow the first one, and CONNECT says them', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({
      targets: [server.url],
      connections: 30,
      firstNumber: 700,
      auth: '{"user":"u{n}"}',
    });
    await run.settled(30);
    expect(numbersOf(server)).toEqual(range(700, 730));
  });

  test('whoever comes back has a number that left', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({
      targets: [server.url],
      connections: 20,
      firstNumber: 100,
      auth: '{"user":"u{n}"}',
      churnPerMinute: 6_000,
    });
    await run.until('many have left', () => run.counters.left >= 40);
    for (const socket of [...server.sockets].slice(0, 5)) socket.terminate();
    run.order({ storms: 1, churnPerMinute: 0 });
    await run.settled(20);
    expect(new Set(numbersOf(server))).toEqual(new Set(range(100, 120)));
    // Those who are there now are twenty different ones.
    const before = server.texts.length;
    run.order({ storms: 2 });
    await run.until('all come again', () => server.texts.length === before + 20);
    expect(
      numbersOf(server)
        .slice(-20)
        .sort((one, other) => one - other),
    ).toEqual(range(100, 120));
  });

  test('protocols come by their weights, at each target', async () => {
    using one = new ScriptedServer(socketIoScript());
    using other = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({
      targets: [one.url, `${other.url}?a=b`],
      connections: 80,
      mix: [
        { protocol: 'socket-io', weight: 1 },
        { protocol: 'websocket', weight: 3 },
      ],
    });
    await run.settled(80);
    for (const { requests } of [one, other]) {
      expect(requests).toHaveLength(40);
      expect(requests.filter((request) => request.includes('EIO=4'))).toHaveLength(10);
    }
    expect(other.requests.every((request) => request.includes('?a=b'))).toBe(true);
  });

  test('sources are used in turn', async () => {
    using server = new ScriptedServer({ host: '0.0.0.0' });
    const sources = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], sources, connections: 12 });
    await run.settled(12);
    const seen = [...server.sockets].map(({ remoteAddress }) => remoteAddress).sort();
    expect(seen).toEqual(sources.flatMap((source) => Array<string>(4).fill(source)));
  });

  test.each([
    ['[::1]', '::1'],
    ['localhost', 'localhost'],
  ])('a target may be ws://%s', async (name, host) => {
    using server = new ScriptedServer({ ...socketIoScript(), host });
    using run = new SwarmRun({ targets: [`ws://${name}:${server.port}/`], connections: 3 });
    await run.settled(3);
    expect(server.requests[0]).toContain(`\r\nHost: ${name}:${server.port}\r\n`);
    await run.finish();
  });
});

describe('a change of targets', () => {
  test('moves the sessions at the rate, and no further than is needed', async () => {
    using one = new ScriptedServer();
    using other = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [one.url], connections: 100, rate: 2_000 });
    await run.settled(100);
    run.order({ rate: 200, targets: [other.url] });
    const startMs = performance.now();
    await run.until('all have moved', () => other.sockets.size === 100 && one.sockets.size === 0);
    await run.settled(100);
    const tookMs = performance.now() - startMs;
    // 100 are closed and 100 opened.
    expect(tookMs).toBeGreaterThan(700);
    expect(tookMs).toBeLessThan(2_400);
    expect(await run.finish()).toMatchObject({ established: 200, left: 200, losses: {} });
  });

  test('also moves those who were on their way to the old one', async () => {
    const waiting: (() => void)[] = [];
    using one = new ScriptedServer({
      request: (socket) => void waiting.push(() => one.accept(socket)),
    });
    using other = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [one.url], connections: 10 });
    await run.until('all wait', () => waiting.length === 10);
    run.order({ targets: [other.url] });
    await Bun.sleep(20);
    for (const accept of waiting) accept();
    await run.until('all have moved', () => other.sockets.size === 10);
    await run.settled(10);
    await run.until('none is left behind', () => one.sockets.size === 0);
  });

  test('to one that is dead does not empty the old one', async () => {
    using one = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [one.url], connections: 50, rate: 500 });
    await run.settled(50);
    run.order({ targets: ['ws://127.0.0.1:1/'] });
    await run.until('some fail', () => (run.counters.failures['ECONNREFUSED'] ?? 0) > 50);
    expect(one.sockets.size).toBeGreaterThan(30);
    run.order({ targets: [one.url] });
    await run.settled(50);
  });
});

describe('turnover', () => {
  test('churn: so many a minute leave and come back', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({ targets: [server.url], connections: 50 });
    await run.settled(50);
    run.order({ churnPerMinute: 3_000 });
    const startMs = performance.now();
    await Bun.sleep(1_000);
    const seconds = (performance.now() - startMs) / 1_000;
    expect(Math.abs(run.counters.left - 50 * seconds)).toBeLessThan(15);
    run.order({ churnPerMinute: 0 });
    await run.settled(50);
    expect(await run.finish()).toMatchObject({ failures: {}, losses: {} });
  });

  test('jitter: they are cut, stay away for their time, and come back', async () => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 60 });
    await run.settled(60);
    run.order({ jitter: { everyMs: 600, awayMs: 200 } });
    const startMs = performance.now();
    let fewest = 60;
    await run.until('each was away about twice', () => {
      fewest = Math.min(fewest, run.open);
      return run.counters.left >= 120;
    });
    const tookMs = performance.now() - startMs;
    // A third of the time away: 60 leave in 600 ms of those who are there.
    expect(tookMs).toBeGreaterThan(1_000);
    expect(tookMs).toBeLessThan(3_600);
    expect(fewest).toBeGreaterThan(25);
    expect(fewest).toBeLessThan(50);
    run.order({ jitter: undefined });
    await run.settled(60);
    expect(run.counters.losses).toEqual({});
    // Cut without a word.
    expect(server.frames).toEqual([]);
  });

  test('jitter and echo at once: no session is passed over', async () => {
    using server = new ScriptedServer({
      frame: (socket, { payload }) => void socket.write(text(payload.toString())),
    });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 20 });
    await run.settled(20);
    const first = new Set(server.sockets);
    const echo = { perSecond: 19 / 0.02, event: 'e', payloadBytes: 1 };
    run.order({ echo, jitter: { everyMs: 400, awayMs: 1 } });
    await run.until('all of the first have been cut', () => first.isDisjointFrom(server.sockets));
    expect(run.counters.left).toBeLessThan(20 * 6);
  });

  test('storm: all are cut once, and come back without regard to the rate', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({ targets: [server.url], connections: 400 });
    await run.settled(400);
    run.order({ rate: 1 });
    run.order({ storms: 1 });
    expect(run.open).toBe(0);
    await run.until('all are back', () => run.open === 400 && server.visitors === 800);
    // The same order again, one that was overtaken, and the same once more.
    for (const storms of [1, 0, 1]) run.order({ storms });
    expect(run.open).toBe(400);
    expect(run.counters).toMatchObject({ attempts: 800, left: 400, losses: {}, failures: {} });
    run.order({ storms: 2 });
    // Before any of those is back.
    run.order({ storms: 3 });
    await run.settled(400);
    expect(run.counters.left).toBe(800);
  });

  test('a storm against a server that is gone is no storm of attempts', async () => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 100 });
    await run.settled(100);
    server[Symbol.dispose]();
    run.order({ storms: 1, rate: 100 });
    await Bun.sleep(500);
    expect(run.counters.attempts).toBeLessThan(100 + 100 + 130);
  });
});

describe('a new run', () => {
  test('starts at nothing: counters, numbers, connections', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({
      targets: [server.url],
      connections: 40,
      auth: '{"user":"u{n}"}',
    });
    await run.settled(40);
    server.broadcast(text(`42["fleet","${broadcastMark(1, 1)}"]`));
    await run.until('all have heard', () => run.counters.deliveries === 40);
    const before = server.frames.length;
    run.order({ run: 'next', firstNumber: 5_000, connections: 10 });
    expect(run.open).toBe(0);
    expect(run.swarm.tally.broadcasts()).toEqual([]);
    await run.settled(10);
    await run.until('the old ones are gone', () => server.sockets.size === 10);
    expect(run.counters).toMatchObject({
      attempts: 10,
      established: 10,
      left: 0,
      failures: {},
      losses: {},
      deliveries: 0,
    });
    const numbers = numbersOf(server).slice(before);
    expect(numbers).toEqual(range(5_000, 5_010));
  });

  test('hears nothing of those who were leaving', async () => {
    using server = new ScriptedServer({ request: (socket) => deaf(socket, server) });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 10 });
    await run.settled(10);
    const leaving = [...server.sockets];
    run.order({ connections: 0 });
    await run.settled(0);
    run.order({ run: 'next' });
    for (const socket of leaving) socket.write(text(broadcastMark(1, 1)));
    await run.until('they are gone', () => server.sockets.size === 0);
    expect(run.counters.deliveries).toBe(0);
  });

  test('those under way belong to neither run', async () => {
    const waiting: (() => void)[] = [];
    using slow = new ScriptedServer({
      request: (socket) => void waiting.push(() => slow.accept(socket)),
    });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [slow.url], connections: 10 });
    await run.until('all wait', () => waiting.length === 10);
    run.order({ run: 'next', connections: 0 });
    for (const accept of waiting) accept();
    await run.until('they are gone', () => slow.sockets.size === 0);
    expect(run.counters).toMatchObject({ attempts: 0, established: 0, failures: {}, losses: {} });
  });

  test('does not inherit who was away, nor a storm', async () => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 50 });
    await run.settled(50);
    run.order({ jitter: { everyMs: 1_000, awayMs: 60_000 } });
    await run.until('some are away', () => run.open < 30);
    run.order({ storms: 1, connections: 400, rate: 20 });
    run.order({ run: 'next', jitter: undefined, storms: 0, connections: 40, rate: 40 });
    await Bun.sleep(150);
    expect(run.open).toBeLessThan(35);
    await run.settled(40);
  });

  test('a storm that the order names from its beginning is not one to make', async () => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 5, storms: 3 });
    await run.settled(5);
    run.order({ storms: 3 });
    expect(run.open).toBe(5);
    run.order({ storms: 4 });
    expect(run.open).toBe(0);
  });
});

describe('broadcasts', () => {
  const mark = (sequence: number, atMicros = nowMicros()): Buffer =>
    text(`42["fleet","${broadcastMark(sequence, atMicros)}"]`);

  test('receipts are exact, by number', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({ targets: [server.url], connections: 50 });
    await run.settled(50);
    server.broadcast(mark(1));
    server.broadcast(Buffer.concat([mark(2), text('42["chat","hello"]'), mark(3)]));
    for (const socket of [...server.sockets].slice(0, 20)) socket.write(mark(4));
    await run.until('all is heard', () => run.counters.deliveries === 50 * 4 + 20);
    expect(run.swarm.tally.broadcasts()).toEqual([
      { sequence: 1, received: 50 },
      { sequence: 2, received: 50 },
      { sequence: 3, received: 50 },
      { sequence: 4, received: 20 },
    ]);
    expect(run.counters.duplicates).toBe(0);
  });

  test('what comes twice or late is a duplicate, and no receipt', async () => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 10 });
    await run.settled(10);
    server.broadcast(Buffer.concat([mark(1), mark(1), mark(3), mark(2)]));
    await run.until('all is heard', () => run.counters.deliveries === 40);
    expect(run.counters.duplicates).toBe(20);
    expect(run.swarm.tally.broadcasts()).toEqual([
      { sequence: 1, received: 10 },
      { sequence: 3, received: 10 },
    ]);
  });

  test('a message in several frames is one delivery, with all its bytes', async () => {
    const json = `42["fleet","${broadcastMark(7, nowMicros())}"]`;
    const parts = [json.slice(0, 1), json.slice(1, 20), json.slice(20)];
    const frames = parts.map((part, index) =>
      wireFrame(index === 0 ? OPCODE_TEXT : 0, part, { isFinal: index === 2 }),
    );
    const ping = wireFrame(OPCODE_PING, 'p');
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({ targets: [server.url], connections: 10 });
    await run.settled(10);
    server.broadcast(Buffer.concat([frames[0]!, ping, frames[1]!, frames[2]!]));
    await run.until('all is heard', () => run.counters.deliveries > 0);
    await run.until('pings are answered', () => run.counters.heartbeats === 10);
    const bytes = Buffer.concat(frames).length;
    expect(run.counters).toMatchObject({ deliveries: 10, deliveryBytes: 10 * bytes });
    expect(run.swarm.tally.broadcasts()).toEqual([{ sequence: 7, received: 10 }]);
  });

  test.each([126, 65_535, 65_536, 1_000_000])('of %d bytes arrive whole', async (length) => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 2 });
    await run.settled(2);
    const head = broadcastMark(1, nowMicros());
    const frame = text(head.padStart(length, '.'));
    for (const socket of server.sockets) sendAll(socket, frame);
    await run.until('both have it', () => run.counters.deliveries === 2);
    expect(run.counters.deliveryBytes).toBe(2 * frame.length);
    expect(run.swarm.tally.broadcasts()).toEqual([{ sequence: 1, received: 2 }]);
  });

  test('latency is from the mark to now, by the clock of the coordinator', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({
      targets: [server.url],
      connections: 10,
      clockOffsetMs: 3_600_000,
    });
    await run.settled(10);
    server.broadcast(mark(1, nowMicros() + 3_600_000_000 - 50_000));
    await run.until('all is heard', () => run.counters.deliveries === 10);
    const median = medianOf(run.swarm.tally.latencies().delivery);
    expect(median).toBeGreaterThan(50_000);
    expect(median).toBeLessThan(500_000);
  });
});

describe('heartbeats', () => {
  test('of the server are answered and counted, and are no deliveries', async () => {
    using server = new ScriptedServer(socketIoScript());
    using run = new SwarmRun({ targets: [server.url], connections: 5 });
    await run.settled(5);
    const before = server.frames.length;
    server.broadcast(Buffer.concat([text('2'), wireFrame(OPCODE_PING, ''), text('2')]));
    await run.until('all are answered', () => server.frames.length === before + 15);
    const answers = server.frames
      .slice(before)
      .map(({ opcode, payload }) => `${opcode}${payload.toString()}`);
    expect(answers.sort()).toEqual([
      ...Array<string>(5).fill(`${OPCODE_PONG}`),
      ...Array<string>(10).fill(`${OPCODE_TEXT}3`),
    ]);
    expect(run.counters).toMatchObject({ heartbeats: 15, deliveries: 0, deliveryBytes: 0 });
  });

  test('a pong says what the ping said', async () => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 1 });
    await run.settled(1);
    server.broadcast(wireFrame(OPCODE_PING, 'x'.repeat(125)));
    await run.until('it is answered', () => server.frames.length === 1);
    expect(server.frames[0]).toEqual({ opcode: OPCODE_PONG, payload: Buffer.alloc(125, 'x') });
  });
});

describe('echoes', () => {
  const echo = { perSecond: 200, event: 'say', payloadBytes: 20 };

  test('over Socket.IO the ack answers, and its time is taken', async () => {
    using server = new ScriptedServer({
      ...socketIoScript(),
      frame: (socket, { payload }) => {
        const message = payload.toString();
        if (message.startsWith('40')) socket.write(text('40{"sid":"s"}'));
        const ack = /^42(\d+)\["say","\.{20}"\]$/.exec(message)?.[1];
        if (ack === undefined) return;
        socket.write(text('42["news"]'));
        setTimeout(() => socket.write(text(`43${ack}["ok"]`)), 30);
      },
    });
    using run = new SwarmRun({ targets: [server.url], connections: 20 });
    await run.settled(20);
    run.order({ echo });
    const startMs = performance.now();
    await run.until('many are answered', () => run.counters.echoesAnswered >= 100);
    const perSecond = run.counters.echoesSent / ((performance.now() - startMs) / 1_000);
    expect(perSecond).toBeGreaterThan(140);
    expect(perSecond).toBeLessThan(260);
    run.order({ echo: undefined });
    await run.until('none waits', () => run.counters.echoesAnswered === run.counters.echoesSent);
    const { echo: latency } = run.swarm.tally.latencies();
    expect(totalOf(latency)).toBe(run.counters.echoesSent);
    expect(medianOf(latency)).toBeGreaterThan(28_000);
    expect(medianOf(latency)).toBeLessThan(100_000);
    await run.until('news is no answer', () => {
      return run.counters.deliveries === run.counters.echoesSent;
    });
  });

  test('over plain WebSocket the next frame answers, but no broadcast', async () => {
    const marked = text(broadcastMark(1, 1));
    using server = new ScriptedServer({
      frame: (socket) => void socket.write(Buffer.concat([marked, wireFrame(0x2, 'got it')])),
    });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 10 });
    await run.settled(10);
    run.order({ echo: { ...echo, perSecond: 50 } });
    await run.until('ten are answered', () => run.counters.echoesAnswered >= 10);
    run.order({ echo: undefined });
    await run.until('none waits', () => run.counters.echoesAnswered === run.counters.echoesSent);
    const { echoesSent, deliveries } = run.counters;
    expect(deliveries).toBe(echoesSent);
    // Without an echo under way, the same frame is a delivery.
    server.broadcast(wireFrame(0x2, 'got it'));
    server.broadcast(text('....................'));
    await run.until('all is heard', () => run.counters.deliveries === echoesSent + 20);
    expect(run.counters.echoesAnswered).toBe(echoesSent);
    expect(server.texts.every((message) => message === '.'.repeat(20))).toBe(true);
  });

  test('a session that waits sends no second one', async () => {
    using server = new ScriptedServer();
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 5, echo });
    await run.until('all have sent', () => run.counters.echoesSent === 5);
    await Bun.sleep(100);
    expect(run.counters).toMatchObject({ echoesSent: 5, echoesAnswered: 0 });
    expect(server.texts).toHaveLength(5);
  });

  test('large ones arrive whole', async () => {
    const sizes: number[] = [];
    using server = new ScriptedServer({
      frame: (socket, { opcode, payload }) => {
        if (opcode === OPCODE_TEXT) sizes.push(payload.length);
        socket.write(text('ok'));
      },
    });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 3 });
    await run.settled(3);
    run.order({ echo: { perSecond: 1_000, event: 'e', payloadBytes: 32_768 } });
    await run.until('many arrive', () => sizes.length >= 200);
    expect(new Set(sizes)).toEqual(new Set([32_768]));
    expect(run.counters.losses).toEqual({});
  });
});

test('the time to a session is taken', async () => {
  using server = new ScriptedServer({
    request: (socket) => void setTimeout(() => server.accept(socket), 40),
  });
  using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 8 });
  await run.settled(8);
  const { connect } = run.swarm.tally.latencies();
  expect(totalOf(connect)).toBe(8);
  expect(medianOf(connect)).toBeGreaterThan(39_000);
  expect(medianOf(connect)).toBeLessThan(400_000);
});

test('whatever way connections end, no socket of theirs is kept', async () => {
  let turn = 0;
  using server = new ScriptedServer({
    upgraded: (socket) => {
      turn++;
      if (turn % 5 === 1) socket.end();
      if (turn % 5 === 2) socket.terminate();
      if (turn % 5 === 3) socket.write(Buffer.of(0x01, 1, 0x61, 0x00));
      if (turn % 5 === 4) socket.write(Buffer.of(0xff, 0xff));
    },
  });
  const before = liveSockets();
  using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 200 });
  // Two of five stay, one of them within a message.
  await run.settled(200);
  expect(run.counters.attempts).toBeGreaterThan(400);
  expect(liveSockets()).toBeGreaterThan(before + 50);
  await run.finish();
  await run.until('the server sees them go', () => server.sockets.size === 0);
  run.skewMs = 60_000;
  // A few may be on the stack, which the collector reads conservatively; what holds them all may
  // be there for a moment, too.
  await run.until('no socket is kept', () => liveSockets() < before + 20);
});

function liveSockets(): number {
  Bun.gc(true);
  return heapStats().objectTypeCounts['TCPSocket'] ?? 0;
}

/** Accepts, and never answers a close. */
function deaf(socket: VisitorSocket, server: ScriptedServer): void {
  server.accept(socket);
  socket.data.isUpgraded = false;
}

/** A write of Bun takes what fits; the rest is for later. */
function sendAll(socket: VisitorSocket, bytes: Uint8Array): void {
  const sent = Math.max(0, socket.write(bytes));
  if (sent < bytes.length) setTimeout(() => sendAll(socket, bytes.subarray(sent)), 1);
}

function numbersOf({ texts }: ScriptedServer): number[] {
  return texts.map((packet) => Number(/^40\{"user":"u(\d+)"\}$/.exec(packet)?.[1]));
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

function nowMicros(): number {
  return (performance.timeOrigin + performance.now()) * 1_000;
}

function medianOf(data: HistogramData): number {
  const histogram = new Histogram();
  histogram.merge(data);
  return histogram.percentile(0.5)!;
}

function totalOf(data: HistogramData): number {
  const histogram = new Histogram();
  histogram.merge(data);
  return histogram.total;
}
