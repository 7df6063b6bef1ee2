/** Hub and clients of the bus over a real Unix socket: who hears what, and who holds up whom. */

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rapidhashNames } from '../../../../test/support/hostile-names.ts';
import { newHub } from '../../../../test/support/new-hub.ts';
import { OPEN_TO_ALL } from '../../../../test/support/open-to-all.ts';
import { StuckWorker } from '../../../../test/support/stuck-worker.ts';
import type { Carrier } from '../../core/contracts/carrier.ts';
import type {
  NodeAnswers,
  NodeRequest,
  RequestAnswer,
  SessionCommand,
  Target,
} from '../../core/contracts/node-link.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import { EncodedEvent } from '../../core/delivery/encoded-event.ts';
import { type Counters, createCounters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { MemoryBudget } from '../../core/limits/memory-budget.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import type { Log } from '../../core/log/log.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { WorkerCore } from '../../core/worker-core.ts';
import { namespaceKey, roomKey, userKey } from '../../protocol/interest-key.ts';
import { SessionIdFactory } from '../../protocol/session-id.ts';
import { connectFramed, FramedConnection } from '../ipc/framed-connection.ts';
import { BusClient, type BusReceiver } from './bus-client.ts';
import { BusFrame, Channel, type Route, RouteScope } from './bus-frame.ts';
import { BusFullError } from './bus-full-error.ts';
import type { Hub } from './hub.ts';
import type { WorkerSample } from './sample.ts';
import { ProfileError, type WorkerProfile } from './worker-profile.ts';

/** Who says nothing is waited for until the grace of the bus is over, which is five seconds. */
setDefaultTimeout(20_000);

const NODE = 1;
const MIB = 1 << 20;
const MAX_ROOMS = 256;
const EVERYONE: Target = { rooms: [], users: [], except: [] };
const IDLE_CARRIER: Carrier = {
  transport: 'websocket',
  sinceMs: 0,
  deliver: () => {},
  endSession: () => {},
  close: () => {},
  clientMoved: () => {},
};
const TO_ALL: Route = { scope: RouteScope.recipients, namespace: '/', ...EVERYONE };
const to = (...rooms: string[]): Target => ({ ...EVERYONE, rooms });

let folder: string;
let path: string;
let hub: Hub;
let workers: FakeWorker[];
let onSample: (worker: number) => void;
const ready: unknown[][] = [];
const warnings: string[] = [];
const LOG: Log = {
  debug: () => {},
  info: () => {},
  warn: (message) => warnings.push(message),
  error: (message) => warnings.push(message),
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-bus-'));
  path = join(folder, 'bus.sock');
  workers = [];
  onSample = () => {};
  ready.length = 0;
  warnings.length = 0;
  hub = newHub(
    {
      onReady: (...ports) => ready.push(ports),
      onFailed: (...reason) => ready.push(reason),
      onSample: (worker) => onSample(worker),
    },
    LOG,
  );
  hub.listen(path);
});

afterEach(() => {
  for (const { client } of workers) client.close();
  hub.close();
  rmSync(folder, { recursive: true });
});

/** A worker as the bus sees it: it writes down what it hears. */
class FakeWorker implements BusReceiver {
  readonly client: BusClient;
  readonly counters: Counters = createCounters();
  readonly refusals: Refusals = new Refusals(LOG);
  readonly heard: unknown[] = [];
  /** What it answers as its one item. */
  answer: (request: NodeRequest) => unknown = () => undefined;
  /** What takes the place of items that cannot travel. */
  standIn: RequestAnswer['standIn'] | undefined;
  /** What it answers where one item is not enough. */
  items: readonly unknown[] | undefined;
  readonly rooms: Set<string> = new Set();
  profile: (seconds: number) => Promise<WorkerProfile> = () => Promise.reject(new Error('no'));
  isLost = false;

  constructor(number: number) {
    this.client = new BusClient({
      path,
      worker: number,
      workerCount: 3,
      counters: this.counters,
      refusals: this.refusals,
      log: LOG,
      historyEpoch: 'e',
      profile: (seconds) => this.profile(seconds),
      onLost: () => {
        this.isLost = true;
      },
    });
  }

