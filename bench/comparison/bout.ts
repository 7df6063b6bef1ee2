/**
 * One bout: one contestant, from an empty worker to its end.
 *
 *   empty ─► fill ─► idle ─► 20 broadcasts ─► leave ─► fill again ─► CPU samples ─► bursts
 *     RSS     CPU     RSS         RSS                   CPU   RSS        CPU          CPU
 *
 * Memory is read before the CPU samples, so that the further broadcasts do not count in it. The
 * 20 broadcasts are the warm-up of the delivery path; their CPU is kept but is not the figure.
 */

import type { Contestant, RunningContestant } from '../contestants/contract.ts';
import { LoadDriver } from '../load/driver.ts';
import type { LoadCounters } from '../load/messages.ts';
import type { Children } from '../measure/children.ts';
import * as limits from '../measure/limits.ts';
import { limitedBy, Meter } from '../measure/meter.ts';
import type { Progress } from '../measure/progress.ts';
import type { Bout, DeliverySample, HandshakeSample, IdleSample } from '../measure/samples.ts';

export interface BoutSettings {
  readonly round: number;
  readonly sessions: number;
  /** How long to watch idle sessions for their heartbeat cost; 0 leaves it out. */
  readonly idleSeconds: number;
}

export async function runBout(
  contestant: Contestant,
  settings: BoutSettings,
  children: Children,
  progress: Progress,
): Promise<Bout> {
  progress.say('starting');
  const running = await contestant.start(children);
  const { protocol, auth } = contestant;
  const load = new LoadDriver({ url: running.url, protocol, auth }, children);
  try {
    return await new BoutRunner(running, load, settings, progress).run(contestant.name);
  } finally {
    await load.stop();
    await running.stop();
  }
}

class BoutRunner {
  readonly #running: RunningContestant;
  readonly #load: LoadDriver;
  readonly #settings: BoutSettings;
  readonly #progress: Progress;
  readonly #meter: Meter;

  constructor(
    running: RunningContestant,
    load: LoadDriver,
    settings: BoutSettings,
    progress: Progress,
  ) {
    this.#running = running;
    this.#load = load;
    this.#settings = settings;
    this.#progress = progress;
    this.#meter = new Meter(running.pid, load.pid, running.otherPids);
    load.onProgress = (established) => progress.say(`${established} sessions`);
  }

  async run(contestant: string): Promise<Bout> {
    const { round, sessions } = this.#settings;
    const startedAt = performance.now();
    await Bun.sleep(limits.SETTLE_EMPTY_MS);
    const empty = this.#meter.memory();

    const handshakes = [await this.#fill('fill')];
    await Bun.sleep(limits.SETTLE_MS);
    const idle = this.#meter.memory();

    this.#progress.say(`${limits.MEMORY_BROADCASTS} broadcasts`);
    const deliveries = [await this.#broadcasts('warm-up', limits.MEMORY_BROADCASTS, 1)];
    await Bun.sleep(limits.SETTLE_MS);
    const afterBroadcasts = this.#meter.memory();

    this.#progress.say('churn: all leave and come back');
    await this.#load.send({ kind: 'leave' });
    handshakes.push(await this.#fill('churn'));
    await Bun.sleep(limits.SETTLE_MS);
    const afterChurn = this.#meter.memory();

    const idleSample = await this.#idle();
    this.#progress.say('CPU per delivery');
    deliveries.push(...(await this.#cpuSamples()));
    const end = await this.#load.send({ kind: 'counters' });
    return {
      round,
      contestant,
      sessions,
      memory: { empty, idle, afterBroadcasts, afterChurn },
      handshakes,
      deliveries,
      idle: idleSample,
      frameBytes: end.deliveryBytes / end.deliveries,
      lost: end.lost,
      cut: end.cut,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  }

  async #cpuSamples(): Promise<DeliverySample[]> {
    const samples: DeliverySample[] = [];
    const endsAt = performance.now() + limits.CPU_SAMPLING_SECONDS * 1000;
    for (let taken = 0; taken < limits.CPU_SAMPLES_MAX; taken += 1) {
      if (taken >= limits.CPU_SAMPLES_MIN && performance.now() > endsAt) break;
      samples.push(await this.#broadcasts('single', limits.SAMPLE_BROADCASTS, 1));
      const { SAMPLE_BURSTS, BURST_BROADCASTS } = limits;
      samples.push(await this.#broadcasts('burst', SAMPLE_BURSTS, BURST_BROADCASTS));
    }
    return samples;
  }

  async #fill(phase: HandshakeSample['phase']): Promise<HandshakeSample> {
    const { sessions } = this.#settings;
    const before = await this.#load.send({ kind: 'counters' });
    const mark = this.#meter.mark();
    const after = await this.#load.send({ kind: 'fill', sessions });
    const usage = this.#meter.since(mark, after.loopLagMs);
    const failures = after.failures - before.failures;
    return { phase, sessions, failures, usage, limitedBy: limitedBy(usage) };
  }

  /** Sends `times` × `burst` broadcasts; each send waits until every session has it all. */
  async #broadcasts(
    kind: DeliverySample['kind'],
    times: number,
    burst: number,
  ): Promise<DeliverySample> {
    let clientLagMs = 0;
    let deliveries = 0;
    const mark = this.#meter.mark();
    for (let sent = 0; sent < times; sent += 1) {
      // Counted from what has come so far: some servers send frames that are no broadcast.
      const before: LoadCounters = await this.#load.send({ kind: 'counters' });
      const wanted = before.established * burst;
      deliveries += wanted;
      const delivered = this.#load.send({
        kind: 'await',
        deliveries: before.deliveries + wanted,
      });
      // A failure of the broadcast is the one to report, so the other must not go unhandled.
      delivered.catch(() => {});
      await this.#running.broadcast(burst);
      const { loopLagMs } = await delivered;
      clientLagMs = Math.max(clientLagMs, loopLagMs);
    }
    const usage = this.#meter.since(mark, clientLagMs);
    return { kind, broadcasts: times * burst, deliveries, usage };
  }

  async #idle(): Promise<IdleSample | undefined> {
    const { idleSeconds, sessions } = this.#settings;
    if (idleSeconds === 0) return undefined;
    this.#progress.say(`idle for ${idleSeconds} s`);
    const mark = this.#meter.mark();
    await Bun.sleep(idleSeconds * 1000);
    const { loopLagMs } = await this.#load.send({ kind: 'counters' });
    return { sessions, usage: this.#meter.since(mark, loopLagMs) };
  }
}
