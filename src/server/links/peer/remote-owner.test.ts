/** Requests and sockets of one worker for sessions of another, over a real Unix socket. */

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeOwner, HeldSocket, OK } from '../../../../test/support/fake-owner.ts';
import { replyTo } from '../../../../test/support/reply-to.ts';
import type {
  FrameHandler,
  FrameSocket,
  HttpAnswer,
  Reply,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { MemoryBudget } from '../../core/limits/memory-budget.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { SlowReaders } from '../../core/limits/slow-readers.ts';
import { servePeers } from './peer-server.ts';
import { unixWay } from './peers.ts';
import { type EdgeLimits, RemoteOwner } from './remote-owner.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const SLOW = { maxBackpressureBytes: 1_000, backpressureTimeoutMs: 1_000 };

let folder: string;
let path: string;
let far: FakeOwner;
let near: RemoteOwner;
let edge: EdgeLimits;
let budget: MemoryBudget;
let stopFar: () => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-peer-'));
  path = join(folder, 'worker-1.sock');
  far = new FakeOwner();
  const listener = servePeers(path, far, SILENT);
  stopFar = () => listener.stop();
  const refusals = new Refusals(SILENT);
  budget = new MemoryBudget(10_000, refusals);
  edge = { slowReaders: new SlowReaders(SLOW, budget), refusals };
  near = new RemoteOwner(unixWay(path), SILENT, edge);
});

afterEach(() => {
  near.close();
  stopFar();
  rmSync(folder, { recursive: true });
});

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 5_000; !holds(); await Bun.sleep(1)) {
    if (performance.now() > endMs) throw new Error(`not within 5 s: ${String(holds)}`);
  }
}

const answerTo = (ask: (reply: Reply) => void): Promise<HttpAnswer> =>
  new Promise((resolve) => ask(replyTo(resolve)));

/** A client's socket that the far worker has taken. */
async function openSocket(isTextOnly = false): Promise<[HeldSocket, FrameSocket]> {
  const socket = new HeldSocket();
  const before = far.offers.length;
  socket.data = near.offerSocket({ sessionId: 'mine', socket, isTextOnly, connection: 7 });
  await until(() => far.offers.length > before);
  return [socket, (far.offers.at(-1) as SocketOffer).socket];
}

function bring(socket: HeldSocket, frame: string | Buffer): void {
  (socket.data as FrameHandler).onFrame(socket, frame);
}

describe('what is larger than a frame', () => {
  const tooLarge = (): string => 'x'.repeat(LIMITS.ipcFrameBytes);

  test('ends the session it is for, and what the others are sent reaches them', async () => {
    const [first, firstFar] = await openSocket();
    const [second, secondFar] = await openSocket();
    firstFar.send('before');
    secondFar.send('also before');
    secondFar.send(tooLarge());
    firstFar.send('behind');
    secondFar.send('never');
    await until(() => second.closes.length > 0 && far.closedSockets === 1);
    expect(first.sent).toEqual(['before', 'behind']);
    expect(second.sent).toEqual(['also before']);
    firstFar.send('still there');
    await until(() => first.sent.length === 3);
    expect(first.closes).toEqual([]);
  });

  test('is answered with an error, for whoever asked would wait for ever', async () => {
    const answer = answerTo((reply) => near.poll('a', reply));
    await until(() => far.polls.length === 1);
    far.polls[0]?.answer({ ...OK, body: tooLarge() });
    expect(await answer).toMatchObject({ status: 500 });
    const other = answerTo((reply) => near.poll('b', reply));
    await until(() => far.polls.length === 2);
    far.polls[1]?.answer(OK);
    expect(await other).toEqual(OK);
  });
});

test('the end of a link is told to all that wait for it, also when telling one fails', async () => {
  const answers: string[] = [];
  const failing = replyTo(() => {
    throw new Error('its client is gone in a strange way');
  });
  near.poll('a', failing);
  near.poll(
    'b',
    replyTo(({ status }) => answers.push(`b ${status}`)),
  );
  const [socket] = await openSocket();
  await until(() => far.polls.length === 2);
  stopFar();
  near.close();
  await until(() => socket.closes.length > 0);
  expect(answers).toEqual(['b 400']);
});