  receiveEvent(_namespace: string, _target: Target, event: EncodedEvent): void {
    this.heard.push((JSON.parse(event.json) as unknown[])[0]);
  }

  receiveKept(_namespace: string, _target: Target, event: OutgoingEvent): void {
    this.heard.push([(JSON.parse(event.json) as unknown[])[0], event.mark]);
  }

  noteLatest(position: string): void {
    this.heard.push(position);
  }

  receiveCommand(_namespace: string, _target: Target, command: SessionCommand): void {
    this.heard.push(command);
  }

  hasRoom(_namespace: string, room: string): boolean {
    return this.rooms.has(room);
  }

  async receiveRequest(
    _name: string,
    _target: Target,
    request: NodeRequest,
  ): Promise<RequestAnswer> {
    const items = this.items ?? [await this.answer(request)];
    const standIn = this.standIn === undefined ? {} : { standIn: this.standIn };
    return { items, missing: 0, isWhole: true, ...standIn };
  }

  say(target: Target, name: string, options: { isVolatile?: boolean; bytes?: number } = {}): void {
    const args = options.bytes === undefined ? [] : [Buffer.alloc(options.bytes)];
    const volatile = options.isVolatile ?? false;
    this.client.publish('/', target, EncodedEvent.create('/', name, args, { volatile }));
  }

  ask(target: Target = EVERYONE, timeoutMs = 10_000): Promise<NodeAnswers> {
    return this.client.request('/', target, { kind: 'count' }, timeoutMs);
  }
}

async function startWorker(number: number, ...keys: string[]): Promise<FakeWorker> {
  const worker = new FakeWorker(number);
  workers.push(worker);
  const timesReady = (): number => ready.filter(([said]) => said === number).length;
  const before = timesReady();
  await worker.client.connect();
  worker.client.join(worker);
  for (const key of keys) worker.client.setInterest(key, true);
  worker.client.sayReady({ publicPort: number, ownPort: 0, nodePort: 7, namespaces: ['/', '/a'] });
  await until(() => timesReady() > before);
  return worker;
}

/** Three workers, each with a session in the namespace. */
async function startThree(): Promise<[FakeWorker, FakeWorker, FakeWorker]> {
  const numbers = [0, 1, 2] as const;
  const started = await Promise.all(numbers.map((n) => startWorker(n, namespaceKey('/'))));
  await until(() => hub.interest.entryCount === 3);
  return started as [FakeWorker, FakeWorker, FakeWorker];
}

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 10_000; !holds(); await Bun.sleep(1)) {
    if (performance.now() > endMs) throw new Error(`not within 10 s: ${String(holds)}`);
  }
}

/** All that was sent before has been heard once this has. */
async function settled(from: FakeWorker): Promise<void> {
  await from.ask();
  await Bun.sleep(1);
}

const heardBy = (...some: FakeWorker[]): unknown[][] => some.map(({ heard }) => heard);

