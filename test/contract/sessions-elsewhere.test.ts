import { SeenNodes } from '../../src/server/state/redis/seen-nodes.ts';
import { ClusterSessions } from '../../src/server/state/snapshots/cluster-sessions.ts';
import { EmbeddedSnapshots } from '../../src/server/state/snapshots/embedded-snapshots.ts';
import { SessionMirror } from '../../src/server/state/snapshots/session-mirror.ts';
import {
  LET_GO_FOR_NODE_MS,
  SessionService,
} from '../../src/server/state/snapshots/session-service.ts';
import { onEachRedis } from '../support/each-redis.ts';
import { FakeNodes } from '../support/fake-cluster.ts';
import { logLines } from '../support/log-lines.ts';
import { requirement } from '../support/requires.ts';
import { type NodeOfSessions, sessionsElsewhereSuite } from './sessions-elsewhere-suite.ts';

const redis = requirement('redis');
const WINDOW_MS = 60_000;
const NODES = [11, 22, 33];
const LATE_NODE = 44;

onEachRedis(redis, (kind, at) => {
  sessionsElsewhereSuite(kind, async () => {
    const of = at();
    const fake = new FakeNodes();
    const ends: (() => unknown)[] = [];
    const slow: Map<number, number> = new Map();
    const log = logLines();

    function begin(node: number): { made: NodeOfSessions; seen: SeenNodes } {
      const nowMs = (): number => performance.now();
      const own = new EmbeddedSnapshots({ budgetBytes: 1e7, windowMs: WINDOW_MS, nowMs });
      const mirror = new SessionMirror({ ...of, node, windowMs: WINDOW_MS, snapshots: own, log });
      own.watch(mirror);
      const seen = new SeenNodes({ ...of, node, keepMs: WINDOW_MS });
      const cluster = fake.make(node);
      const note = (peer: number): void => seen.note(peer);
      cluster.watch({ onPeer: note, onPeerGone: note });
      fake.join(cluster);
      const service = new SessionService({
        snapshots: own,
        latest: () => 0,
        // Its worker lets go at once, or late.
        say: () => {
          const letGo = (): void => service.workerGone(0);
          const times = slow.get(node);
          if (times === undefined) queueMicrotask(letGo);
          else setTimeout(letGo, times * LET_GO_FOR_NODE_MS);
          return true;
        },
      });
      const elsewhere = new ClusterSessions({
        ...of,
        cluster,
        lately: () => seen.nodes,
        handOver: (claim) => service.handOver(claim),
        endHere: (namespace, whom) => own.end(namespace, whom),
        log,
      });
      ends.push(() => mirror.close());
      ends.push(() => seen.close());
      return { made: { node, elsewhere, own, written: () => mirror.flush() }, seen };
    }

    const nodes = NODES.map(begin);
    for (const { seen } of nodes) await seen.look();
    for (const { seen } of nodes) await seen.look();
    const [one, two, three] = nodes.map(({ made }) => made) as [
      NodeOfSessions,
      NodeOfSessions,
      NodeOfSessions,
    ];
    return {
      nodes: [one, two, three] as const,
      die: (node: number) => fake.die(node),
      still: (node: number) => void fake.still.add(node),
      tardy: (node: number) => void fake.slow.set(node, 2 * LET_GO_FOR_NODE_MS),
      slow: (node: number, times: number) => void slow.set(node, times),
      gone: (node: number) => fake.gone(node),
      join: () => begin(LATE_NODE).made,
      close: async () => {
        for (const end of ends) await end();
      },
    };
  });
});
