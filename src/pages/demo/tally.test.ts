import { describe, expect, test } from 'bun:test';
import { Ballots, readEntries } from './ballots.ts';
import { ROW_FRESH_MS, ROW_INTERVAL_MS, ROW_KEPT_MS, VOTES_PER_MESSAGE_MAX } from './poll.ts';
import { type Row, readRow, Tally } from './tally.ts';

const START_MS = 1_800_000_000_000;
const ann = voter(1);
const bob = voter(2);

function voter(number: number): string {
  return number.toString(16).padStart(32, '0');
}

/** Sends the row that is due to the other workers. */
function ship(from: Tally, to: readonly Tally[], nowMs: number): Row {
  const row = from.takeRow(nowMs);
  if (row === undefined) throw new Error('no row was due');
  for (const tally of to) tally.merge(row, nowMs);
  return row;
}

/** Copies all votes, as a worker does that starts. */
function copy(from: Tally, to: Tally, pageSize = 2): void {
  for (let start = 0; ; start += pageSize) {
    const page = from.ballots.page(start, pageSize);
    to.ballots.merge(page);
    if (page.length < pageSize) return;
  }
}

describe('votes', () => {
  test('a vote counts once and moves when it changes', () => {
    const tally = new Tally('a');
    expect(tally.vote(ann, 'quill', START_MS)).toBe('counted');
    expect(tally.vote(ann, 'quill', START_MS + 1)).toBe('unchanged');
    expect(tally.vote(ann, 'tern', START_MS + 2)).toBe('counted');
    expect(tally.ballots.counts()).toEqual({ quill: 0, tern: 1, brandt: 0, nobody: 0 });
    expect(tally.ballots.choiceOf(ann)).toBe('tern');
  });

  test('a vote moves even when the clock stands still or goes back', () => {
    const ballots = new Ballots();
    ballots.cast(ann, 'nobody', START_MS);
    ballots.cast(ann, 'quill', START_MS);
    ballots.cast(ann, 'tern', START_MS - 5000);
    expect(ballots.choiceOf(ann)).toBe('tern');
    const other = new Ballots();
    other.merge(ballots.page(0, 10));
    expect(other.choiceOf(ann)).toBe('tern');
  });

  test('a full table takes no new voters but lets the known ones change', () => {
    const ballots = new Ballots(1);
    ballots.cast(ann, 'quill', START_MS);
    expect(ballots.cast(bob, 'quill', START_MS)).toBe('full');
    expect(ballots.cast(ann, 'tern', START_MS + 1)).toBe('counted');
    expect(ballots.counts()).toEqual({ quill: 0, tern: 1, brandt: 0, nobody: 0 });
  });
});

describe('workers', () => {
  test('the last vote wins on every worker, in whatever order the votes arrive', () => {
    const a = new Tally('a');
    const b = new Tally('b');
    const c = new Tally('c');
    a.vote(ann, 'quill', START_MS);
    const early = ship(a, [c], START_MS);
    b.vote(ann, 'brandt', START_MS + 10);
    ship(b, [a, c], START_MS + 10);
    b.merge(early, START_MS + 20);
    for (const tally of [a, b, c]) {
      expect(tally.ballots.counts()).toEqual({ quill: 0, tern: 0, brandt: 1, nobody: 0 });
    }
  });

  test('two votes of the same instant are settled alike everywhere', () => {
    const a = new Tally('a');
    const b = new Tally('b');
    a.vote(ann, 'quill', START_MS);
    b.vote(ann, 'brandt', START_MS);
    ship(a, [b], START_MS);
    ship(b, [a], START_MS);
    expect(a.ballots.choiceOf(ann)).toBe(b.ballots.choiceOf(ann)!);
    expect(a.totals(START_MS).votes).toEqual(b.totals(START_MS).votes);
  });

  test('a row that comes twice or late changes nothing', () => {
    const a = new Tally('a');
    const b = new Tally('b');
    a.enter();
    a.vote(ann, 'quill', START_MS);
    const first = ship(a, [b], START_MS);
    a.enter();
    const second = ship(a, [b], START_MS + 200);
    expect(b.merge(second, START_MS + 300)).toBe(true);
    expect(b.merge(first, START_MS + 300)).toBe(true);
    expect(b.totals(START_MS + 300)).toEqual({
      votes: { quill: 1, tern: 0, brandt: 0, nobody: 0 },
      watching: 2,
      workers: 2,
    });
  });

  test('a row is due when something changed, and else once an interval', () => {
    const a = new Tally('a');
    expect(a.takeRow(START_MS)).toBeDefined();
    expect(a.takeRow(START_MS + ROW_INTERVAL_MS - 1)).toBeUndefined();
    expect(a.takeRow(START_MS + ROW_INTERVAL_MS)?.sequence).toBe(2);
    a.enter();
    expect(a.takeRow(START_MS + ROW_INTERVAL_MS + 1)?.watching).toBe(1);
  });

  test('many votes go out over several rows, none twice', () => {
    const a = new Tally('a');
    const voters = VOTES_PER_MESSAGE_MAX + 3;
    for (let number = 0; number < voters; number += 1) a.vote(voter(number), 'tern', START_MS);
    expect(a.takeRow(START_MS)?.votes).toHaveLength(VOTES_PER_MESSAGE_MAX);
    expect(a.takeRow(START_MS)?.votes).toHaveLength(3);
    expect(a.takeRow(START_MS)).toBeUndefined();
  });
});

