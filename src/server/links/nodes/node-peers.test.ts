/** Requests and sockets of a worker for sessions of another node, over real TCP. */

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { FakeOwner, HeldSocket, OK } from '../../../../test/support/fake-owner.ts';
import { replyTo } from '../../../../test/support/reply-to.ts';
import type {
  FrameHandler,
  FrameSocket,
  HttpAnswer,
  Reply,
} from '../../core/contracts/client-connection.ts';
import type { NodePlace } from '../../core/contracts/cluster.ts';
import { MemoryBudget } from '../../core/limits/memory-budget.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { SlowReaders } from '../../core/limits/slow-readers.ts';
import { UNKNOWN_SESSION } from '../../protocol/unknown-session.ts';
import type { FramedConnection } from '../ipc/framed-connection.ts';
import { edgeLink } from '../peer/peer-server.ts';
import type { RemoteOwner } from '../peer/remote-owner.ts';
import { LinkWatch } from './link-watch.ts';
import { NodeListener } from './node-listener.ts';
import { NodePeers } from './node-peers.ts';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const SECRET = 'the secret of all nodes, 32 long.';
const SLOW = { maxBackpressureBytes: 1_000, backpressureTimeoutMs: 50 };
const FAR_NODE = 9;
const FAR_WORKER = 1;
const IDLE_BEATS = 2;

let places: Map<number, NodePlace>;
let refusals: Refusals;
let slowReaders: SlowReaders;
let far: FakeOwner;
let listener: NodeListener;
let farLinks: FramedConnection[];
let peers: NodePeers;

beforeEach(() => {
  places = new Map();
  farLinks = [];
  refusals = new Refusals(SILENT);
  far = new FakeOwner();
  listener = listen();
  place(listener.port);
  slowReaders = new SlowReaders(SLOW, new MemoryBudget(100_000, refusals));
  peers = new NodePeers({
    node: 1,
    worker: 0,
    secret: SECRET,
    directory: { find: (node, worker) => (worker <= FAR_WORKER ? places.get(node) : undefined) },
    watch: new LinkWatch(refusals),
    idleBeats: IDLE_BEATS,
    log: SILENT,
    edge: { slowReaders, refusals },
  });
});

afterEach(() => {
  peers.close();
  listener.stop();
});

function listen(): NodeListener {
  return new NodeListener({
    host: '127.0.0.1',
    port: 0,
    secret: SECRET,
    node: FAR_NODE,
    worker: FAR_WORKER,
    refusals,
    accept: (onClosed) => edgeLink(far, SILENT, onClosed),
    onLink: (link) => void farLinks.push(link),
  });
}

function place(port: number): void {
  places.set(FAR_NODE, { node: FAR_NODE, host: '127.0.0.1', ports: [0, port] });
}

function owner(): RemoteOwner {
  return peers.ownerOf(FAR_NODE, FAR_WORKER) as RemoteOwner;
}

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 10_000; !holds(); await Bun.sleep(1)) {
    if (performance.now() > endMs) throw new Error(`not within 10 s: ${String(holds)}`);
  }
}

const answerTo = (ask: (reply: Reply) => void): Promise<HttpAnswer> =>
  new Promise((resolve) => ask(replyTo(resolve)));
const post = (): Promise<HttpAnswer> => answerTo((reply) => owner().post('mine', 'said', reply));

/** Clients' sockets that the far worker has taken, and its ends of them. */
async function openSockets(count: number): Promise<[HeldSocket[], FrameSocket[]]> {
  const before = far.offers.length;
  const sockets = Array.from({ length: count }, () => {
    const socket = new HeldSocket();
    socket.data = owner().offerSocket({
      sessionId: 'mine',
      socket,
      isTextOnly: false,
      connection: 7,
    });
    return socket;
  });
  await until(() => far.offers.length === before + count);
  return [sockets, far.offers.slice(before).map(({ socket }) => socket)];
}