describe('requests', () => {
  test('polls are answered when the owner answers, whatever the order', async () => {
    const answers = ['a', 'b', 'c'].map((id) => answerTo((reply) => near.poll(id, reply)));
    await until(() => far.polls.length === 3);
    for (const index of [2, 0, 1]) far.polls[index]?.answer({ ...OK, body: `${index}` });
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(['0', '1', '2']);
    expect(far.asked).toEqual([
      ['poll', 'a'],
      ['poll', 'b'],
      ['poll', 'c'],
    ]);
  });

  test('an abandoned poll is told with the reply that it had, and never answered', async () => {
    let answers = 0;
    const reply = replyTo(() => answers++);
    near.poll('a', reply);
    await until(() => far.polls.length === 1);
    near.abandonPoll('a', reply);
    near.abandonPoll('a', reply);
    await until(() => far.abandoned.length > 0);
    far.polls[0]?.answer(OK);
    await Bun.sleep(5);
    expect(far.abandoned).toEqual([far.polls[0] as Reply]);
    expect(answers).toBe(0);
  });

  test('abandoning a poll that was answered tells nobody', async () => {
    const { promise, resolve } = Promise.withResolvers<HttpAnswer>();
    const reply = replyTo(resolve);
    near.poll('a', reply);
    await until(() => far.polls.length === 1);
    far.polls[0]?.answer(OK);
    expect(await promise).toEqual(OK);
    near.abandonPoll('a', reply);
    await near.knows('a');
    expect(far.abandoned).toEqual([]);
  });

  test('posts pass whole, broken off, empty and large, behind their beginning', async () => {
    const large = '🐟'.repeat(500_000);
    for (const body of ['4é', undefined, '', large]) {
      near.beginPost('a');
      expect(await answerTo((reply) => near.post('a', body, reply))).toEqual(OK);
      expect(far.asked.splice(0)).toEqual([
        ['beginPost', 'a'],
        ['post', 'a', body],
      ]);
    }
  });

  test('whether a socket would be taken', async () => {
    expect(await Promise.all([near.knows('mine'), near.knows('other')])).toEqual([true, false]);
  });
});

describe('sockets', () => {
  test('carry frames both ways, text and binary, in order', async () => {
    const [client, session] = await openSocket(true);
    expect(far.offers[0]).toMatchObject({ sessionId: 'mine', isTextOnly: true });
    const frames = [
      '',
      'é🐟',
      Buffer.from([0, 255]),
      'x'.repeat(100_000),
      Buffer.alloc(100_000, 7),
    ];
    for (const frame of frames) bring(client, frame);
    await until(() => far.frames.length === frames.length);
    expect(far.frames).toEqual(frames);
    session.cork(() => {
      for (const frame of frames) session.send(frame);
    });
    await until(() => client.sent.length === frames.length);
    expect(client.sent).toEqual(frames);
  });

  test('a broadcast and what is said to one keep their order on every socket', async () => {
    const opened = [await openSocket(), await openSocket(), await openSocket()];
    for (const [, session] of opened) session.send('all 1');
    opened[1]?.[1].send('one');
    for (const [, session] of opened) session.send('all 2');
    for (const [, session] of opened) session.send('all 2');
    await until(() => opened.every(([client]) => client.sent.includes('all 2')));
    await Bun.sleep(5);
    expect(opened.map(([client]) => client.sent)).toEqual([
      ['all 1', 'all 2', 'all 2'],
      ['all 1', 'one', 'all 2', 'all 2'],
      ['all 1', 'all 2', 'all 2'],
    ]);
  });

  test('one that the owner closes gets what was sent before, then code and reason', async () => {
    const [client, session] = await openSocket();
    session.send('last');
    session.close(1008, 'parse error');
    session.send('too late');
    await until(() => client.closes.length > 0);
    await near.knows('mine');
    expect([client.sent, client.closes]).toEqual([['last'], [[1008, 'parse error']]]);
    expect(near.socketCount).toBe(0);
  });

  test('one that the client closes is told to its session once', async () => {
    const [client] = await openSocket();
    expect(near.socketCount).toBe(1);
    client.close();
    await until(() => far.closedSockets > 0);
    await near.knows('mine');
    expect([far.closedSockets, near.socketCount]).toEqual([1, 0]);
  });

  test('one that the owner refuses is closed', async () => {
    far.takesSockets = false;
    const socket = new HeldSocket();
    socket.data = near.offerSocket({ sessionId: 'gone', socket, isTextOnly: false, connection: 7 });
    await until(() => socket.closes.length > 0);
    expect(socket.closes).toEqual([[1008, 'no socket is taken']]);
    expect(near.socketCount).toBe(0);
  });

  test('one whose client has to wait is not read until its owner says so', async () => {
    const [client, session] = await openSocket();
    session.pause();
    await until(() => client.isPaused);
    session.resume();
    await until(() => !client.isPaused);
    client.close();
    await until(() => far.closedSockets > 0);
    session.resume();
    expect(await near.knows('mine')).toBe(true);
  });

  test('one that brings much is read on when its owner has taken all of it', async () => {
    const [client] = await openSocket();
    const frame = 'x'.repeat(10_000);
    for (let sent = 0; sent < 50; sent++) bring(client, frame);
    expect(client.isPaused).toBe(false);
    // What had been read already comes all the same.
    for (let sent = 0; sent < 100; sent++) bring(client, frame);
    expect(client.isPaused).toBe(true);
    await until(() => !client.isPaused);
    // The owner was asked before the last of them.
    expect(far.frames.length).toBeGreaterThan(100);
    await until(() => far.frames.length === 150);
  });

  test('frames for a socket that is closed go nowhere', async () => {
    const [client] = await openSocket();
    const [other] = await openSocket();
    client.close();
    bring(client, 'late');
    bring(other, 'x');
    await until(() => far.frames.length > 0);
    expect(far.frames).toEqual(['x']);
  });
});

