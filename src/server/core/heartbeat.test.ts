import { describe, expect, test } from 'bun:test';
import { Heartbeat, type HeartbeatMember } from './heartbeat.ts';

/** Beats on fake time; members are pinged and judged at ticks that are written down. */
class Rig {
  readonly heartbeat: Heartbeat;
  readonly intervalTicks: number;
  readonly faults: unknown[] = [];
  nowMs = 0;

  constructor(pingIntervalMs: number, pingTimeoutMs: number) {
    this.heartbeat = new Heartbeat({ pingIntervalMs, pingTimeoutMs }, (fault) =>
      this.faults.push(fault),
    );
    this.intervalTicks = pingIntervalMs / this.heartbeat.tickMs;
    this.heartbeat.beat(0);
  }

  beat(count = 1, lateMs = 0): void {
    for (let i = 0; i < count; i++) {
      this.nowMs += this.heartbeat.tickMs + lateMs;
      this.heartbeat.beat(this.nowMs);
    }
  }

  add(answers: boolean): FakeMember {
    const member = new FakeMember(this.heartbeat, answers);
    this.heartbeat.add(member);
    return member;
  }
}

class FakeMember implements HeartbeatMember {
  heartbeatSlot = -1;
  heartbeatPlace = -1;
  lastSeenTick = 0;
  readonly pingedAt: number[] = [];
  timedOutAt: number | undefined;
  onTimeout: () => void = () => {};
  readonly #heartbeat: Heartbeat;
  readonly #answers: boolean;

  constructor(heartbeat: Heartbeat, answers: boolean) {
    this.#heartbeat = heartbeat;
    this.#answers = answers;
  }

