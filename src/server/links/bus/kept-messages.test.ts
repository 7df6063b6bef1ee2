/** Messages that rooms keep, over a real socket: one order for all, nothing twice or missing. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../../../test/fuzz/random.ts';
import { newHub } from '../../../../test/support/new-hub.ts';
import { StuckWorker } from '../../../../test/support/stuck-worker.ts';
import type { MissedAnswer } from '../../core/contracts/history-link.ts';
import type { NodeRequest, RequestAnswer, Target } from '../../core/contracts/node-link.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import { EncodedEvent } from '../../core/delivery/encoded-event.ts';
import { createCounters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import type { Log } from '../../core/log/log.ts';
import { PLAIN_ROOM } from '../../core/rooms/room-settings.ts';
import { audienceKey } from '../../protocol/interest-key.ts';
import { BusClient, type BusReceiver } from './bus-client.ts';
import type { Hub } from './hub.ts';

setDefaultTimeout(30_000);

const KEPT = { ...PLAIN_ROOM, history: { messages: 100_000, seconds: 600 } };
const EVERYONE: Target = { rooms: [], users: [], except: [] };
const to = (...rooms: string[]): Target => ({ ...EVERYONE, rooms });
const warnings: string[] = [];
const say = (): void => {};
const LOG: Log = {
  debug: say,
  info: say,
  warn: (message) => warnings.push(message),
  error: (message) => warnings.push(message),
};

let folder: string;
let path: string;
let hub: Hub;
let workers: FakeWorker[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-kept-'));
  path = join(folder, 'bus.sock');
  workers = [];
  warnings.length = 0;
  const events = { onReady: say, onFailed: say, onSample: say };
  hub = newHub(events, LOG, { '': KEPT, 'k:*': KEPT }, 64_000_000);
  hub.listen(path);
});

afterEach(() => {
  for (const { client } of workers) client.close();
  hub.close();
  rmSync(folder, { recursive: true });
});

/** A worker that writes down what it hears of rooms that it is in: the offsets of messages. */
class FakeWorker implements BusReceiver {
  readonly client: BusClient;
  readonly rooms: Set<string> = new Set();
  readonly heard: Map<string, number[]> = new Map();
  latest = 0;

  constructor(number: number) {
    this.client = new BusClient({
      path,
      worker: number,
      workerCount: 3,
      counters: createCounters(),
      refusals: new Refusals(LOG),
      log: LOG,
      historyEpoch: 'e',
      profile: () => Promise.reject(new Error('no')),
      onLost: say,
    });
  }

  static async start(number: number, ...rooms: string[]): Promise<FakeWorker> {
    const worker = new FakeWorker(number);
    workers.push(worker);
    await worker.client.connect();
    worker.client.join(worker);
    for (const room of rooms) worker.enter(room);
    worker.client.announceInterest();
    // An answer shows that the hub has taken what came by one way; the other is looked at.
    await worker.client.request('/', to('nowhere'), { kind: 'count' }, 10_000);
    const count = workers.reduce((sum, { rooms: { size } }) => sum + size, 0);
    await until(() => hub.interest.entryCount === count);
    return worker;
  }

  enter(room: string): void {
    this.rooms.add(room);
    this.client.setInterest(audienceKey('/', room), true);
  }

  leave(room: string): void {
    this.rooms.delete(room);
    this.client.setInterest(audienceKey('/', room), false);
  }

  offsets(room: string): number[] {
    const known = this.heard.get(room) ?? [];
    this.heard.set(room, known);
    return known;
  }

  say(room: string, bytes = 0): void {
    const target = room === '' ? EVERYONE : to(room);
    this.client.publish('/', target, EncodedEvent.create('/', 'e', ['x'.repeat(bytes)], {}));
  }

  /** @param done is called in the turn of the answer */
  since(
    place: readonly [room: string, after: number],
    done: (answer: MissedAnswer) => void = say,
  ): Promise<MissedAnswer> {
    const [room, after] = place;
    const { promise, resolve, reject } = Promise.withResolvers<MissedAnswer>();
    this.client.history.since([{ key: audienceKey('/', room), after }], (answer) => {
      if (answer === undefined) {
        reject(new Error('no answer'));
        return;
      }
      done(answer);
      resolve(answer);
    });
    return promise;
  }