describe('a link that is behind', () => {
  const large = (): Buffer => Buffer.alloc(10_000_000);

  test('refuses the session that has much in it, and not whoever sends next', async () => {
    const [client, session] = await openSocket();
    const [other, small] = await openSocket();
    let results: number[] = [];
    do results = [...results, session.send(large())];
    while (results.at(-1) !== 0 && results.length < 100);
    expect([results[0], results.at(-2), results.length < 20]).toEqual([10_000_000, -1, true]);
    expect([session.getBufferedAmount() > 100_000_000, small.send('hello')]).toEqual([true, -1]);
    expect([small.send('hello'), small.getBufferedAmount()]).toEqual([5, 5]);
    await until(() => other.sent.length === 2);
    expect(client.sent.length).toBe(results.length - 1);
    await until(() => session.getBufferedAmount() === 0);
    expect(session.send(large())).toBe(10_000_000);
  });

  test('has those wait who send through it, and closes none', async () => {
    const [client, session] = await openSocket();
    const [other] = await openSocket();
    for (let sent = 0; sent < 15; sent++) bring(client, large());
    bring(other, 'hello');
    expect([client.isPaused, other.isPaused]).toEqual([true, true]);
    session.pause();
    await until(() => !other.isPaused);
    await until(() => far.frames.length === 16);
    // Its owner has it wait for longer.
    await near.knows('mine');
    expect([client.isPaused, client.closes, other.closes]).toEqual([true, [], []]);
    session.resume();
    await until(() => !client.isPaused);
  });
});

describe('a post that has begun and does not come whole', () => {
  test('is over for its session when the link takes no more', async () => {
    const ignore = replyTo(() => {});
    for (let sent = 0; sent < LIMITS.pendingForwards; sent++) near.poll('other', ignore);
    near.beginPost('a');
    expect(await answerTo((reply) => near.post('a', 'x', reply))).toMatchObject({ status: 503 });
    await until(() => far.asked.length === LIMITS.pendingForwards + 2);
    expect(far.asked.slice(LIMITS.pendingForwards)).toEqual([
      ['beginPost', 'a'],
      ['post', 'a', undefined],
    ]);
  });

  test('is over for its session when the edge is gone', async () => {
    for (const id of ['a', 'b']) near.beginPost(id);
    await answerTo((reply) => near.post('b', 'x', reply));
    near.close();
    await until(() => far.asked.length === 4);
    expect(far.asked.slice(2)).toEqual([
      ['post', 'b', 'x'],
      ['post', 'a', undefined],
    ]);
  });
});