  ping(): void {
    this.pingedAt.push(this.#heartbeat.tick);
    if (this.#answers) this.hear();
  }

  timedOut(): void {
    this.timedOutAt ??= this.#heartbeat.tick;
    this.#heartbeat.remove(this);
    this.onTimeout();
  }

  hear(): void {
    this.lastSeenTick = this.#heartbeat.tick;
  }
}

describe('heartbeat', () => {
  test.each([100, 137, 1_000, 25_000, 240_000])('an interval of %p ms is kept', (intervalMs) => {
    const { heartbeat } = new Rig(intervalMs, 100);
    const ticks = intervalMs / heartbeat.tickMs;
    expect(Math.abs(ticks - Math.round(ticks))).toBeLessThan(1e-9);
    expect(heartbeat.tickMs).toBeGreaterThanOrEqual(10);
  });

  test('whenever a session comes, it is pinged after one interval and at every one', () => {
    const rig = new Rig(1_000, 500);
    const { intervalTicks } = rig;
    const came: [number, FakeMember][] = [];
    for (let i = 0; i < intervalTicks * 2; i++) {
      came.push([rig.heartbeat.tick, rig.add(true)]);
      rig.beat();
    }
    rig.beat(intervalTicks * 3);
    for (const [tick, member] of came) {
      expect(member.pingedAt.slice(0, 3)).toEqual(
        [1, 2, 3].map((times) => tick + times * intervalTicks),
      );
      expect(member.timedOutAt).toBeUndefined();
    }
  });

  test.each([
    ['shorter than', 200],
    ['as long as', 1_000],
    ['longer than', 2_500],
  ])('silence is judged once the time to answer, %s the interval, is over', (_how, timeoutMs) => {
    const rig = new Rig(1_000, timeoutMs);
    const timeoutTicks = timeoutMs / rig.heartbeat.tickMs;
    const silent = rig.add(false);
    const loud = rig.add(true);
    const first = rig.heartbeat.tick + rig.intervalTicks;
    rig.beat(rig.intervalTicks + timeoutTicks + rig.intervalTicks);
    const late = (silent.timedOutAt ?? Number.POSITIVE_INFINITY) - (first + timeoutTicks);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThanOrEqual(1);
    expect(loud.timedOutAt).toBeUndefined();
  });

  test('an answer at the last moment counts', () => {
    const rig = new Rig(1_000, 200);
    const member = rig.add(false);
    rig.beat(rig.intervalTicks + 200 / rig.heartbeat.tickMs - 1);
    member.hear();
    rig.beat(rig.intervalTicks - 1);
    expect(member.timedOutAt).toBeUndefined();
  });

  test('time to answer is over when it is, though no beat has found it yet', () => {
    const rig = new Rig(1_000, 200);
    const { heartbeat } = rig;
    const silent = rig.add(false);
    const loud = rig.add(true);
    rig.beat(rig.intervalTicks);
    rig.beat(200 / heartbeat.tickMs - 1);
    // Beyond what is lost in adding up fractions of milliseconds.
    const atMs = rig.nowMs + heartbeat.tickMs + 0.01;
    expect(heartbeat.isOverdue(silent, atMs - 1)).toBe(false);
    expect(heartbeat.isOverdue(silent, atMs)).toBe(true);
    expect(heartbeat.isOverdue(loud, atMs)).toBe(false);
    expect(silent.timedOutAt).toBeUndefined();
    silent.hear();
    expect(heartbeat.isOverdue(silent, atMs)).toBe(false);
  });

  test('it is not over while the loop stands still, nor sooner by that', () => {
    const rig = new Rig(1_000, 500);
    const { heartbeat } = rig;
    const { tickMs } = heartbeat;
    const silent = rig.add(false);
    rig.beat(rig.intervalTicks);
    rig.beat(1);
    expect(heartbeat.isOverdue(silent, rig.nowMs + 60_000)).toBe(false);
    rig.beat(1, 60_000);
    expect(heartbeat.isOverdue(silent, rig.nowMs + tickMs)).toBe(false);
  });

  test('a stall of the server gives clients a tick to be heard', () => {
    const rig = new Rig(1_000, 200);
    const heard = rig.add(false);
    const silent = rig.add(false);
    rig.beat(rig.intervalTicks);
    expect(heard.pingedAt).toHaveLength(1);
    rig.beat(200 / rig.heartbeat.tickMs - 1);
    // The loop stands still for a minute; the answer lies unread meanwhile.
    rig.beat(1, 60_000);
    expect([heard.timedOutAt, silent.timedOutAt]).toEqual([undefined, undefined]);
    heard.hear();
    rig.beat(2 * (200 / rig.heartbeat.tickMs) + 2);
    expect(heard.timedOutAt).toBeUndefined();
    expect(silent.timedOutAt).toBeDefined();
  });

  test('a loop that is always late still pings everybody once an interval', () => {
    const rig = new Rig(1_000, 400);
    const { tickMs } = rig.heartbeat;
    const members = Array.from({ length: 60 }, () => {
      rig.beat();
      return rig.add(true);
    });
    const startedAtMs = rig.nowMs;
    // Each beat comes after the time of two and a half.
    while (rig.nowMs < startedAtMs + 10_000) rig.beat(1, 1.5 * tickMs);
    for (const { pingedAt, timedOutAt } of members) {
      expect(pingedAt.length).toBeGreaterThanOrEqual(9);
      expect(pingedAt.length).toBeLessThanOrEqual(12);
      expect(timedOutAt).toBeUndefined();
    }
  });

  test('a loop that is always late still finds the silent', () => {
    const rig = new Rig(1_000, 400);
    const silent = rig.add(false);
    while (rig.nowMs < 3_000) rig.beat(1, 1.5 * rig.heartbeat.tickMs);
    expect(silent.timedOutAt).toBeDefined();
  });

  test('who is pinged late has the whole time to answer', () => {
    const rig = new Rig(1_000, 400);
    const { tickMs } = rig.heartbeat;
    rig.beat(10);
    const member = rig.add(false);
    // All that is due in half a minute is sent now, and the answer takes nearly all of its time.
    rig.beat(1, 30_000);
    expect(member.pingedAt).toHaveLength(1);
    rig.beat(400 / tickMs - 1);
    expect(member.timedOutAt).toBeUndefined();
    member.hear();
    rig.beat(400 / tickMs);
    expect(member.timedOutAt).toBeUndefined();
  });

  test('members of one slot leave in any order', () => {
    const rig = new Rig(1_000, 500);
    const members = Array.from({ length: 9 }, () => rig.add(true));
    for (const index of [0, 8, 3, 4]) rig.heartbeat.remove(members[index] as FakeMember);
    rig.heartbeat.remove(members[3] as FakeMember);
    rig.beat(rig.intervalTicks);
    expect(members.map(({ pingedAt }) => pingedAt.length)).toEqual([0, 1, 1, 0, 0, 1, 1, 1, 0]);
  });

  // The app may disconnect others when it hears that one is gone: the host of a game, say.
  test('a session that is cut and takes others with it', () => {
    const rig = new Rig(1_000, 200);
    const members = Array.from({ length: 6 }, () => rig.add(false));
    const host = members[5] as FakeMember;
    host.onTimeout = () => {
      for (const guest of members.slice(0, 3)) rig.heartbeat.remove(guest);
    };
    rig.beat(rig.intervalTicks + 200 / rig.heartbeat.tickMs + 1);
    expect(members.slice(3).every(({ timedOutAt }) => timedOutAt !== undefined)).toBe(true);
    const later = rig.add(true);
    rig.beat(rig.intervalTicks);
    expect(later.pingedAt).toHaveLength(1);
    expect(members.map(({ pingedAt }) => pingedAt.length)).toEqual(Array(6).fill(1));
  });
});

test('a member whose ping or end fails takes nothing from the others', () => {
  const rig = new Rig(1_000, 500);
  const members = Array.from({ length: 5 }, (_, number) => rig.add(number !== 1));
  const faulty = members[3] as FakeMember;
  faulty.ping = () => {
    throw new Error('its event cannot be sent');
  };
  (members[1] as FakeMember).onTimeout = () => {
    throw new Error('its end fails');
  };
  rig.beat(2 * rig.intervalTicks);
  expect(rig.faults.map((fault) => (fault as Error).message)).toContain('its end fails');
  expect(rig.faults.length).toBeGreaterThan(1);
  for (const member of members) {
    if (member !== faulty) expect(member.pingedAt.length).toBeGreaterThan(0);
  }
  const judged = members.filter(({ timedOutAt }) => timedOutAt !== undefined);
  expect(judged).toEqual([members[1], faulty] as FakeMember[]);
});

test('the clock goes on with the beats, and between two of them by one tick at the most', () => {
  const { heartbeat } = new Rig(1_000, 500);
  const startedAtMs = performance.now();
  heartbeat.beat(startedAtMs);
  const beganMs = heartbeat.clockMs;
  Bun.sleepSync(2 * heartbeat.tickMs);
  expect(heartbeat.clockMs - beganMs).toBeWithin(0, heartbeat.tickMs + 1);
  heartbeat.beat(performance.now());
  expect(heartbeat.clockMs - beganMs).toBeGreaterThanOrEqual(heartbeat.tickMs);
});