  receiveEvent(): void {}

  receiveKept(_namespace: string, { rooms }: Target, { mark }: OutgoingEvent): void {
    const room = rooms[0] ?? '';
    this.latest = Number(mark?.split('-')[1]);
    if (this.rooms.has(room)) this.offsets(room).push(this.latest);
  }

  noteLatest(position: string): void {
    this.latest = Number(position.split('-')[1]);
  }

  receiveCommand(): void {}

  hasRoom(_namespace: string, room: string): boolean {
    return this.rooms.has(room);
  }

  async receiveRequest(
    _namespace: string,
    _target: Target,
    _request: NodeRequest,
  ): Promise<RequestAnswer> {
    return { items: [], missing: 0, isWhole: true };
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 15_000; !holds(); await Bun.sleep(1)) {
    if (performance.now() > endMs) throw new Error(`not within 15 s: ${String(holds)}`);
  }
}

const offsetsOf = ({ messages }: MissedAnswer, room: string): number[] =>
  messages.filter(({ target }) => (target.rooms[0] ?? '') === room).map(({ offset }) => offset);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test('all hear one order, also who is slow, and each sender its own', async () => {
  const [a, b] = [await FakeWorker.start(0, ''), await FakeWorker.start(1, '')];
  const slow = await StuckWorker.start(2, path, hub);
  let isDone = false;
  const reading = slow.takeSlowly(() => isDone);
  for (let i = 0; i < 200; i++) {
    a.say('', 2_000);
    b.say('', 2_000);
    if (i % 10 === 0) await Bun.sleep(0);
  }
  await until(() => a.offsets('').length === 400 && b.offsets('').length === 400);
  await until(() => slow.offsets.length === 400);
  isDone = true;
  await reading;
  expect([a.offsets(''), b.offsets(''), slow.offsets]).toEqual([upTo(400), upTo(400), upTo(400)]);
  slow.link.close();
});

test('an answer and what follows have nothing twice and nothing missing', async () => {
  const random = Random.announced('kept messages');
  const rooms = ['', 'k:1', 'k:2', 'k:3'];
  const all = [];
  for (let i = 0; i < 3; i++) all.push(await FakeWorker.start(i));
  const asked: Promise<unknown>[] = [];
  const told: [found: number[], known: number[]][] = [];
  const said: Map<string, number> = new Map();
  for (let step = 0; step < 3_000; step++) {
    const worker = random.pick(all);
    const room = random.pick(rooms);
    if (random.chance(0.6)) {
      worker.say(room, random.below(500));
      said.set(room, (said.get(room) ?? 0) + 1);
    } else if (random.chance(0.3)) worker.leave(room);
    else {
      const at = random.chance(0.5) ? (worker.offsets(room).at(-1) ?? 0) : 0;
      asked.push(
        worker.since([room, at], (answer) => {
          const known = worker.offsets(room);
          const found = offsetsOf(answer, room);
          // Whoever is in the room has heard all that the answer holds, and nothing else.
          if (worker.rooms.has(room)) {
            const isBehind = (offset: number): boolean => offset > at;
            told.push([found.filter(isBehind), known.filter(isBehind)]);
            return;
          }
          worker.enter(room);
          known.push(...found.filter((offset) => offset > (known.at(-1) ?? 0)));
        }),
      );
    }
    if (random.chance(0.2)) await Bun.sleep(0);
  }
  await Promise.all(asked);
  expect(told.length).toBeGreaterThan(10);
  for (const [found, known] of told) expect(found).toEqual(known);
  for (const room of rooms) {
    const [first] = all as [FakeWorker];
    // What others have said last may still be on its way to the hub.
    let whole: readonly number[] = [];
    while (whole.length < (said.get(room) ?? 0)) {
      whole = offsetsOf(await first.since([room, 0]), room);
    }
    expect(whole.length).toBeGreaterThan(100);
    for (const worker of all) {
      if (!worker.rooms.has(room)) await worker.since([room, worker.offsets(room).at(-1) ?? 0]);
      else await until(() => worker.offsets(room).at(-1) === whole.at(-1));
      const known = worker.offsets(room);
      expect(known).toEqual(whole.slice(0, known.length));
    }
  }
});

