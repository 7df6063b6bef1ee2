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
  for (const first of ['SIGTERM', 'SIGINT']) {
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

test('after dispose nothing listens', () => {
  const { source, signals } = setUp();
  signals.dispose();
  expect(source.eventNames()).toEqual([]);
});