describe('routing', () => {
  test('an event for everyone reaches every other worker with sessions, in order', async () => {
    const [a, b, c] = await startThree();
    const idle = await startWorker(3);
    const names = Array.from({ length: 200 }, (_, index) => `e${index}`);
    for (const name of names) a.say(EVERYONE, name);
    await until(() => c.heard.length === names.length && b.heard.length === names.length);
    expect(heardBy(a, b, c, idle)).toEqual([[], names, names, []]);
  });

  test('rooms and users reach only the workers that have them, each once', async () => {
    const a = await startWorker(0);
    const b = await startWorker(1, roomKey('/', 'r'), roomKey('/', 's'), userKey('/', 'u'));
    const c = await startWorker(2, roomKey('/', 's'), roomKey('/other', 'r'));
    await until(() => hub.interest.entryCount === 5);
    a.say(to('r'), '1');
    a.say({ ...to('r', 's'), users: ['u'] }, '2');
    a.say({ ...EVERYONE, users: ['u'] }, '3');
    a.say(to('nowhere'), '4');
    a.say({ ...EVERYONE, users: ['r'] }, '5');
    await settled(a);
    expect(heardBy(b, c)).toEqual([['1', '2', '3'], ['2']]);
    b.client.setInterest(roomKey('/', 'r'), false);
    b.client.announceInterest();
    await until(() => hub.interest.entryCount === 4);
    a.say(to('r'), '6');
    await settled(a);
    expect(heardBy(b, c)).toEqual([['1', '2', '3'], ['2']]);
  });

  test('half a character in a name is refused, since it would arrive as another name', async () => {
    const [a, b] = await startThree();
    for (const target of [to('r', '\ud800'), { ...EVERYONE, users: ['u\udc00'] }]) {
      expect(() => a.say(target, 'lost')).toThrow(TypeError);
    }
    expect(() => a.say({ ...EVERYONE, except: ['\udc00'] }, 'lost')).toThrow(TypeError);
    a.say(EVERYONE, 'heard');
    await settled(a);
    expect(b.heard).toEqual(['heard']);
  });

  test('a room shaped like a session id reaches its worker, and those that have it', async () => {
    const [a, b, c] = await startThree();
    const idOfB = new SessionIdFactory(NODE, 1).create(5);
    const elsewhere = new SessionIdFactory(NODE + 1, 1).create(5);
    a.say(to(idOfB), '1');
    a.say(to(elsewhere), '2');
    await settled(a);
    expect(heardBy(b, c)).toEqual([['1'], []]);
    c.client.setInterest(roomKey('/', idOfB), true);
    c.client.setInterest(roomKey('/', elsewhere), true);
    await settled(c);
    a.say(to(idOfB), '3');
    a.say(to(elsewhere), '4');
    await settled(a);
    expect(heardBy(b, c)).toEqual([
      ['1', '3'],
      ['3', '4'],
    ]);
  });

  // Workers let nobody into such a room; the hub does not rely on it.
  test('a room named after a session of the sender reaches others that have it', async () => {
    const [a, b] = await startThree();
    const idOfA = new SessionIdFactory(NODE, 0).create(5);
    b.client.setInterest(roomKey('/', idOfA), true);
    await settled(b);
    a.say(to(idOfA), '1');
    await settled(a);
    expect(b.heard).toEqual(['1']);
  });

  test('a worker that has a room before its client knows hears what is said after', async () => {
    const [a, b] = await startThree();
    for (let round = 0; round < 200; round++) {
      b.client.setInterest(roomKey('/', `r${round}`), true);
      b.client.announceInterest();
      a.say(to(`r${round}`), `e${round}`);
      if (round % 20 === 0) await Bun.sleep(0);
    }
    await until(() => b.heard.length === 200);
    expect(b.heard).toEqual(Array.from({ length: 200 }, (_, round) => `e${round}`));
  });

  test('also when that is said, and the room is told, while the hub reads', async () => {
    const [a, b, c] = await startThree();
    /** What it has said leaves at once. */
    const sendNow = ({ client }: FakeWorker, key: string): void => {
      client.setInterest(key, true);
      client.announceInterest();
    };
    // The hub knows that there is something to read of a and c, and nothing of b. When it has read
    // one of the two, b says what it has, and the other, which is read next, tells the room.
    onSample = (worker) => {
      onSample = () => {};
      sendNow(b, roomKey('/', 'r'));
      const other = worker === 0 ? c : a;
      other.say(to('r'), 'told');
      sendNow(other, 'at once');
    };
    for (const worker of [a, c]) {
      worker.client.sendSample({} as WorkerSample);
      sendNow(worker, 'before');
    }
    await settled(a);
    await settled(c);
    expect(b.heard).toEqual(['told']);
  });

  test('a sample whose texts are made to collide is refused, and its worker goes on', async () => {
    const [a, b] = await startThree();
    let samples = 0;
    onSample = () => samples++;
    const names = rapidhashNames(200).map((name) => [name, 1] as const);
    a.client.sendSample(Object.fromEntries(names) as unknown as WorkerSample);
    a.client.sendSample({} as WorkerSample);
    a.say(EVERYONE, 'heard');
    await settled(a);
    expect([samples, b.heard]).toEqual([1, ['heard']]);
    expect(warnings.at(-1)).toBe('a frame of the bus was refused');
  });

  test('who is made to join a room hears what is said next, others hear no more', async () => {
    const [a, b, c] = await startThree();
    b.rooms.add('r');
    a.client.command('/', EVERYONE, { kind: 'join', rooms: ['r'] });
    a.say(to('r'), 'next');
    await until(() => b.heard.length === 2 && c.heard.length === 2);
    expect([b.heard[1], c.heard[1]]).toEqual(['next', 'next']);
    // The worker where nobody joined has taken the interest back.
    await until(() => hub.interest.entryCount === 4);
    a.say(to('r'), 'later');
    a.say(EVERYONE, 'end');
    await until(() => c.heard.length === 3 && b.heard.length === 4);
    expect(c.heard[2]).toBe('end');
  });

  test('binary data and commands pass unchanged', async () => {
    const [a, b] = await startThree();
    const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
    const events: EncodedEvent[] = [];
    b.receiveEvent = (_namespace, _target, event) => events.push(event);
    const sent = EncodedEvent.create('/', 'file', [bytes, 'é🐟', bytes.subarray(1, 4)]);
    for (let i = 0; i < 20; i++) a.client.publish('/', EVERYONE, sent);
    a.client.command('/', EVERYONE, { kind: 'join', rooms: ['é', '🐟'] });
    await until(() => b.heard.length === 1);
    expect(b.heard).toEqual([{ kind: 'join', rooms: ['é', '🐟'] }]);
    expect(events).toHaveLength(20);
    for (const { json, attachments } of events) {
      expect(json).toBe(sent.json);
      expect(attachments.map((data) => Buffer.from(data))).toEqual(
        sent.attachments.map((data) => Buffer.from(data)),
      );
    }
  });

  test('what comes from outside the workers goes where it should', async () => {
    const [a, b, c] = await startThree();
    await hub.publish(TO_ALL, EncodedEvent.create('/', 'news', []));
    await hub.publish({ ...TO_ALL, rooms: ['nowhere'] }, EncodedEvent.create('/', 'lost', []));
    await settled(a);
    expect(heardBy(a, b, c)).toEqual([['news'], ['news'], ['news']]);
  });
});