test('who leaves last while another one asks takes nothing from that one', async () => {
  const [a, b] = [await FakeWorker.start(0), await FakeWorker.start(1, 'k:1')];
  const asked = b.since(['k:1', 0], (answer) => {
    b.enter('k:1');
    b.offsets('k:1').push(...offsetsOf(answer, 'k:1'));
  });
  await new Promise((resolve) => setImmediate(resolve));
  b.leave('k:1');
  b.client.announceInterest();
  a.say('k:1');
  await asked;
  await until(() => b.offsets('k:1').length === 1);
  b.leave('k:1');
  b.client.announceInterest();
  await until(() => hub.interest.entryCount === 0);
});

test('who joins while all are held for one says what it has to say', async () => {
  const a = await FakeWorker.start(0, '');
  const slow = await StuckWorker.start(1, path, hub);
  for (let i = 0; i < 10; i++) a.say('', 100_000);
  await until(() => hub.queuedBytes(1) > 2 * LIMITS.hubLaneHoldBytes);
  const late = new FakeWorker(2);
  workers.push(late);
  await late.client.connect();
  late.client.join(late);
  late.enter('');
  late.client.announceInterest();
  await until(() => hub.interest.entryCount === 3);
  slow.link.setReading(true);
  await until(() => slow.offsets.length === 10 && hub.queuedBytes(1) === 0);
  late.say('', 1);
  await until(() => a.offsets('').length === 11 && slow.offsets.length === 11);
  slow.link.close();
});

test('many who ask at once do not take from each other what one may be told', async () => {
  const [a, b] = [await FakeWorker.start(0), await FakeWorker.start(1)];
  const rooms = Array.from({ length: 60 }, (_, i) => `k:${i}`);
  for (let i = 0; i < 50; i++) {
    for (const room of rooms) a.say(room, 2_000);
    await a.since(['k:0', Number.MAX_SAFE_INTEGER]);
  }
  const bytes = rooms.length * 50 * 2_000;
  expect(bytes).toBeGreaterThan(LIMITS.missedBytes);
  const answers = await Promise.all(rooms.map((room) => b.since([room, 0])));
  for (const [i, room] of rooms.entries()) {
    const answer = answers[i] as MissedAnswer;
    expect([room, answer.completeFrom(audienceKey('/', room))]).toEqual([room, 0]);
    expect(offsetsOf(answer, room)).toHaveLength(50);
  }
});

test('one who asks for more than it may be told is told so', async () => {
  const [a, b] = [await FakeWorker.start(0), await FakeWorker.start(1)];
  const count = Math.ceil(LIMITS.missedBytes / 50_000) + 10;
  for (let i = 0; i < count; i++) {
    a.say('k:1', 50_000);
    await a.since(['k:1', Number.MAX_SAFE_INTEGER]);
  }
  a.say('k:2');
  const [much, little] = await Promise.all([b.since(['k:1', 0]), b.since(['k:2', 0])]);
  expect(much.completeFrom(audienceKey('/', 'k:1'))).toBeGreaterThan(0);
  expect(little.completeFrom(audienceKey('/', 'k:2'))).toBe(0);
  expect(offsetsOf(little, 'k:2')).toHaveLength(1);
});

test('a stuck worker that loses a message is let go, and others go on', async () => {
  const [a, b] = [await FakeWorker.start(0, ''), await FakeWorker.start(1, '')];
  const stuck = await StuckWorker.start(2, path, hub);
  let said = 0;
  const isLetGo = (): boolean => warnings.some((text) => text.includes('has lost messages'));
  for (const endMs = performance.now() + 20_000; !isLetGo(); ) {
    if (performance.now() > endMs) throw new Error(`it is not let go: ${warnings.join(', ')}`);
    const heard = said;
    for (let i = 0; i < 8; i++, said++) a.say('', 100_000);
    await until(() => b.offsets('').length > heard || isLetGo());
  }
  await until(() => b.offsets('').length === said && a.offsets('').length === said);
  expect(b.offsets('')).toEqual(upTo(said));
  expect(hub.interest.entryCount).toBe(2);
  stuck.link.close();
});
