import { expect, test } from 'bun:test';
import type { App, Handshake, Server, Session } from 'holdfast';
import { createDemo } from './demo.ts';

/** A worker of a node in this process: its app, and what its sessions and peers were sent. */
interface Worker {
  readonly app: App;
  readonly server: Server;
  readonly told: unknown[];
  /** Whether the bus loses what it is sent. */
  deaf: boolean;
}

type AnyHandler = (server: Server, ...args: unknown[]) => unknown;

async function join(node: Worker[], workerId: string): Promise<Worker> {
  const told: unknown[] = [];
  const others = () => node.filter((worker) => worker !== self);
  const hear = (worker: Worker, event: string, args: readonly unknown[]) => {
    const handler = worker.app.onServer?.[event] as AnyHandler | undefined;
    return handler?.(worker.server, ...structuredClone(args));
  };
  const broadcast = {
    to: () => broadcast,
    except: () => broadcast,
    user: () => broadcast,
    emit: (event: string, totals: unknown) => {
      if (event === 'totals') told.push(totals);
    },
  };
  const server = {
    workerId,
    local: broadcast,
    user: () => broadcast,
    serverSideEmit(event: string, ...args: unknown[]) {
      for (const worker of others()) if (!worker.deaf) hear(worker, event, args);
    },
    async serverSideEmitWithAck(event: string, ...args: unknown[]) {
      return others().map((worker) => hear(worker, event, args));
    },
  } as unknown as Server;
  const self: Worker = { app: createDemo(), server, told, deaf: false };
  node.push(self);
  await self.app.started?.(server);
  return self;
}

function enter(worker: Worker, number: number | undefined): { session: Session; sent: unknown[] } {
  const sent: unknown[] = [];
  const user = number === undefined ? undefined : number.toString(16).padStart(32, '0');
  const emit = (_event: string, value: unknown) => sent.push(value);
  const session = { id: `s${number}`, user, rooms: [], emit } as unknown as Session;
  void worker.app.connected?.(session);
  return { session, sent };
}

function vote(worker: Worker, session: Session, choice: unknown): unknown {
  const handler = worker.app.on?.['vote'] as (session: Session, choice: unknown) => unknown;
  return handler(session, choice);
}

/** Waits until a worker told its sessions totals like these. */
async function told(worker: Worker, totals: object): Promise<void> {
  const deadline = Date.now() + 3000;
  const heard = () => Bun.deepMatch(totals, worker.told.at(-1) ?? {});
  while (!heard() && Date.now() < deadline) await Bun.sleep(20);
  expect(worker.told.at(-1)).toMatchObject(totals);
}

test('workers agree on votes and audience, and a late one catches up', async () => {
  const node: Worker[] = [];
  const a = await join(node, 'a');
  const b = await join(node, 'b');
  const ann = enter(a, 1);
  const bob = enter(b, 2);
  expect(vote(a, ann.session, 'quill')).toEqual({ counted: true });
  expect(vote(b, bob.session, 'tern')).toEqual({ counted: true });
  for (const worker of [a, b]) {
    await told(worker, { votes: { quill: 1, tern: 1 }, watching: 2, workers: 2 });
  }
  const c = await join(node, 'c');
  const again = enter(c, 1);
  expect(again.sent[0]).toMatchObject({ mine: 'quill', totals: { votes: { quill: 1, tern: 1 } } });
  vote(c, again.session, 'nobody');
  for (const worker of node) await told(worker, { votes: { quill: 0, tern: 1, nobody: 1 } });
});

test('a worker that missed rows copies what it missed', async () => {
  const node: Worker[] = [];
  const a = await join(node, 'a');
  const b = await join(node, 'b');
  const ann = enter(a, 1);
  await told(b, { watching: 1 });
  b.deaf = true;
  vote(a, ann.session, 'brandt');
  await told(a, { votes: { brandt: 1 } });
  b.deaf = false;
  await told(b, { votes: { brandt: 1 } });
});

test('a session that comes as another goes is told what everyone was told', async () => {
  const a = await join([], 'a');
  const ann = enter(a, 1);
  await told(a, { watching: 1 });
  const bob = enter(a, 2);
  void a.app.disconnected?.(ann.session, 'transport close');
  expect(bob.sent).toEqual([expect.objectContaining({ totals: a.told.at(-1) })]);
});

test('clients are checked', async () => {
  const a = await join([], 'a');
  const admit = (auth: Record<string, unknown>) => a.app.authenticate?.({ auth } as Handshake);
  expect(admit({})).toBeUndefined();
  expect(admit({ voter: 'f'.repeat(32) })).toEqual({ user: 'f'.repeat(32), rooms: ['match'] });
  for (const voter of ['', 'F'.repeat(32), 'f'.repeat(33), 7, null, {}]) {
    expect(() => admit({ voter })).toThrow('32 hexadecimal digits');
  }
  const known = enter(a, 1).session;
  for (const choice of ['', 'toString', 0, null, undefined, ['quill'], { choice: 'quill' }]) {
    expect(vote(a, known, choice)).toEqual({ counted: false, reason: 'unknown choice' });
  }
  const unknown = enter(a, undefined);
  expect(unknown.sent).toEqual([]);
  expect(vote(a, unknown.session, 'quill')).toEqual({ counted: false, reason: 'no voter id' });
});