describe('requests', () => {
  test('bring the answers of all others, also those that are undefined', async () => {
    const [a, b, c] = await startThree();
    b.answer = () => new Map([[1, new Date(0)]]);
    c.answer = async () => undefined;
    const { items, silent } = await a.ask();
    expect(new Set(items)).toEqual(new Set([new Map([[1, new Date(0)]]), undefined]));
    expect([items.length, silent]).toEqual([2, []]);
    expect(await a.ask(to('nowhere'))).toEqual({ items: [], missing: 0, silent: [] });
  });

  test('bring long answers in pieces, whole and in order', async () => {
    const [a, b, c] = await startThree();
    const text = 'x'.repeat(10_000);
    b.items = Array.from({ length: 5_000 }, (_, index) => ({ worker: 'b', index, text }));
    c.items = [];
    const { items, silent } = await a.ask();
    expect(silent).toEqual([]);
    expect(items).toEqual(b.items);
  }, 30_000);

  test('name the worker whose answer broke off, with what it had sent', async () => {
    const [a, b, c] = await startThree();
    b.items = [...Array.from({ length: 100 }, (_, index) => index), () => {}];
    c.items = ['c'];
    const { items, silent } = await a.ask();
    expect(silent).toEqual([1]);
    expect(items).toContain('c');
    expect(items).toContain(0);
  });

  test('let each item stand for itself, where something can stand in for it', async () => {
    const [a, b, c] = await startThree();
    c.items = [];
    b.standIn = (item, reason) => ({ of: typeof item, reason });
    b.items = Array.from({ length: 100 }, (_, index) => (index % 10 === 3 ? () => {} : index));
    const { items, silent } = await a.ask();
    expect([items.length, silent]).toEqual([100, []]);
    for (const [index, item] of items.entries()) {
      if (index % 10 !== 3) expect(item).toBe(index);
      else expect(item).toEqual({ of: 'function', reason: expect.stringContaining('cloned') });
    }
  });

  test('name all others when the hub goes while they are waited for', async () => {
    const [a, b, c] = await startThree();
    for (const worker of [b, c]) worker.answer = () => new Promise(() => {});
    const asked = a.ask();
    await Bun.sleep(20);
    hub.close();
    expect(await asked).toEqual({ items: [], missing: 0, silent: [1, 2] });
  });

  test('many at a time are told apart', async () => {
    const [a, b, c] = await startThree();
    for (const worker of [b, c]) {
      worker.answer = async (request) => {
        const { args } = request as unknown as { args: unknown[] };
        await Bun.sleep(Math.random() * 5);
        return args[0];
      };
    }
    const ask = async (number: number): Promise<readonly unknown[]> => {
      const request = { kind: 'serverSideEmit', event: 'x', args: [number] } as const;
      return (await a.client.request('/', EVERYONE, request, 10_000)).items;
    };
    const answers = await Promise.all(Array.from({ length: 100 }, (_, number) => ask(number)));
    expect(answers).toEqual(answers.map((_, number) => [number, number]));
  });

  test('an answer that cannot be sent is missing', async () => {
    const [a, b, c] = await startThree();
    b.answer = () => ({ callback: () => {} });
    c.answer = () => 1;
    expect(await a.ask()).toEqual({ items: [1], missing: 0, silent: [1] });
  });

  // An unhandled rejection would be an uncaught error of the worker that is asked.
  test('a worker that fails to answer is missing, at once', async () => {
    const [a, b, c] = await startThree();
    b.answer = () => {
      throw new Error('no');
    };
    c.answer = () => 1;
    expect(await a.ask(EVERYONE, 2_000)).toEqual({ items: [1], missing: 0, silent: [1] });
  });

  test('a worker that dies is waited for until the timeout at the longest', async () => {
    const [a, b, c] = await startThree();
    b.answer = () => new Promise(() => {});
    c.answer = () => 'c';
    const answers = a.ask(EVERYONE, 300);
    await Bun.sleep(20);
    b.client.close();
    expect(await answers).toEqual({ items: ['c'], missing: 0, silent: [1] });
    await until(() => hub.interest.entryCount === 2);
    expect(await a.ask()).toEqual({ items: ['c'], missing: 0, silent: [] });
  });

  test('a worker that says nothing is named when the time is over', async () => {
    const [a, b, c] = await startThree();
    b.answer = () => new Promise(() => {});
    c.answer = () => 'c';
    expect(await a.ask(EVERYONE, 50)).toEqual({ items: ['c'], missing: 0, silent: [1] });
  });

  test('without a hub all others are missing, and messages go nowhere', async () => {
    const [a] = await startThree();
    hub.close();
    await until(() => a.isLost);
    expect(await a.ask()).toEqual({ items: [], missing: 0, silent: [1, 2] });
    a.say(EVERYONE, 'x');
    a.client.setInterest(roomKey('/', 'r'), true);
    a.client.announceInterest();
    expect(a.client.queuedBytes).toBe(0);
  });
});