describe('a client that does not read', () => {
  test('is cut when too much has waited for too long, and its owner hears of it', async () => {
    const [client, socket] = await openSocket();
    client.isBehind = true;
    socket.send('x'.repeat(2_000));
    await until(() => client.sent.length > 0);
    expect(budget.heldBytes).toBe(2_000);
    const startedAtMs = performance.now();
    edge.slowReaders.sweep(startedAtMs + 1_001);
    expect(client.isCut).toBe(false);
    edge.slowReaders.sweep(startedAtMs + 2_002);
    await until(() => far.closedSockets > 0);
    expect([client.isCut, near.socketCount, budget.heldBytes]).toEqual([true, 0, 0]);
    expect(edge.refusals.totals()).toEqual({ slowReader: 1 });
  });

  test('holds up to the budget, and is cut when it is the one that holds most', async () => {
    const [client, socket] = await openSocket();
    const [other] = await openSocket();
    client.isBehind = true;
    socket.send('x'.repeat(11_000));
    await until(() => client.isCut);
    expect([other.isCut, budget.heldBytes]).toEqual([false, 0]);
    expect(edge.refusals.totals()).toEqual({ memoryBudget: 1 });
  });

  test('may take its time when its session ends in order, and not when it is cut', async () => {
    const [[polite, socket], [cut, other]] = [await openSocket(), await openSocket()];
    for (const client of [polite, cut]) client.isBehind = true;
    for (const one of [socket, other]) one.send('bye');
    socket.close(1000, 'done');
    other.terminate();
    await until(() => cut.isCut);
    expect(polite.closes).toEqual([]);
    polite.bufferedBytes = 0;
    edge.slowReaders.sweep();
    expect([polite.closes, polite.isCut]).toEqual([[[1000, 'done']], false]);
  });
});

describe('the end of a worker', () => {
  test('the owner dies: requests are answered, sockets closed, the next is served', async () => {
    stopFar();
    const owner = await startOwnerProcess();
    const poll = answerTo((reply) => near.poll('a', reply));
    const client = new HeldSocket();
    client.data = near.offerSocket({
      sessionId: 'mine',
      socket: client,
      isTextOnly: false,
      connection: 7,
    });
    await until(() => client.sent.includes('taken'));
    owner.kill('SIGKILL');
    expect(await poll).toMatchObject({ status: 400 });
    expect(JSON.parse((await poll).body)).toMatchObject({ code: 1 });
    await until(() => client.closes.length > 0);
    expect(client.closes[0]?.[0]).toBe(1012);
    expect(near.socketCount).toBe(0);
    rmSync(path, { force: true });
    const again = servePeers(path, far, SILENT);
    stopFar = () => again.stop();
    expect(await near.knows('mine')).toBe(true);
  });

  test('an owner that is not there answers like one that died', async () => {
    const nobody = new RemoteOwner(unixWay(join(folder, 'worker-9.sock')), SILENT, edge);
    const socket = new HeldSocket();
    socket.data = nobody.offerSocket({ sessionId: 'a', socket, isTextOnly: false, connection: 7 });
    const verdict = nobody.knows('a');
    nobody.beginPost('a');
    const answers = [
      answerTo((reply) => nobody.poll('a', reply)),
      answerTo((reply) => nobody.post('a', 'x', reply)),
    ];
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe(400);
    expect(await verdict).toBe(false);
    expect(socket.closes[0]?.[0]).toBe(1012);
    expect(nobody.socketCount).toBe(0);
    nobody.close();
  });

  test('the edge dies: its polls are abandoned and its sockets closed', async () => {
    near.poll(
      'a',
      replyTo(() => {}),
    );
    await openSocket();
    await until(() => far.polls.length === 1);
    const other = new RemoteOwner(unixWay(path), SILENT, edge);
    other.poll(
      'b',
      replyTo(() => {}),
    );
    await until(() => far.polls.length === 2);
    near.close();
    await until(() => far.closedSockets === 1);
    expect(far.abandoned).toEqual([far.polls[0] as Reply]);
    far.polls[0]?.answer(OK);
    other.close();
  });

  test('closing while the connection is being made leaves none open', async () => {
    const early = new RemoteOwner(unixWay(path), SILENT, edge);
    let answered = false;
    const reply = replyTo(() => {
      answered = true;
    });
    early.poll('a', reply);
    early.close();
    await until(() => answered || far.abandoned.length > 0);
  });
});

/** A worker of its own process, which never answers a poll and greets each socket. */
async function startOwnerProcess(): Promise<Bun.Subprocess> {
  rmSync(path, { force: true });
  const program = `
    import { servePeers } from './peer-server.ts';
    servePeers(${JSON.stringify(path)}, {
      poll() {},
      offerSocket({ socket }) {
        socket.send('taken');
        return { onFrame() {}, onSocketClose() {} };
      },
    }, console);
    process.stdout.write('listening');`;
  const owner = Bun.spawn([process.execPath, '-e', program], {
    cwd: import.meta.dir,
    stdout: 'pipe',
  });
  await owner.stdout.getReader().read();
  return owner;
}
