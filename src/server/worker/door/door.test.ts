import { afterEach, beforeEach, expect, jest, test } from 'bun:test';
import { SourceKeys } from '../../clients/source/source-keys.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { Door } from './door.ts';

const PLACES = 400;
const OWN_FILES = 20;
const CONNECTION = 77;

let files: number;
let sockets: number;
let vouchings: number;
let door: Door;

const ignore = (): void => {};
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

beforeEach(() => {
  jest.useFakeTimers();
  files = OWN_FILES;
  sockets = 0;
  vouchings = 0;
  door = new Door({
    places: PLACES,
    ports: [],
    keys: new SourceKeys(),
    refusals: new Refusals(log),
    log,
    countFiles: () => files,
    countSockets: () => sockets,
    connectionAt: () => 0,
    sessionConnections: () => [],
    vouchForWaiting: () => vouchings++,
    isProxy: () => false,
  });
  door.open();
});

afterEach(() => {
  door.close();
  jest.useRealTimers();
});

function look(clients: { sockets?: number; strangers?: number }): void {
  sockets = clients.sockets ?? 0;
  files = OWN_FILES + sockets + (clients.strangers ?? 0);
  door.look();
}

test('sessions are no reason to watch, connections without one are', () => {
  look({ sockets: PLACES - 1 });
  expect(door.isWatching).toBe(false);
  look({ sockets: 100, strangers: PLACES / 8 });
  expect(door.isWatching).toBe(true);
  expect(vouchings).toBe(1);
  look({ sockets: 100, strangers: PLACES / 8 - 1 });
  expect(door.isWatching).toBe(true);
  look({ sockets: 100, strangers: PLACES / 16 - 1 });
  expect(door.isWatching).toBe(false);
  expect(door.strangers).toBe(PLACES / 16 - 1);
});

test('while nobody comes or goes it looks less often, but for half the files are in use', () => {
  let asked = 0;
  const counting = new Door({
    places: PLACES,
    ports: [],
    keys: new SourceKeys(),
    refusals: new Refusals(log),
    log,
    countFiles: () => (asked++, files),
    countSockets: () => sockets,
    connectionAt: () => 0,
    sessionConnections: () => [],
    vouchForWaiting: ignore,
    isProxy: () => false,
  });
  counting.open();
  const looksIn = (times: number): number => {
    const before = asked;
    for (let i = 0; i < times; i++) counting.lookNowAndThen();
    return asked - before;
  };
  looksIn(20);
  expect(looksIn(100)).toBeLessThanOrEqual(20);
  expect(looksIn(100)).toBeGreaterThanOrEqual(10);
  files++;
  looksIn(5);
  expect(looksIn(5)).toBe(5);
  [files, sockets] = [OWN_FILES + PLACES / 2, PLACES / 2];
  looksIn(30);
  expect(looksIn(100)).toBe(100);
});

test('while it watches it looks by itself', () => {
  look({ strangers: 100 });
  files = OWN_FILES + PLACES;
  expect(door.isLastAnswer(CONNECTION)).toBe(false);
  jest.advanceTimersByTime(20);
  expect(door.isLastAnswer(CONNECTION)).toBe(true);
});

test('when files are short each answer without a session is the last', () => {
  look({ sockets: 10, strangers: PLACES - 10 });
  expect(door.isLastAnswer(CONNECTION)).toBe(true);
  expect(door.isLastAnswer(0)).toBe(true);
  // Some are freed at once, so that it does not change with every connection.
  look({ sockets: 10, strangers: PLACES - 30 });
  expect(door.isLastAnswer(CONNECTION)).toBe(true);
  look({ sockets: 10, strangers: PLACES - 40 });
  expect(door.isLastAnswer(CONNECTION)).toBe(false);
});

test('a connection that asks for a minute makes place, and may come again', () => {
  const now = jest.spyOn(performance, 'now');
  const at = (seconds: number): boolean => {
    now.mockReturnValue(seconds * 1_000);
    return door.isLastAnswer(CONNECTION);
  };
  try {
    expect([at(100), at(130), at(159)]).toEqual([false, false, false]);
    expect(at(160)).toBe(true);
    expect([at(161), at(219)]).toEqual([false, false]);
  } finally {
    now.mockRestore();
  }
});

test('of very many that asked once only the last are remembered', () => {
  for (let connection = 1; connection < 70_000; connection++) door.isLastAnswer(connection);
  const now = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 61_000);
  expect([door.isLastAnswer(1), door.isLastAnswer(69_999)]).toEqual([false, true]);
  now.mockRestore();
});

test('where the system does not tell of files, nothing is done', () => {
  const blind = new Door({
    places: 1,
    ports: [],
    keys: new SourceKeys(),
    refusals: new Refusals(log),
    log,
    countFiles: () => undefined,
    countSockets: () => 0,
    connectionAt: () => 0,
    sessionConnections: () => [],
    vouchForWaiting: ignore,
    isProxy: () => false,
  });
  blind.open();
  blind.look();
  expect([blind.isWatching, blind.strangers]).toEqual([false, 0]);
});