describe('workers that come and go', () => {
  test('one that dies is forgotten, and its successor starts with nothing', async () => {
    const [a, b] = await startThree();
    b.client.setInterest(roomKey('/', 'r'), true);
    await settled(b);
    b.client.close();
    await until(() => hub.interest.entryCount === 2);
    const next = await startWorker(1);
    a.say(to('r'), 'old room');
    a.say(EVERYONE, 'no sessions yet');
    await settled(a);
    next.client.setInterest(namespaceKey('/'), true);
    await settled(next);
    a.say(EVERYONE, 'x');
    await settled(a);
    expect(heardBy(b, next)).toEqual([[], ['x']]);
  });

  test('one that comes again before its end is seen starts with nothing', async () => {
    const [a] = await startThree();
    const next = await startWorker(1);
    a.say(EVERYONE, 'x');
    await settled(a);
    expect(next.heard).toEqual([]);
  });

  test('one that has not joined hears nothing', async () => {
    const [a] = await startThree();
    const early = new FakeWorker(9);
    workers.push(early);
    await early.client.connect();
    early.client.setInterest(namespaceKey('/'), true);
    early.client.announceInterest();
    await until(() => hub.interest.entryCount === 4);
    a.say(EVERYONE, 'x');
    await settled(a);
    early.client.join(early);
    await settled(early);
    expect(early.heard).toEqual([]);
  });

  test('one that sends a frame cut short costs nobody else anything', async () => {
    const [a, b] = await startThree();
    const link = new FramedConnection(
      { onFrame: () => {}, onFault: () => {}, onClose: () => {} },
      LIMITS.ipcFrameBytes,
    );
    await connectFramed(path, link);
    link.frame(BusFrame.hello).u32(5).u32(0).u8(Channel.messages).finish();
    link.frame(BusFrame.joined).finish();
    link.frame(BusFrame.event).u8(0).u32(1_000).finish();
    link.frame(BusFrame.interest).u32(1_000).finish();
    link.frame(BusFrame.sample).text('{').finish();
    link.send();
    a.say(EVERYONE, 'x');
    await until(() => b.heard.length === 1);
    a.say(EVERYONE, 'y');
    await settled(a);
    expect(b.heard).toEqual(['x', 'y']);
    link.close();
  });

  // The handlers of an app may ask for what cannot be done; see `maxRoomsPerSession`.
  test('a receiver that throws does not cost its worker the bus', async () => {
    const [a, b] = await startThree();
    const core = new WorkerCore({
      app: {},
      workerId: 'b',
      ackTimeoutMs: 100,
      maxRoomsPerSession: MAX_ROOMS,
      ...OPEN_TO_ALL,
      link: b.client,
      counters: b.counters,
      refusals: new Refusals(LOG),
      budget: new MemoryBudget(MIB, new Refusals(LOG)),
      log: LOG,
      findSession: () => undefined,
      isSessionId: () => false,
    });
    b.receiveCommand = (...given) => core.receiveCommand(...given);
    const rooms = Array.from({ length: MAX_ROOMS }, (_, index) => `room ${index}`);
    const home = core.namespaces.get('/') as Namespace;
    home.add(new NamespaceSession('full', undefined, undefined, IDLE_CARRIER, home), rooms);
    a.client.command('/', EVERYONE, { kind: 'join', rooms: ['r'] });
    a.say(EVERYONE, 'x');
    await settled(a);
    expect([b.isLost, b.heard]).toEqual([false, ['x']]);
  });
});

