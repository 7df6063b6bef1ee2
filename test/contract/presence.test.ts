import { expect, test } from 'bun:test';
import type {
  PresenceChange,
  PresenceStore,
  RoomReport,
} from '../../src/server/core/contracts/presence.ts';
import { ClusterPresence } from '../../src/server/state/presence/cluster-presence.ts';
import { EmbeddedPresence } from '../../src/server/state/presence/embedded-presence.ts';
import { type FakeCluster, FakeNodes } from '../support/fake-cluster.ts';
import { GRACE_MS, NAMED_USERS, presenceSuite } from './presence-suite.ts';

const STEP_MS = 50;
const PAUSE_MS = 1_200;
const NODES = [0, 22, 33] as const;

presenceSuite('embedded', (tell) => {
  const time = { nowMs: 1_700_000_000_000 };
  const store = embedded(time, tell);
  return { store, pass: passing(time, [store], () => {}), close: () => store.close() };
});

presenceSuite('a worker on each of three nodes', (tell) => {
  const { nodes, pass } = begin(tell);
  const of = (worker: number): ClusterPresence => nodes[worker % nodes.length] as ClusterPresence;
  const store: PresenceStore = {
    report: (worker, rooms) => {
      // What was said before on another node has arrived there.
      for (const node of nodes) if (node !== of(worker)) node.flush();
      of(worker).report(worker, rooms);
    },
    forgetWorker: (worker) => of(worker).forgetWorker(worker),
    list: (...asked) => nodes[0].list(...asked),
    get figures() {
      return nodes[0].figures;
    },
    close: () => {},
  };
  return { store, pass, close: () => nodes.forEach((node) => node.close()) };
});

test('a node that begins is told all, and what it was told is not told again', async () => {
  const { nodes, fake, clusters, addNode, pass } = begin();
  const crowd = Array.from({ length: 2_500 }, (_, at) => user(`u${at}`));
  nodes[1].report(3, [{ ...ROOM, anonymous: 7, users: crowd }]);
  nodes[0].report(3, [{ ...ROOM, anonymous: undefined, users: [user('u1', 4)] }]);
  await pass(PAUSE_MS);
  const begun = addNode(44);
  await until(async () => (await begun.list('/', 'r', 1)).count === 2_507);
  const [first] = (await begun.list('/', 'r', 9_999)).users.filter((one) => one.user === 'u1');
  expect(first?.sessions).toBe(5);
  const tells = clusters.map(({ tells: said }) => said.length);
  await pass(PAUSE_MS);
  expect(clusters.map(({ tells: said }) => said.length)).toEqual(tells);
  fake.gone(44);
});

test('users of a node that is gone leave after the grace time, unless they are back', async () => {
  const told: PresenceChange[] = [];
  const { nodes, fake, pass } = begin(async (change) => void told.push(change));
  nodes[1].report(0, [{ ...ROOM, anonymous: 2, users: [user('ada'), user('bob')] }]);
  await pass(PAUSE_MS);
  fake.gone(22);
  await pass(PAUSE_MS);
  expect(told.at(-1)?.count).toBe(2);
  nodes[2].report(0, [{ ...ROOM, anonymous: undefined, users: [user('ada')] }]);
  await pass(GRACE_MS + PAUSE_MS);
  expect(told.at(-1)).toEqual({ namespace: '/', room: 'r', count: 1, joined: [], left: ['bob'] });
  // What it still had to say is passed over.
  fake.hearsFrom(22);
  nodes[1].report(0, [{ ...ROOM, anonymous: 2, users: [user('late')] }]);
  await pass(PAUSE_MS);
  expect((await nodes[0].list('/', 'r', 9)).count).toBe(1);
});

test('what was lost on the way is put right, and nobody hears of it who need not', async () => {
  const told: PresenceChange[] = [];
  const { nodes, fake, clusters, pass } = begin(async (change) => void told.push(change));
  nodes[1].report(0, [{ ...ROOM, anonymous: 2, users: [user('ada'), user('bob')] }]);
  await pass(PAUSE_MS);
  told.length = 0;
  fake.isDeaf = true;
  nodes[1].report(0, [{ ...ROOM, anonymous: undefined, users: [user('bob', 0), user('eve')] }]);
  await pass(PAUSE_MS);
  fake.isDeaf = false;
  for (const cluster of clusters) {
    for (const node of cluster.peers) cluster.events((to) => to.onResync?.(node));
  }
  await pass(PAUSE_MS);
  expect(told).toEqual([{ namespace: '/', room: 'r', count: 5, joined: ['eve'], left: [] }]);
  await pass(GRACE_MS);
  expect(told.at(-1)).toEqual({ namespace: '/', room: 'r', count: 4, joined: [], left: ['bob'] });
});

test('reports of one time are told together', async () => {
  const { nodes, clusters, pass } = begin();
  for (let worker = 0; worker < 50; worker++) {
    nodes[0].report(worker, [{ ...ROOM, anonymous: 1, users: [] }]);
  }
  await pass(PAUSE_MS);
  expect(clusters[0]?.tells).toHaveLength(2 * 2 + 1);
});

const ROOM: Pick<RoomReport, 'namespace' | 'room'> = { namespace: '/', room: 'r' };

type Tell = (change: PresenceChange) => Promise<void>;

function user(name: string, sessions = 1): RoomReport['users'][number] {
  return { user: name, sessions, transports: ['websocket'], hasLeft: false };
}

function embedded(time: { nowMs: number }, tell: Tell): EmbeddedPresence {
  return new EmbeddedPresence({
    graceMs: GRACE_MS,
    namedUsers: NAMED_USERS,
    tell,
    clockMs: () => time.nowMs,
  });
}

/** Three nodes, the first of which tells. */
function begin(tell: Tell = async () => {}) {
  const time = { nowMs: 1_700_000_000_000 };
  const fake = new FakeNodes();
  const stores: EmbeddedPresence[] = [];
  const clusters: FakeCluster[] = [];
  const nodes: ClusterPresence[] = [];
  const addNode = (node: number): ClusterPresence => {
    const store = embedded(time, stores.length === 0 ? tell : async () => {});
    const cluster = fake.make(node);
    const presence = new ClusterPresence(store, cluster);
    stores.push(store);
    clusters.push(cluster);
    nodes.push(presence);
    fake.join(cluster);
    return presence;
  };
  const pass = passing(time, stores, () => nodes.forEach((node) => node.flush()));
  for (const node of NODES) addNode(node);
  return {
    nodes: nodes as unknown as readonly [ClusterPresence, ClusterPresence, ClusterPresence],
    fake,
    clusters,
    addNode,
    pass,
  };
}

function passing(
  time: { nowMs: number },
  stores: readonly EmbeddedPresence[],
  flush: () => void,
): (milliseconds: number) => Promise<void> {
  return async (milliseconds) => {
    const endMs = time.nowMs + milliseconds;
    while (time.nowMs < endMs) {
      time.nowMs = Math.min(endMs, time.nowMs + STEP_MS);
      flush();
      await new Promise<void>((resolve) => setImmediate(resolve));
      for (const store of stores) store.tick();
      await Promise.resolve();
    }
  };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise<void>((resolve) => setImmediate(resolve));
}
