import { beforeEach, expect, test } from 'bun:test';
import { SourceKeys } from '../../clients/source/source-keys.ts';
import type { Incoming } from '../../core/contracts/incoming.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { MemoryBudget } from '../../core/limits/memory-budget.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import type { IpAddress } from '../../protocol/ip-address.ts';
import { HalfSent } from './half-sent.ts';
import type { Visit } from './tcp-connections.ts';

const MIB = 1 << 20;
const BUDGET = 10 * MIB;
const REST = 50 * MIB;
const HERE: IpAddress = [0, 0, 0xff_ff, 1];

const keys = new SourceKeys();
let warnings: string[];
let refusals: Refusals;
let budget: MemoryBudget;
let clients: FakeClient[];
let memoryBytes: number;
let nowMs: number;
let visits: number;
let halfSent: HalfSent;

/** A client, its connection and its session; the file is its place in the list. */
class FakeClient implements Incoming {
  readonly port: number = 1_000 + clients.length;
  readonly connection: number = keys.connection(HERE, this.port);
  readonly isHonest: boolean;
  readBytes = 0;
  takenBytes = 0;
  isClosed = false;
  wasCut = false;
  asked = 0;

  constructor(isHonest: boolean) {
    this.isHonest = isHonest;
    clients.push(this);
  }

  /** Sends what stays half; memory grows by it. */
  sendsHalf(bytes: number): void {
    this.readBytes += bytes;
    memoryBytes += bytes;
  }

  /** Sends messages, with what the kernel counts beside them. */
  sends(bytes: number, otherBytes = 0): void {
    this.readBytes += bytes + otherBytes;
    this.takenBytes = (this.takenBytes + bytes) >>> 0;
  }

  ask(): void {
    this.asked++;
    if (this.isHonest) this.sends(7);
  }

  letGo(): void {
    this.isClosed = true;
    this.wasCut = true;
    memoryBytes -= this.readBytes - this.takenBytes;
  }
}

const tcp = {
  visitOne(file: number, visit: Visit): void {
    const client = clients[file];
    if (client !== undefined) visit(file, HERE, client.port);
  },
  visitReceivers(filesMax: number, minBytes: number, visit: Visit): void {
    visits++;
    clients.slice(0, filesMax).forEach(({ port, readBytes }, file) => {
      if (readBytes >= minBytes) visit(file, HERE, port);
    });
  },
  readBytes: (file: number): number => (clients[file]?.readBytes ?? 0) >>> 0,
};

function create(open: () => Promise<typeof tcp | undefined>): HalfSent {
  return new HalfSent({
    budget,
    maxPayloadBytes: MIB,
    keys,
    log: { debug: () => {}, info: () => {}, warn: (text) => warnings.push(text), error: () => {} },
    sources: [{ incoming: (isWanted) => clients.filter((one) => isWanted(one.connection)) }],
    countFiles: () => clients.length,
    memoryBytes: () => memoryBytes,
    open,
    nowMs: () => nowMs,
  });
}

beforeEach(async () => {
  warnings = [];
  refusals = new Refusals({ debug() {}, info() {}, warn() {}, error() {} });
  budget = new MemoryBudget(BUDGET, refusals);
  clients = [];
  memoryBytes = REST;
  nowMs = 1_000_000;
  visits = 0;
  halfSent = create(() => Promise.resolve(tcp));
  halfSent.look();
  // What opens the kernel's counts comes a moment later.
  memoryBytes += BUDGET;
  halfSent.look();
  await Bun.sleep(0);
  halfSent.look();
  visits = 0;
});

function lookFor(durationMs: number): void {
  const untilMs = nowMs + durationMs;
  for (; nowMs < untilMs; nowMs += 100) halfSent.look();
}

const strangers = (count: number): FakeClient[] =>
  Array.from({ length: count }, () => new FakeClient(false));

const cut = (): FakeClient[] => clients.filter(({ wasCut }) => wasCut);

test('nothing is looked at while memory does not grow', () => {
  for (const client of strangers(4)) client.sendsHalf(BUDGET / 20);
  lookFor(10_000);
  expect([visits, halfSent.doubts, budget.heldBytes]).toEqual([0, 0, 0]);
});

