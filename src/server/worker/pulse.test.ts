import { expect, test } from 'bun:test';
import { BEAT_MS, Pulse } from './pulse.ts';

function pulseAt(): { pulse: Pulse; pass: (ms: number) => void } {
  const clock = { nowMs: 0 };
  const pulse = new Pulse(() => clock.nowMs);
  return {
    pulse,
    pass: (ms) => {
      clock.nowMs += ms;
      pulse.beat();
    },
  };
}

test('a task has its turn each so many beats', () => {
  const { pulse, pass } = pulseAt();
  const ran: string[] = [];
  pulse.every(1, () => ran.push('each'));
  pulse.every(3, () => ran.push('third'));
  for (let beat = 0; beat < 6; beat++) pass(BEAT_MS);
  expect(ran).toEqual(['each', 'each', 'each', 'third', 'each', 'each', 'each', 'third']);
});

test('the lag is how late the latest beat came since it was last asked for', () => {
  const { pulse, pass } = pulseAt();
  pass(0);
  pulse.takeLagMaxMs();
  pass(BEAT_MS);
  expect(pulse.takeLagMaxMs()).toBe(0);
  pass(BEAT_MS + 300);
  pass(BEAT_MS + 20);
  expect(pulse.takeLagMaxMs()).toBe(300);
  expect(pulse.takeLagMaxMs()).toBe(0);
});
