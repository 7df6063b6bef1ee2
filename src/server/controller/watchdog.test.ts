import { expect, test } from 'bun:test';
import { WATCH_MS, Watchdog } from './watchdog.ts';

const STALLED_AFTER_MS = 10_000;
const REPLACE_AFTER_MS = 30_000;

/** A watchdog over two workers, on a clock of its own. */
class Rig {
  readonly said: string[] = [];
  readonly watchdog: Watchdog;
  nowMs = 0;
  isTraced = false;
  watched: boolean[] = [true, true];

  constructor(replaceAfterMs = REPLACE_AFTER_MS) {
    const say = (text: string): void => void this.said.push(text);
    this.watchdog = new Watchdog({
      workers: () => this.watched.map((isWatched, index) => ({ index, isWatched })),
      stalledAfterMs: STALLED_AFTER_MS,
      replaceAfterMs,
      markStalled: (index) => say(`${index} stalled`),
      markAnswering: (index) => say(`${index} answers`),
      replace: (index, reason) => say(`${index} replaced: ${reason}`),
      examine: () => ({ isSpared: this.isTraced, text: 'as seen' }),
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
  }

  /** Time passes, in which the workers named send samples once a second. */
  pass(ms: number, ...heard: readonly number[]): void {
    for (let passed = 0; passed < ms; passed += WATCH_MS) {
      this.nowMs += WATCH_MS;
      if (passed % 1_000 === 0) for (const index of heard) this.watchdog.heard(index);
      this.watchdog.look(this.nowMs);
    }
  }
}

test('a worker that is silent is stalled, then replaced, once; the others are left alone', () => {
  const rig = new Rig();
  rig.pass(60_000, 0, 1);
  expect(rig.said).toEqual([]);
  rig.pass(8_000, 0);
  expect(rig.said).toEqual([]);
  rig.pass(3_000, 0);
  expect(rig.said).toEqual(['1 stalled']);
  rig.pass(60_000, 0);
  expect(rig.said).toEqual([
    '1 stalled',
    '1 replaced: its event loop stood still for 30 s; as seen',
  ]);
});

test('one that goes on in time answers again, and its time begins anew', () => {
  const rig = new Rig();
  rig.pass(25_000, 0);
  rig.pass(2_000, 0, 1);
  rig.pass(25_000, 0);
  expect(rig.said).toEqual(['1 stalled', '1 answers', '1 stalled']);
});

test('a worker that has started is not judged before it had the time to be heard', () => {
  const rig = new Rig();
  rig.watched = [true, false];
  rig.pass(60_000, 0);
  rig.watched = [true, true];
  rig.pass(9_000, 0);
  expect(rig.said).toEqual([]);
});

test('a controller that stood still itself blames nobody', () => {
  const rig = new Rig();
  rig.pass(5_000, 0, 1);
  rig.nowMs += 600_000;
  rig.watchdog.look(rig.nowMs);
  rig.pass(7_000);
  expect(rig.said).toEqual([]);
});

test('a worker in a debugger is spared until it is let go of', () => {
  const rig = new Rig();
  rig.isTraced = true;
  rig.pass(60_000, 0);
  expect(rig.said).toEqual(['1 stalled']);
  rig.isTraced = false;
  rig.pass(1_000, 0);
  expect(rig.said[1]).toStartWith('1 replaced');
});

test('0 replaces nobody', () => {
  const rig = new Rig(0);
  rig.pass(600_000, 0);
  expect(rig.said).toEqual(['1 stalled']);
});