describe('too much', () => {
  test('a message larger than a frame is refused, and costs nobody the bus', async () => {
    const [a, b] = await startThree();
    const bytes = LIMITS.ipcFrameBytes + 1;
    expect(() => a.say(EVERYONE, 'huge', { bytes })).toThrow();
    a.say(EVERYONE, 'x');
    await until(() => a.isLost || b.heard.length > 0);
    expect([a.isLost, b.heard]).toEqual([false, ['x']]);
  });

  // 300,000 sessions of one worker are described in about so many bytes.
  test('an item larger than a frame is missing, and costs nobody the bus', async () => {
    const [a, b, c] = await startThree();
    b.answer = () => Buffer.alloc(LIMITS.ipcFrameBytes + 1);
    c.answer = () => 1;
    expect(await a.ask(EVERYONE, 3_000)).toEqual({ items: [1], missing: 0, silent: [1] });
    expect([a.isLost, b.isLost]).toEqual([false, false]);
  });

  test('what does not fit the queue is refused, but volatile events vanish', async () => {
    const [a] = await startThree();
    const big = { bytes: 32 * MIB };
    const refusal = thrownBy(() => {
      for (let i = 0; i < 10; i++) a.say(EVERYONE, 'big', big);
    });
    expect(refusal).toBeInstanceOf(BusFullError);
    expect(a.client.queuedBytes).toBeLessThan(LIMITS.ipcQueueBytes + 33 * MIB);
    a.say(EVERYONE, 'volatile', { isVolatile: true });
    expect(thrownBy(() => a.client.command('/', EVERYONE, { kind: 'leave', rooms: [] }))).toEqual(
      new BusFullError(),
    );
    expect(a.counters.busDropped).toBe(3);
    await until(() => a.client.queuedBytes === 0);
    a.say(EVERYONE, 'x');
  }, 30_000);

  // The contract of NodeLink: callers await the answers together with those of their own sessions.
  test('a request that does not fit the queue rejects, and does not throw', async () => {
    const [a] = await startThree();
    const fill = (): unknown =>
      thrownBy(() => {
        for (let i = 0; i < 10; i++) a.say(EVERYONE, 'big', { bytes: 32 * MIB });
      });
    expect(fill()).toBeInstanceOf(BusFullError);
    let answers: Promise<unknown> | undefined;
    const request = { kind: 'count' } as const;
    const thrown = thrownBy(() => {
      answers = a.client.request('/', EVERYONE, request, 1_000);
    });
    expect(thrown).toBeUndefined();
    const refusal = await answers?.catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BusFullError);
  }, 30_000);

  test('for a worker that takes nothing nobody waits for long, and it misses little', async () => {
    const [a, b] = await startThree();
    const stuck = await StuckWorker.start(4, path, hub);
    const sending = Date.now();
    let sent = 0;
    for (; hub.totals.framesDropped === 0; sent++) {
      if (Date.now() - sending > 20_000) throw new Error('never given up');
      try {
        a.say(EVERYONE, `e${sent}`, { bytes: MIB / 4 });
      } catch (error) {
        if (!(error instanceof BusFullError)) throw error;
        sent--;
      }
      await Bun.sleep(5);
    }
    expect(warnings.filter((text) => text.includes('worker 4'))).toHaveLength(1);
    a.say(EVERYONE, 'after');
    await until(() => b.heard.includes('after'));
    expect(b.heard).toHaveLength(sent + 1);
    expect(hub.queuedBytes(4)).toBeLessThan(LIMITS.hubLaneBytes + MIB);
    // What waits is not lost, and once it has caught up, it is served again.
    const { framesDropped } = hub.totals;
    stuck.link.setReading(true);
    await until(() => hub.queuedBytes(4) === 0);
    await until(() => stuck.frames === sent + 1 - framesDropped);
    a.say(EVERYONE, 'again');
    await until(() => stuck.frames === sent + 2 - framesDropped);
    stuck.link.close();
  }, 60_000);

  test('a stuck worker that dies holds up nobody', async () => {
    const [[a, b], stuck] = [await startThree(), await StuckWorker.start(4, path, hub)];
    for (let i = 0; i < 40; i++) a.say(EVERYONE, `e${i}`, { bytes: MIB });
    await until(() => hub.queuedBytes(4) > LIMITS.hubLaneHoldBytes);
    await Bun.sleep(50);
    expect(b.heard.length).toBeLessThan(10);
    stuck.link.close();
    await until(() => b.heard.length === 40);
  }, 30_000);

  test('who floods a slow worker waits, and the others and what is from outside pass', async () => {
    const [[a, b, c], slow] = [await startThree(), await StuckWorker.start(4, path, hub)];
    for (let i = 0; i < 60; i++) a.say(EVERYONE, `e${i}`, { bytes: MIB });
    await until(() => hub.queuedBytes(4) > LIMITS.hubLaneHoldBytes);
    await hub.publish(TO_ALL, EncodedEvent.create('/', 'outside', []));
    c.say(EVERYONE, 'other');
    await until(() => b.heard.includes('other') && b.heard.includes('outside'));
    // Interest of the one who is held is heard as well.
    a.client.setInterest(roomKey('/', 'r'), true);
    a.client.announceInterest();
    await c.ask(to('nowhere'));
    c.say(to('r'), 'to a');
    await until(() => a.heard.includes('to a'));
    expect(b.heard.length).toBeLessThan(20);
    await slow.takeSlowly(() => slow.frames === 62);
    expect(hub.totals.framesDropped).toBe(0);
    const flood = b.heard.filter((name) => String(name).startsWith('e'));
    expect(flood).toEqual(Array.from({ length: 60 }, (_, index) => `e${index}`));
    slow.link.close();
  }, 30_000);

  test('from outside: for all, or refused with the name of who would miss it', async () => {
    const [[, b], stuck] = [await startThree(), await StuckWorker.start(4, path, hub)];
    const large = EncodedEvent.create('/', 'large', [Buffer.alloc(8 * MIB)]);
    for (let i = 0; i < 3; i++) await hub.publish(TO_ALL, large);
    const refusal = await hub.publish(TO_ALL, large).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BusFullError);
    expect((refusal as BusFullError).workers).toEqual([4]);
    await until(() => b.heard.length === 3);
    // Those that wait get their turn as soon as there is room.
    const waiting = hub.publish(TO_ALL, large);
    stuck.link.setReading(true);
    await waiting;
    await until(() => b.heard.length === 4 && stuck.frames === 4);
    expect(hub.totals.framesDropped).toBe(0);
    stuck.link.close();
  }, 30_000);
});

