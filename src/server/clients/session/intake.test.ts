/** What becomes of packets of clients that send too much, by a clock of the test's own. */

import { beforeEach, describe, expect, test } from 'bun:test';
import { FakeSocket } from '../../../../test/support/fake-engine.ts';
import type { RateKind } from '../../core/limits/client-rates.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { MemoryBudget } from '../../core/limits/memory-budget.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { PayloadReader, PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import { Intake, type IntakeOptions } from './intake.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const SETTINGS = {
  maxMessagesPerSecond: 10,
  maxBytesPerSecond: 0,
  maxConnectsPerSecond: 1,
  maxAcksPerSecond: 10,
};
const SEPARATOR = '\x1e';
const KINDS: Readonly<Record<string, RateKind>> = { '40': 'connects', '43': 'acks', '46': 'acks' };

let nowMs: number;
let ticks = 0;
/** Whether the app says too much because of clients. */
let isCrowded: boolean;
let budget: MemoryBudget;
let refusals: Refusals;
let refused: (string | Buffer)[];
let intake: Intake<Client>;

class Client {
  readonly slot: number;
  readonly socket: FakeSocket = new FakeSocket();
  readonly sessions: readonly object[] = [{}];
  readonly received: (string | Buffer)[] = [];
  /** What the work on each packet costs. */
  workMs = 0;
  faults = 0;
  lastSeenTick = 0;
  readonly ends: string[] = [];
  readonly noop = PLAIN_PACKET.noop;

  constructor(slot: number) {
    this.slot = slot;
  }

  receive(packet: string | Buffer): void {
    this.received.push(packet);
    nowMs += this.workMs;
    if (isCrowded) intake.slow(this);
    if (packet === '1') intake.forget(this);
  }

  end(reason: string): void {
    this.ends.push(reason);
    intake.forget(this);
  }

  kindOf(packet: string | Buffer): RateKind {
    return KINDS[String(packet).slice(0, 2)] ?? 'messages';
  }

  refuseInput(packet: string | Buffer): void {
    refused.push(packet);
  }

  failEngine(): void {
    this.faults++;
    intake.forget(this);
  }

  bring(...frames: string[]): void {
    for (const frame of frames) {
      if (intake.takesNow(this, this.socket, frame)) this.receive(frame);
    }
  }

  /** @returns whether it was whole, once it has been answered */
  post(packets: readonly string[]): { isWhole?: boolean } {
    const answer: { isWhole?: boolean } = {};
    const body = packets.join(SEPARATOR);
    intake.takePayload(this, new PayloadReader(body), body.length, (isWhole) => {
      answer.isWhole = isWhole;
    });
    return answer;
  }
}

function start(settings: Partial<typeof SETTINGS> = {}): void {
  nowMs = 100_000;
  isCrowded = false;
  refused = [];
  refusals = new Refusals(SILENT);
  budget = new MemoryBudget(1 << 28, refusals);
  const options: IntakeOptions = {
    settings: { ...SETTINGS, ...settings },
    tickMs: 500,
    budget,
    maxPayloadBytes: 1_000_000,
    refusals,
    isCrowded: () => isCrowded,
    nowMs: () => nowMs,
  };
  intake = new Intake(options);
}

beforeEach(() => start());

const events = (count: number, name = 'a'): string[] =>
  Array.from({ length: count }, (_, index) => `42["${name}",${index}]`);

/** Lets time pass, in which heartbeats tick and what is due is taken. */
function pass(durationMs: number): void {
  const untilMs = nowMs + durationMs;
  for (let tick = 0; nowMs < untilMs; tick++) {
    nowMs = Math.min(nowMs + 20, untilMs);
    if (tick % 25 === 0) intake.sweep(++ticks);
    intake.takeDue();
  }
}

test('who sends too much is read more slowly, and loses nothing', () => {
  const client = new Client(1);
  client.bring(...events(40));
  expect([client.received.length, client.socket.isPaused]).toEqual([13, true]);
  expect(budget.heldBytes).toBeGreaterThan(0);
  pass(1_000);
  expect(client.received.length).toBe(23);
  pass(3_000);
  expect([client.received, client.socket.isPaused]).toEqual([events(40), false]);
  expect([refused, refusals.totals(), budget.heldBytes]).toEqual([[], { tooManyMessages: 1 }, 0]);
});

test('what somebody has sent who is gone is taken before its session ends', () => {
  const [client, idle] = [new Client(1), new Client(2)];
  client.bring(...events(40));
  for (const gone of [client, idle]) intake.endAfter(gone);
  expect([client.ends, idle.ends]).toEqual([[], ['transport close']]);
  pass(3_000);
  expect([client.received, client.ends]).toEqual([events(40), ['transport close']]);
  expect(budget.heldBytes).toBe(0);
});

test('but not for longer than it would have waited', () => {
  const client = new Client(1);
  client.bring('42["first"]');
  isCrowded = true;
  intake.slow(client);
  client.bring(...events(100));
  intake.endAfter(client);
  pass(LIMITS.heldInputMs + 1_000);
  expect(client.received.length).toBeLessThan(20);
  expect([client.ends, budget.heldBytes]).toEqual([['transport close'], 0]);
});

test('whoever has to wait is not silent', () => {
  const client = new Client(1);
  client.bring(...events(40));
  const atFirst = ticks;
  pass(2_000);
  expect(client.lastSeenTick).toBe(ticks);
  pass(3_000);
  expect(client.lastSeenTick).toBeWithin(atFirst + 2, ticks - 2);
});

