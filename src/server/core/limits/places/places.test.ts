import { beforeEach, expect, test } from 'bun:test';
import { type PlaceSource, STANDING, type Standing } from '../../contracts/place-holder.ts';
import { LIMITS } from '../limits.ts';
import { Refusals } from '../refusals.ts';
import { Places } from './places.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const PLACES = 64;

class FakeHolder {
  readonly standing: Standing;
  readonly holdsFile: boolean = false;
  unprovenSinceMs: number | undefined;
  hasGone = false;
  readonly from: PlaceSource;

  constructor(from: PlaceSource, sinceMs: number | undefined, standing: Standing = STANDING.new) {
    this.from = from;
    this.unprovenSinceMs = sinceMs;
    this.standing = standing;
  }

  giveUpPlace(): void {
    this.hasGone = true;
  }
}

let holders: FakeHolder[];
let places: Places;
let nowMs: number;
let looks: number;

beforeEach(() => {
  holders = [];
  nowMs = 100_000;
  looks = 0;
  places = new Places({
    files: 1_000,
    sessions: PLACES,
    refusals: new Refusals(SILENT),
    heldFiles: () => 0,
    clockMs: () => nowMs,
  });
  places.watch({
    get size() {
      return holders.filter(({ hasGone }) => !hasGone).length;
    },
    visitAll: () => {},
    visitUnproven(visit) {
      looks++;
      for (const holder of holders) {
        if (holder.hasGone || holder.unprovenSinceMs === undefined) continue;
        visit(holder, holder.from, holder.unprovenSinceMs);
      }
    },
  });
});

let connection = 1_000;
const from = (addressKey: number): PlaceSource => ({ addressKey, connection: connection++ });

/** So many sessions, of which each has shown nothing for so long. */
function fill(count: number, addressKey: number, silentMs?: number, standing?: Standing): void {
  for (let i = 0; i < count; i++) {
    const sinceMs = silentMs === undefined ? undefined : nowMs - silentMs;
    holders.push(new FakeHolder(from(addressKey), sinceMs, standing));
  }
}

const gone = (): number[] =>
  holders.filter(({ hasGone }) => hasGone).map(({ from: { addressKey } }) => addressKey);

test('while there is room nobody is looked at', () => {
  fill(PLACES - 1, 1, 60_000);
  expect(places.take(from(2))).toBe(true);
  expect([looks, gone()]).toEqual([0, []]);
});

test('who shows that its client is there keeps its place', () => {
  fill(PLACES, 1);
  expect(places.take(from(2))).toBe(false);
  expect(places.free).toBe(0);
});

test('one that shows nothing makes place', () => {
  fill(PLACES - 1, 1);
  fill(1, 2, 5_000);
  expect(places.free).toBe(1);
  expect(places.take(from(3))).toBe(true);
  expect(gone()).toEqual([2]);
});

test('who has just come has time, but not among a crowd and against others', () => {
  fill(PLACES - 8, 1);
  fill(8, 2, 1);
  expect(places.take(from(2))).toBe(false);
  expect(places.take(from(3))).toBe(true);
  expect(gone()).toEqual([2]);
});

test('one of a crowd takes no place of others, be it by address or by connection', () => {
  const crowd = { addressKey: 1, connection: 5 };
  fill(PLACES - 30, 3);
  for (let i = 0; i < 29; i++) holders.push(new FakeHolder(crowd, nowMs - 1));
  fill(1, 1, 9_000);
  expect(places.take(crowd)).toBe(false);
  expect(places.take(from(1))).toBe(true);
  expect(holders.filter(({ hasGone }) => hasGone).map((one) => one.from)).toEqual([crowd]);
});

test('the time is that which clients take for joining now', () => {
  fill(PLACES - 1, 1);
  fill(1, 1, 100);
  expect(places.take(from(1))).toBe(false);
  for (let i = 0; i < 200; i++) places.joined(10);
  nowMs++;
  Bun.sleepSync(5);
  expect(places.take(from(1))).toBe(true);
});

/** Takes places for as long as there are some. @returns how many */
function takeAll(): number {
  let taken = 0;
  while (taken < PLACES && places.take(from(9))) {
    taken++;
    holders.push(new FakeHolder(from(9), undefined));
  }
  return taken;
}

test('who has settled is away only after long, and goes after those who are new', () => {
  fill(PLACES - 10, 1);
  fill(4, 2, LIMITS.unpolledMs + 1, STANDING.settledUser);
  fill(4, 3, LIMITS.unpolledMs - 1, STANDING.settled);
  fill(2, 4, 2_000, STANDING.newUser);
  expect(takeAll()).toBe(6);
  expect(gone().filter((address) => address === 2)).toHaveLength(4);
  expect(gone().filter((address) => address === 4)).toHaveLength(2);
});

test('where most places are held by nobody that is seen, who has settled goes as well', () => {
  fill(PLACES / 4, 1);
  fill(PLACES / 2, 2, 2_000, STANDING.settled);
  fill(PLACES / 4, 3, 2_000, STANDING.settledUser);
  // Until they are half no more.
  expect(takeAll()).toBeGreaterThanOrEqual(PLACES / 4);
  expect(gone().slice(0, PLACES / 4)).not.toContain(3);
});

test('who has settled has longer between two polls than who comes in, also then', () => {
  fill(PLACES / 2, 2, 1);
  fill(PLACES / 2, 3, 900, STANDING.settled);
  const crowd = holders[0]?.from as PlaceSource;
  expect(places.take({ ...crowd, connection: 1 })).toBe(false);
});

test('one that has shown itself since it was found stays', () => {
  fill(PLACES - 2, 1);
  fill(2, 2, 5_000);
  expect(places.free).toBe(2);
  for (const holder of holders) holder.unprovenSinceMs = undefined;
  expect(places.take(from(3))).toBe(false);
  expect(gone()).toEqual([]);
});

test('whoever asks how many places are free takes none from those who come', () => {
  fill(PLACES, 2, 5_000);
  for (let i = 0; i < 20; i++) {
    expect(places.free).toBeGreaterThan(0);
    expect(places.take(from(3))).toBe(true);
    holders.push(new FakeHolder(from(3), undefined));
  }
});

test('many are found in one look, and a look that led to nothing is not repeated at once', () => {
  fill(PLACES, 2, 5_000);
  for (let i = 0; i < 8; i++) {
    expect(places.take(from(3))).toBe(true);
    holders.push(new FakeHolder(from(3), undefined));
  }
  expect(looks).toBe(1);
  for (const holder of holders) holder.unprovenSinceMs = undefined;
  for (let i = 0; i < 100; i++) expect(places.take(from(3))).toBe(false);
  expect(looks).toBeLessThan(50);
});