describe('profiles', () => {
  const PROFILE: WorkerProfile = {
    worker: 1,
    pid: 77,
    root: 'file:///opt/holdfast/',
    profile: { nodes: [], startTime: 1, endTime: 2, samples: [], timeDeltas: [] },
    usage: {
      ...{ wallMs: 5_000, mainThreadCpuMs: 10, otherThreadsCpuMs: 2 },
      ...{ collections: 0, collectionMs: 0 },
    },
    survivors: { objects: 1, bytes: 8, collectionMs: 1, kinds: [{ name: 'Object', objects: 1 }] },
  };
  const failureOf = async (asked: Promise<unknown>): Promise<unknown> =>
    await asked.catch((error: unknown) => error);

  test('are taken by the worker that is asked, for as long as it is asked', async () => {
    const [, b] = await startThree();
    const asked: number[] = [];
    b.profile = (seconds) => {
      asked.push(seconds);
      return Promise.resolve(PROFILE);
    };
    const json = await hub.profile(1, 5);
    expect(JSON.parse(Buffer.from(json).toString())).toEqual(PROFILE);
    expect(asked).toEqual([5]);
    expect(hub.profile(1, 5)).resolves.toEqual(json);
  });

  test('are taken one at a time of each worker', async () => {
    const [a, b] = await startThree();
    const done = Promise.withResolvers<WorkerProfile>();
    a.profile = () => done.promise;
    b.profile = () => Promise.resolve(PROFILE);
    const first = hub.profile(0, 1);
    const second = await failureOf(hub.profile(0, 1));
    expect(second).toBeInstanceOf(ProfileError);
    expect(second).toMatchObject({ kind: 'busy' });
    expect((second as Error).message).toBe(
      'Worker 0 is being profiled already; ask again when that is done.',
    );
    await hub.profile(1, 1);
    done.resolve(PROFILE);
    await first;
  });

  test('fail with a sentence', async () => {
    const [a, b] = await startThree();
    const messageOf = async (asked: Promise<unknown>): Promise<unknown> => {
      const error = await failureOf(asked);
      expect(error).toBeInstanceOf(ProfileError);
      expect(error).toMatchObject({ kind: 'failed' });
      return (error as Error).message;
    };
    expect(await messageOf(hub.profile(9, 1))).toBe(
      'Worker 9 is not running; see "holdfast status".',
    );
    a.profile = () => Promise.reject(new Error('another profile of it is being taken'));
    expect(await messageOf(hub.profile(0, 1))).toBe(
      'Worker 0 cannot be profiled: another profile of it is being taken.',
    );
    a.profile = () =>
      Promise.resolve({ ...PROFILE, profile: { ...PROFILE.profile, nodes: [large(33 * MIB)] } });
    expect(await messageOf(hub.profile(0, 1))).toBe(
      'Worker 0 cannot be profiled: its profile is larger than 32 MiB, so take fewer seconds.',
    );
    b.profile = () => {
      b.client.close();
      return Promise.withResolvers<WorkerProfile>().promise;
    };
    expect(await messageOf(hub.profile(1, 1))).toBe(
      'Worker 1 ended before its profile was done; ask again.',
    );
  });

  function large(bytes: number): WorkerProfile['profile']['nodes'][number] {
    const functionName = 'x'.repeat(bytes);
    const callFrame = { functionName, scriptId: '0', url: '', lineNumber: 0, columnNumber: 0 };
    return { id: 1, callFrame };
  }
});

function thrownBy(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}
