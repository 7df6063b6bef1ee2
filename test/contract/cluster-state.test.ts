/** The state of nodes, put together as their controllers do, over one Redis. */

import { afterEach, expect, test } from 'bun:test';
import { loadConfig } from '../../src/host/config/load.ts';
import { NodeState } from '../../src/server/controller/node-state.ts';
import { LIMITS } from '../../src/server/core/limits/limits.ts';
import type { Hub } from '../../src/server/links/bus/hub.ts';
import { STATE_SERVICE, type StateService } from '../../src/server/links/bus/state-service.ts';
import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../src/server/protocol/frame.ts';
import { SessionIdFactory } from '../../src/server/protocol/session-id.ts';
import { writeReports } from '../../src/server/state/presence/presence-frames.ts';
import { SeatsSay, writeTakes } from '../../src/server/state/seats/seat-frames.ts';
import {
  SessionSaid,
  SessionTold,
  writeSnapshot,
} from '../../src/server/state/snapshots/session-frames.ts';
import { onEachRedis } from '../support/each-redis.ts';
import { type FakeCluster, FakeNodes } from '../support/fake-cluster.ts';
import { logLines } from '../support/log-lines.ts';
import { requirement } from '../support/requires.ts';

const redis = requirement('redis');
const CONFIG = {
  ...loadConfig(),
  rooms: { 'match:*': { history: { messages: 10, seconds: 60 }, recovery: true, presence: true } },
  maxSessionsPerUser: 1,
  sessionsOverLimit: 'endOldest',
} as unknown as ReturnType<typeof loadConfig>;

/** The end of a hub that services see: what they tell workers. */
class FakeHub {
  readonly services: Map<number, StateService> = new Map();
  readonly told: string[] = [];

  addService(service: StateService): void {
    this.services.set(service.number, service);
  }

  say(worker: number, service: number, write: (frame: FrameWriter) => void): boolean {
    const frame = written(write);
    const what = frame.u8();
    if (service === STATE_SERVICE.sessions && what === SessionTold.taken) {
      frame.u32();
      this.told.push(`${worker}: ${frame.u8() === 1 ? `taken ${frame.text()}` : 'none'}`);
    } else if (service === STATE_SERVICE.seats && what === SeatsSay.answer) {
      frame.u32();
      this.told.push(`${worker}: ${frame.u8() === 1 ? 'granted' : 'refused'}`);
    } else if (service === STATE_SERVICE.seats) {
      frame.text();
      this.told.push(`${worker}: end ${frame.text()}`);
    }
    return true;
  }

  publish(): Promise<void> {
    return Promise.resolve();
  }

  /** A worker says something. */
  said(worker: number, service: number, write: (frame: FrameWriter) => void): void {
    this.services.get(service)?.onSaid(worker, written(write));
  }
}

onEachRedis(redis, (kind, at) => {
  const open: NodeState[] = [];

  afterEach(async () => {
    for (const state of open.splice(0)) await state.close();
  });

  async function begin() {
    const of = at();
    const fake = new FakeNodes();
    const nodes: { state: NodeState; hub: FakeHub; cluster: FakeCluster }[] = [];
    for (const node of [11, 22]) {
      const state = new NodeState(CONFIG, 1e9);
      open.push(state);
      const [hub, cluster] = [new FakeHub(), fake.make(node)];
      const by = { ...of, cluster };
      state.serve(hub as unknown as Hub, logLines(), by);
      fake.join(cluster);
      nodes.push({ state, hub, cluster });
    }
    return { fake, nodes: nodes as [(typeof nodes)[0], (typeof nodes)[0]] };
  }

  test(`${kind}: a session outlives a node that stops`, async () => {
    const { fake, nodes } = await begin();
    const [one, two] = nodes;
    const id = new SessionIdFactory(11, 3).create(0);
    one.hub.said(3, STATE_SERVICE.sessions, (frame) => {
      const rooms = [{ name: 'match:1', origin: 0, after: 5 } as const];
      frame.u8(SessionSaid.opened);
      writeSnapshot(frame, { id, namespace: '/', user: 'ada', rooms, data: undefined });
    });
    await one.state.close();
    fake.gone(11);
    two.hub.said(4, STATE_SERVICE.sessions, (frame) => {
      frame.u8(SessionSaid.take).u32(1).text(id).text('/').texts(['ada']);
    });
    await until(() => two.hub.told.length > 0);
    expect(two.hub.told).toEqual([`4: taken ${id}`]);
  });

  test(`${kind}: the oldest session of a user ends on whatever node it is`, async () => {
    const [one, two] = (await begin()).nodes;
    for (const [at, { hub }] of [one, two].entries()) {
      const session = { namespace: '/', user: 'ada', id: `s${at}` };
      hub.said(at, STATE_SERVICE.seats, (frame) => writeTakes(frame, [{ id: 1, session }]));
      await until(() => hub.told.length > 0);
    }
    await until(() => one.hub.told.length > 1);
    expect([one.hub.told, two.hub.told]).toEqual([['0: granted', '0: end s0'], ['1: granted']]);
  });

  test(`${kind}: who is in a room is known on all nodes`, async () => {
    const [one, two] = (await begin()).nodes;
    const users = [{ user: 'ada', sessions: 1, transports: [], hasLeft: false }];
    one.hub.said(0, STATE_SERVICE.presence, (frame) => {
      writeReports(frame, [{ namespace: '/', room: 'match:1', anonymous: 2, users }]);
    });
    const isKnown = async (): Promise<boolean> => {
      return (await two.state.presence?.list('/', 'match:1', 1))?.count === 3;
    };
    await until(isKnown);
  });
});

function written(write: (frame: FrameWriter) => void): FrameReader {
  const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(1);
  write(writer);
  writer.finish();
  return new FrameReader(1, Buffer.from(writer.take().subarray(FRAME_HEADER_BYTES)));
}

async function until(is: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await is())) await new Promise<void>((resolve) => setImmediate(resolve));
}
