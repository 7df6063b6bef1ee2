import { expect, test } from 'bun:test';
import { EventEmitter } from 'node:events';
import { StopSignals } from './stop-signals.ts';

function setUp() {
  const source = new EventEmitter();
  const time = { nowMs: 0 };
  const signals = new StopSignals(source, () => time.nowMs);
  const state = (): string[] => [signals.stop, signals.force].map((one) => Bun.peek.status(one));
  return { source, time, signals, state };
}

test('the first signal asks to stop, a later SIGINT to stop at once', () => {
  for (const first of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']) {
    const { source, time, signals, state } = setUp();
    expect([signals.isStopAsked, ...state()]).toEqual([false, 'pending', 'pending']);
    source.emit(first);
    expect([signals.isStopAsked, ...state()]).toEqual([true, 'fulfilled', 'pending']);
    time.nowMs = 1_000;
    source.emit('SIGINT');
    expect(state()).toEqual(['fulfilled', 'fulfilled']);
  }
});

test('the echo of one Ctrl-C does not force, nor does a second SIGTERM', () => {
  const { source, time, state } = setUp();
  source.emit('SIGINT');
  time.nowMs = 20;
  source.emit('SIGINT');
  time.nowMs = 1_000;
  source.emit('SIGTERM');
  expect(state()).toEqual(['fulfilled', 'pending']);
});

test('signals that ask for nothing are listened to, so that they do not end the process', () => {
  const { source, state } = setUp();
  for (const signal of ['SIGUSR1', 'SIGUSR2']) expect(source.emit(signal)).toBe(true);
  expect(state()).toEqual(['pending', 'pending']);
});

test('a launcher that is gone asks to stop, and is watched no longer than the command runs', () => {
  let gone = (): void => {};
  let isWatched = true;
  const signals = new StopSignals(
    new EventEmitter(),
    () => 0,
    (onGone) => {
      gone = onGone;
      return () => {
        isWatched = false;
      };
    },
  );
  gone();
  expect([signals.isStopAsked, Bun.peek.status(signals.stop)]).toEqual([true, 'fulfilled']);
  signals.dispose();
  expect(isWatched).toBe(false);
});

test('after dispose nothing listens', () => {
  const { source, signals } = setUp();
  signals.dispose();
  expect(source.eventNames()).toEqual([]);
});