describe('what is passed on', () => {
  test('polls, posts and questions are answered by the worker of the other node', async () => {
    const poll = answerTo((reply) => owner().poll('mine', reply));
    expect(await post()).toEqual(OK);
    expect(await owner().knows('mine')).toBe(true);
    expect(await owner().knows('other')).toBe(false);
    far.polls[0]?.answer({ ...OK, body: 'late' });
    expect(await poll).toEqual({ ...OK, body: 'late' });
    expect(far.asked).toEqual([
      ['poll', 'mine'],
      ['post', 'mine', 'said'],
    ]);
    expect(listener.links).toBe(1);
  });

  test('a poll that is given up is abandoned there', async () => {
    const reply = replyTo(() => {});
    owner().poll('mine', reply);
    await until(() => far.polls.length === 1);
    owner().abandonPoll('mine', reply);
    await until(() => far.abandoned.length === 1);
    expect(far.abandoned).toEqual([...far.polls]);
  });

  test('sockets of a thousand sessions share one link, and each keeps its order', async () => {
    const [near, there] = await openSockets(1_000);
    const rounds = Array.from({ length: 20 }, (_, round) => round);
    for (const round of rounds) {
      for (const [at, socket] of there.entries()) socket.send(`${at} ${round}`);
      for (const [at, socket] of near.entries()) {
        (socket.data as FrameHandler).onFrame(socket, `${at} ${round}`);
      }
      // Some of them leave in one piece, some in the next.
      if (round % 3 === 0) await Bun.sleep(0);
    }
    await until(() => far.frames.length === 20_000);
    await until(() => near.every(({ sent }) => sent.length === 20));
    for (const [at, { sent }] of near.entries()) {
      expect(sent).toEqual(rounds.map((round) => `${at} ${round}`));
    }
    const came = new Map<string, string[]>();
    for (const frame of far.frames as readonly string[]) {
      const [at = '', round = ''] = frame.split(' ');
      came.set(at, [...(came.get(at) ?? []), round]);
    }
    expect(came.size).toBe(1_000);
    for (const order of came.values()) expect(order).toEqual(rounds.map(String));
    expect([listener.links, peers.socketCount]).toEqual([1, 1_000]);
    expect([...peers.connections()]).toHaveLength(1_000);
  });

  test('who does not read is cut here, and there the session hears of it', async () => {
    const [[near], [there]] = await openSockets(1);
    const [[other]] = await openSockets(1);
    near!.isBehind = true;
    there!.send('x'.repeat(2_000));
    await until(() => near!.sent.length === 1);
    slowReaders.sweep(performance.now() + 101);
    slowReaders.sweep(performance.now() + 202);
    await until(() => near!.isCut && far.closedSockets === 1);
    expect(refusals.totals()).toEqual({ slowReader: 1 });
    expect(other!.isCut).toBe(false);
  });

  test('the owner has a client wait', async () => {
    const [[near], [there]] = await openSockets(1);
    there!.pause();
    await until(() => near!.isPaused);
    there!.resume();
    await until(() => !near!.isPaused);
  });
});

describe('a link that breaks', () => {
  test('ends what went over it, and the next request makes a new one', async () => {
    const [near] = await openSockets(3);
    const poll = answerTo((reply) => owner().poll('mine', reply));
    await until(() => far.polls.length === 1);
    farLinks[0]?.cut(new Error('the cable'));
    expect(await poll).toEqual(UNKNOWN_SESSION);
    expect(near.map(({ closes }) => closes)).toEqual(near.map(() => [[1012, 'worker gone']]));
    await until(() => far.closedSockets === 3 && far.abandoned.length === 1);
    await until(() => listener.links === 0);
    expect(await post()).toEqual(OK);
    expect([listener.links, peers.socketCount]).toEqual([1, 0]);
  });

  test('ends a request with packets that has begun', async () => {
    owner().beginPost('mine');
    await until(() => far.asked.length === 1);
    farLinks[0]?.cut(new Error('the cable'));
    await until(() => far.asked.length === 2);
    expect(far.asked).toEqual([
      ['beginPost', 'mine'],
      ['post', 'mine', undefined],
    ]);
  });

  test('is made to the place where the worker is now', async () => {
    expect(await post()).toEqual(OK);
    const old = listener;
    const [[near]] = await openSockets(1);
    listener = listen();
    place(listener.port);
    // A host that lost power says nothing: its links are still there.
    peers.placesChanged();
    await until(() => near!.closes.length === 1);
    expect(await post()).toEqual(OK);
    expect(listener.links).toBe(1);
    old.stop();
  });

  test('stays while the node or its port is merely not known for a while', async () => {
    const [[near]] = await openSockets(1);
    place(0);
    peers.placesChanged();
    places.clear();
    peers.placesChanged();
    for (let beat = 0; beat < 5; beat++) peers.beat();
    expect(peers.ownerOf(FAR_NODE, FAR_WORKER)).toBeUndefined();
    far.offers[0]?.socket.send('still there');
    await until(() => near!.sent.length === 1);
    expect(near!.closes).toEqual([]);
  });
});

describe('a worker that cannot be reached', () => {
  test('answers as one that is dead', async () => {
    listener.stop();
    expect(await post()).toEqual(UNKNOWN_SESSION);
    expect(await answerTo((reply) => owner().poll('mine', reply))).toEqual(UNKNOWN_SESSION);
    expect(await owner().knows('mine')).toBe(false);
    listener = listen();
    place(listener.port);
    expect(await post()).toEqual(OK);
  });

  test('likewise while it has no port', async () => {
    place(0);
    expect(await post()).toEqual(UNKNOWN_SESSION);
  });

  test('of a node that is not known is nobody', () => {
    expect(peers.ownerOf(FAR_NODE + 1, FAR_WORKER)).toBeUndefined();
    expect(peers.ownerOf(FAR_NODE, FAR_WORKER + 1)).toBeUndefined();
  });
});

describe('a link that is idle', () => {
  test('is closed after a while, and made again when it is needed', async () => {
    expect(await post()).toEqual(OK);
    // The first beat sees that there was something.
    for (let beat = 0; beat < IDLE_BEATS; beat++) peers.beat();
    expect(listener.links).toBe(1);
    peers.beat();
    await until(() => listener.links === 0);
    expect(await post()).toEqual(OK);
    expect(farLinks).toHaveLength(2);
  });

  test('is none while requests come, a poll waits or a socket is held', async () => {
    for (let round = 0; round < 5; round++) {
      await post();
      peers.beat();
    }
    owner().poll(
      'mine',
      replyTo(() => {}),
    );
    for (let beat = 0; beat < 5; beat++) peers.beat();
    await until(() => far.polls.length === 1);
    far.polls[0]?.answer(OK);
    await openSockets(1);
    for (let beat = 0; beat < 5; beat++) peers.beat();
    await post();
    expect(farLinks).toHaveLength(1);
  });
});