describe('a worker that dies', () => {
  test('its votes stay, its audience expires, its successor counts anew', () => {
    const a = new Tally('a');
    const b = new Tally('b');
    b.enter();
    b.vote(bob, 'brandt', START_MS);
    ship(b, [a], START_MS);
    const lateMs = START_MS + ROW_FRESH_MS + 1;
    expect(a.totals(START_MS + ROW_FRESH_MS).watching).toBe(1);
    expect(a.totals(lateMs)).toMatchObject({ votes: { brandt: 1 }, watching: 0, workers: 1 });

    const successor = new Tally('b2');
    copy(a, successor);
    successor.enter();
    // The voter comes back and changes the vote: it moves, it is not counted twice.
    successor.vote(bob, 'nobody', lateMs);
    ship(successor, [a], lateMs);
    for (const tally of [a, successor]) {
      expect(tally.ballots.counts()).toEqual({ quill: 0, tern: 0, brandt: 0, nobody: 1 });
    }
    expect(a.totals(lateMs).watching).toBe(1);
  });

  test('its row is dropped in the end, so that rows do not pile up', () => {
    const a = new Tally('a');
    const b = new Tally('b');
    ship(b, [a], START_MS);
    a.expire(START_MS + ROW_KEPT_MS + 1);
    // Heard again, the skipped numbers show.
    expect(a.merge(b.takeRow(START_MS + ROW_KEPT_MS + 2)!, START_MS + ROW_KEPT_MS + 2)).toBe(false);
  });
});

test('of the workers with listeners the first alive speaks', () => {
  const a = new Tally('a');
  const b = new Tally('b');
  const c = new Tally('c');
  const speakers = (nowMs: number) => [a, b, c].filter((tally) => tally.speaks(nowMs));
  expect(speakers(START_MS)).toEqual([]);
  b.listen(1);
  c.listen(1);
  ship(a, [b, c], START_MS);
  ship(b, [a, c], START_MS);
  ship(c, [a, b], START_MS);
  expect(speakers(START_MS)).toEqual([b]);
  a.listen(1);
  ship(a, [b, c], START_MS + 1);
  expect(speakers(START_MS + 1)).toEqual([a]);
  // It falls silent, as one that died does; that it would speak itself nobody hears.
  const lateMs = START_MS + ROW_FRESH_MS + 2;
  ship(b, [a, c], lateMs);
  expect(speakers(lateMs)).toEqual([a, b]);
  b.listen(-1);
  ship(b, [a, c], lateMs);
  expect(c.speaks(lateMs)).toBe(true);
});

describe('a worker that starts or missed something', () => {
  test('copies all pages and agrees', () => {
    const a = new Tally('a');
    for (let number = 0; number < 7; number += 1) a.vote(voter(number), 'quill', START_MS);
    ship(a, [], START_MS);
    const late = new Tally('late');
    expect(late.merge(a.lastRow(), START_MS)).toBe(true);
    copy(a, late);
    copy(a, late);
    expect(late.ballots.counts()).toEqual(a.ballots.counts());
    a.vote(voter(0), 'tern', START_MS + 1);
    expect(late.merge(a.takeRow(START_MS + 1)!, START_MS + 1)).toBe(true);
    expect(late.ballots.counts()).toEqual({ quill: 6, tern: 1, brandt: 0, nobody: 0 });
  });

  test('a skipped row shows, and a copy heals it', () => {
    const a = new Tally('a');
    const b = new Tally('b');
    ship(a, [b], START_MS);
    a.vote(ann, 'quill', START_MS + 1);
    ship(a, [], START_MS + 1);
    a.vote(bob, 'tern', START_MS + 2);
    expect(b.merge(a.takeRow(START_MS + 2)!, START_MS + 2)).toBe(false);
    expect(b.ballots.size).toBe(1);
    copy(a, b);
    expect(b.ballots.counts()).toEqual(a.ballots.counts());
  });

  test('a worker ignores its own row', () => {
    const a = new Tally('a');
    a.enter();
    a.merge(a.takeRow(START_MS)!, START_MS);
    expect(a.totals(START_MS)).toMatchObject({ watching: 1, workers: 1 });
  });
});

test('what is not a row or an entry is refused', () => {
  const row = { workerId: 'a', sequence: 1, watching: 0, listening: 0, voters: 0, votes: [] };
  expect(readRow(row)).toEqual(row);
  for (const wrong of [
    null,
    'row',
    [],
    { ...row, workerId: '' },
    { ...row, sequence: -1 },
    { ...row, watching: Number.NaN },
    { ...row, listening: true },
    { ...row, voters: '1' },
  ]) {
    expect(readRow(wrong)).toBeUndefined();
  }
  const good = [ann, START_MS * 16 + 2];
  const entries = readEntries([good, [ann, START_MS * 16 + 9], ['x', 16], [ann, -16], [ann, 1.5]]);
  expect(entries).toEqual([good as [string, number]]);
  expect(readEntries('votes')).toEqual([]);
});