test('the others are taken at once meanwhile, also one of the same place in the table', () => {
  const clients = [new Client(1), new Client(2), new Client(1 + 1_024)];
  for (const client of clients) client.bring(...events(3));
  clients[0]?.bring(...events(40));
  pass(500);
  for (const client of clients.slice(1)) {
    client.bring(...events(3, 'later'));
    expect(client.received).toEqual([...events(3), ...events(3, 'later')]);
  }
});

test('who has the app say too much waits as long as that is so, and loses nothing', () => {
  const client = new Client(1);
  client.bring('42["first"]');
  isCrowded = true;
  intake.slow(client);
  client.bring(...events(5));
  pass(500);
  expect([client.received, client.socket.isPaused]).toEqual([['42["first"]'], true]);
  isCrowded = false;
  pass(100);
  expect(client.received).toEqual(['42["first"]', ...events(5)]);
  expect([client.socket.isPaused, refusals.totals(), budget.heldBytes]).toEqual([false, {}, 0]);
  // Not for ever, since nobody knows whether it will leave.
  isCrowded = true;
  intake.slow(client);
  client.bring('42["last"]');
  pass(1_000);
  expect(client.received).toHaveLength(6);
  pass(1_500);
  expect(client.received).toHaveLength(7);
});

test('one of whom nothing waits any more is looked at now and then', () => {
  const client = new Client(1);
  intake.slow(client);
  client.bring('42["a"]');
  // The clock stands still in each look, which has to end all the same.
  pass(3_000);
  expect([client.received, client.socket.isPaused]).toEqual([['42["a"]'], false]);
});

test('CONNECTs pass a few times, then one a second; acks have a limit of their own', () => {
  const client = new Client(1);
  for (let guess = 0; guess < 30; guess++) {
    client.bring(`40{"password":${guess}}`);
    intake.noteConnect(client);
  }
  expect([client.received.length, client.socket.isPaused]).toEqual([12, true]);
  pass(3_000);
  expect(client.received.length).toBe(15);
  const other = new Client(2);
  other.bring(...Array.from({ length: 40 }, (_, index) => `43${index}[]`));
  expect(refusals.totals()).toEqual({ tooManyConnects: 1, tooManyAcks: 1 });
});

test('what would have to wait for too long is refused, one by one', () => {
  const client = new Client(1);
  client.bring(...events(500));
  pass(31_000);
  expect(client.received.length).toBeGreaterThan(300);
  expect(client.received.length + refused.length).toBe(500);
  expect([client.socket.isPaused, budget.heldBytes]).toEqual([false, 0]);
});

test('so is what would be too much to be kept', () => {
  const client = new Client(1);
  const large = `42["a","${'x'.repeat(900_000)}"]`;
  client.bring(...events(20), ...Array<string>(10).fill(large));
  expect(refused.length).toBeGreaterThan(0);
  expect(budget.heldBytes).toBeLessThan(7_000_000);
  intake.forget(client);
  expect([budget.heldBytes, client.socket.isPaused]).toEqual([0, false]);
});

describe('a body', () => {
  test('of the buffered events of an outage is taken whole', () => {
    start({ maxMessagesPerSecond: 5_000 });
    const client = new Client(1);
    const answer = client.post(events(1_500));
    pass(200);
    expect([answer.isWhole, client.received]).toEqual([true, events(1_500)]);
    expect([refusals.totals(), budget.heldBytes]).toEqual([{}, 0]);
  });

  test('of few packets is answered at once', () => {
    const client = new Client(1);
    expect(client.post(events(5)).isWhole).toBe(true);
    expect(client.received).toEqual(events(5));
  });

  test('beyond the limits is answered when all of it has been taken', () => {
    const client = new Client(1);
    const answer = client.post(events(40));
    pass(2_000);
    expect([answer.isWhole, refusals.totals()]).toEqual([undefined, { tooManyMessages: 1 }]);
    pass(1_500);
    expect([answer.isWhole, client.received]).toEqual([true, events(40)]);
  });

  test('of very many packets leaves the loop to others between slices', () => {
    start({ maxMessagesPerSecond: 0, maxAcksPerSecond: 0 });
    const clients = [new Client(1), new Client(2)];
    for (const client of clients) client.workMs = 0.1;
    const answers = clients.map((client) => client.post(events(10_000)));
    for (const { received } of clients) expect(received.length).toBe(32);
    for (let slices = 0; answers.some(({ isWhole }) => isWhole !== true); slices++) {
      const fromMs = nowMs;
      intake.takeDue();
      expect(nowMs - fromMs).toBeLessThan(10);
      const [one = 0, other = 0] = clients.map(({ received }) => received.length);
      expect(Math.abs(one - other)).toBeLessThan(100);
      expect(slices).toBeLessThan(1_000);
    }
    for (const { received } of clients) expect(received).toEqual(events(10_000));
  });

  test('is taken up to a packet that is malformed', () => {
    const client = new Client(1);
    expect(client.post(['42["a"]', 'x', '42["b"]']).isWhole).toBe(false);
    expect([client.received, client.faults, budget.heldBytes]).toEqual([['42["a"]'], 1, 0]);
  });

  test('is answered when its session ends in the middle of it', () => {
    const client = new Client(1);
    expect(client.post(['42["a"]', '1', '42["b"]']).isWhole).toBe(true);
    expect([client.received, budget.heldBytes]).toEqual([['42["a"]', '1'], 0]);
    const other = new Client(2);
    const answer = other.post(events(100));
    expect(answer.isWhole).toBeUndefined();
    intake.forget(other);
    expect([answer.isWhole, budget.heldBytes]).toEqual([true, 0]);
  });
});