test('what is half-sent counts once there was time for an answer, and no longer than it is', () => {
  const [one, other] = strangers(2) as [FakeClient, FakeClient];
  one.sendsHalf(2 * MIB);
  other.sendsHalf(MIB);
  halfSent.look();
  expect([visits, halfSent.doubts, budget.heldBytes]).toEqual([1, 2, 0]);
  lookFor(LIMITS.halfSentAnswerMs + 200);
  // A message has at most a MiB here.
  expect([budget.heldBytes, cut()]).toEqual([2 * MIB, []]);
  one.sends(0);
  one.takenBytes = one.readBytes;
  lookFor(200);
  expect([halfSent.doubts, budget.heldBytes]).toEqual([1, MIB]);
  other.isClosed = true;
  lookFor(200);
  expect([halfSent.doubts, budget.heldBytes]).toEqual([0, 0]);
});

test('those with most go when the budget is used up', () => {
  const small = strangers(8);
  const large = strangers(12);
  for (const client of small) client.sendsHalf(100_000);
  for (const client of large) client.sendsHalf(MIB - 1);
  lookFor(LIMITS.halfSentAnswerMs + 200);
  expect(cut().every((client) => large.includes(client))).toBe(true);
  expect(budget.heldBytes).toBeLessThanOrEqual(BUDGET);
  expect(refusals.totals().memoryBudget).toBe(cut().length);
  expect(cut().length).toBeGreaterThan(2);
});

test('the more memory has grown, the less time there is', () => {
  for (const client of strangers(40)) client.sendsHalf(MIB);
  halfSent.look();
  expect(budget.heldBytes).toBeLessThanOrEqual(BUDGET);
  expect(cut().length).toBeGreaterThan(30);
});

test('whoever answers is cleared of what the kernel counts beside messages', () => {
  const honest = Array.from({ length: 30 }, () => new FakeClient(true));
  for (const client of honest) client.sends(3 * MIB, 2 * MIB);
  const attackers = strangers(14);
  for (const client of attackers) client.sendsHalf(MIB);
  lookFor(LIMITS.halfSentAnswerMs + 200);
  expect(honest.map(({ asked, wasCut }) => [asked, wasCut])).toEqual(honest.map(() => [1, false]));
  expect(cut().length).toBeGreaterThan(3);
});

test('an answer hides nothing that is half-sent after it', () => {
  const [client] = strangers(1) as [FakeClient];
  client.sends(1_000, MIB);
  memoryBytes += 3 * MIB;
  halfSent.look();
  expect(client.asked).toBe(1);
  client.sends(7);
  client.sendsHalf(500_000);
  lookFor(100);
  expect(budget.heldBytes).toBe(500_007);
});

test('counts come round', () => {
  const [client] = strangers(1) as [FakeClient];
  client.readBytes = 2 ** 32 - 10;
  client.takenBytes = 2 ** 32 - 10;
  client.sendsHalf(3 * MIB);
  client.sends(100);
  memoryBytes += MIB;
  lookFor(LIMITS.halfSentAnswerMs + 200);
  expect(budget.heldBytes).toBe(MIB);
  client.takenBytes = client.readBytes >>> 0;
  lookFor(100);
  expect(budget.heldBytes).toBe(0);
});

test('a file that is another connection by now counts no more', () => {
  const [client] = strangers(1) as [FakeClient];
  client.sendsHalf(3 * MIB);
  lookFor(LIMITS.halfSentAnswerMs + 200);
  expect(budget.heldBytes).toBe(MIB);
  clients = [];
  new FakeClient(false);
  Object.assign(clients[0] as FakeClient, { port: 2_000, readBytes: 5 * MIB });
  lookFor(100);
  expect([halfSent.doubts, budget.heldBytes]).toEqual([0, 0]);
});

test('growth of another kind is no reason for haste later', () => {
  memoryBytes += 3 * BUDGET;
  lookFor(100);
  const honest = strangers(20);
  for (const client of honest) client.sends(1_000, MIB);
  memoryBytes += BUDGET / 2;
  lookFor(LIMITS.halfSentAnswerMs - 200);
  expect([visits, cut()]).toEqual([2, []]);
});

test('where the kernel cannot be asked it is said once', async () => {
  halfSent = create(() => Promise.resolve(undefined));
  for (let i = 0; i < 3; i++) {
    halfSent.look();
    memoryBytes += BUDGET;
    await Bun.sleep(0);
  }
  expect(warnings).toEqual(['half-sent messages count for no budget here']);
});
