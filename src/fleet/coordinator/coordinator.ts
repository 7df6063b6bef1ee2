/**
 * The course of a run: climb, hold, leave, and the verdict.
 *
 *     climb → hold → settle → broadcasts → the server is asked, facts are taken → leave → verdict
 *
 * What is wanted stands in one `Wanted`; changing it and sending it out is all that control does.
 * Sessions do nothing but be held while the fleet climbs; echoes, churn, jitter, storms and the
 * broadcasts of a rate belong to hold. When more connections are asked for during hold, the fleet
 * climbs again and then goes on with what is left of hold.
 */

import type { FleetPhase, FleetVerdict } from '../../report/recording/record.ts';
import { Histogram } from '../agent/histogram.ts';
import { FleetError } from '../settings/fleet-error.ts';
import { isRestless } from '../settings/load.ts';
import { counted, grouped } from '../settings/numbers.ts';
import { shownUrl } from '../settings/target.ts';
import type { Broadcaster } from '../target/broadcaster.ts';
import type { RunFacts } from '../verdict/facts.ts';
import { verdictOf } from '../verdict/verdict.ts';
import { ClimbRate } from './climb-rate.ts';
import { collectFacts } from './collect-facts.ts';
import { isReached, type RunParts, type RunState, type ServerView } from './run-state.ts';
import { askServer } from './server-answers.ts';
import { Settling } from './settle.ts';
import { type FleetStatus, statusOf } from './status.ts';

const SECOND_MS = 1_000;
/** While something is waited for that is over soon. */
const QUICK_STEP_MS = 200;
/** More agents are asked once a second whatever is waited for: each question wakes one up. */
const QUICK_AGENTS_MOST = 8;
/** With so much of what was asked for, a hold is worth its time although some never came. */
const HOLD_SHARE = 0.9;
const LEAVE_GRACE_MS = 10_000;
/** Who is told to stop leaves within some five seconds, whatever the rate. */
const STOP_SECONDS = 5;

export class Coordinator {
  readonly #parts: RunParts;
  readonly #state: RunState;
  readonly #onSecond: () => void;
  #isForced = false;
  /** From the end of hold on, what is wanted stands fast, since it is judged. */
  #isBeingJudged = false;
  readonly #climbRate: ClimbRate = new ClimbRate();
  /** `left` of all agents when it was looked at last: it grows whenever sessions move. */
  #leftBefore = 0;
  /** Whether one of the numbered broadcasts is on its way. */
  #isBurst = false;
  #nextSecondAtMs = performance.now();
  #wake = Promise.withResolvers<void>();
  /** Lost agents that an event told of. */
  readonly #lost: Set<string> = new Set();

  /** @param onSecond called after each record, to show how the run stands */
  constructor(state: RunState, parts: RunParts, onSecond: () => void) {
    this.#state = state;
    this.#parts = parts;
    this.#onSecond = onSecond;
  }

  /** @throws FleetError when the record cannot be written */
  async run(): Promise<FleetVerdict> {
    const { broadcaster } = this.#parts;
    try {
      await this.#climbAndHold();
      this.#isBeingJudged = true;
      await this.#settle();
      await this.#broadcasts();
    } finally {
      broadcaster?.stop();
    }
    if (this.#isStopAsked) broadcaster?.abandon();
    const facts = await this.#facts();
    const latencies = this.#parts.group.totals.latencies();
    if (this.#parts.settings.leaves) await this.#leave();
    this.#enter('done');
    this.#second();
    const verdict = verdictOf(facts, latencies);
    this.#parts.log.verdict(verdict);
    this.#throwFault();
    return verdict;
  }

  status(): FleetStatus {
    return statusOf(this.#state, this.#parts);
  }

  /** Ends the run in order: sessions leave, and the verdict is given. A second time, at once. */
  stop(): void {
    const { phase } = this.#state;
    if (this.#state.stoppedIn !== undefined || phase === 'leave') this.#isForced = true;
    else this.#parts.log.event('set', `stop, during ${phase}`);
    if (phase === 'climb' || phase === 'hold') this.#state.stoppedIn ??= phase;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** @throws FleetError when it is more than the agents hold, or too late */
  async setConnections(connections: number): Promise<void> {
    const { capacity } = this.#parts.group;
    if (connections > capacity) {
      throw new FleetError(
        `The agents of this run hold at most ${counted(capacity, 'connection')}: start it with ` +
          'more of them (--processes or --agent).',
      );
    }
    await this.#set(`connections ${grouped(connections)}`, (state) => {
      state.wanted.connections = connections;
      state.hasMoved = true;
    });
  }

  /** @throws FleetError when it is too late */
  async setRate(rate: number): Promise<void> {
    await this.#set(`rate ${grouped(rate)}`, ({ wanted }) => {
      wanted.rate = rate;
      this.#state.headway.begin();
      this.#climbRate.begin(this.#parts.group.totals.sum('established'));
    });
  }

  /**
   * @param sources for the new targets
   * @param server that they lead to
   * @throws FleetError when it is too late
   */
  async setTargets(
    targets: readonly string[],
    sources: readonly string[],
    server: ServerView,
  ): Promise<void> {
    await this.#set(`target ${targets.map(shownUrl).join(', ')}`, (state) => {
      state.wanted.targets = targets;
      state.wanted.sources = sources;
      state.server = server;
      state.hasMoved = true;
    });
  }

  /** Sends the changed orders at once; what is refused changes nothing. */
  async #set(text: string, change: (state: RunState) => void): Promise<void> {
    if (this.#isStopAsked || this.#state.phase === 'leave' || this.#state.phase === 'done') {
      throw new FleetError('The run is leaving already: start another one.');
    }
    if (this.#isBeingJudged) {
      throw new FleetError('Hold is over and the run is being judged: start another one.');
    }
    change(this.#state);
    this.#parts.log.event('set', text);
    await this.#parts.group.order(this.#state.wanted);
  }

  get #isStopAsked(): boolean {
    return this.#state.stoppedIn !== undefined;
  }

  async #climbAndHold(): Promise<void> {
    const { group } = this.#parts;
    const { wanted, holdMs } = this.#state;
    let areMoreWanted = true;
    while (areMoreWanted && !this.#isStopAsked) {
      if (!(await this.#climb())) {
        this.#state.isStalled = !this.#isStopAsked;
        if (group.totals.open < wanted.connections * HOLD_SHARE) return;
      }
      areMoreWanted = !this.#isStopAsked && (await this.#hold(holdMs));
    }
  }

  /** @returns whether all are there; not when no more came for a while, nor when it is stopped */
  async #climb(): Promise<boolean> {
    const { group, settings } = this.#parts;
    const { wanted } = this.#state;
    this.#state.isStalled = false;
    this.#enter('climb');
    this.#climbRate.begin(group.totals.sum('established'));
    let most = -1;
    let gainedAtMs = performance.now();
    while (!this.#isStopAsked) {
      await this.#step(this.#isNearlyThere() ? this.#quickMs : SECOND_MS);
      if (isReached(this.#state, this.#parts)) {
        const measured = this.#climbRate.measure(group.totals.sum('established'));
        if (measured !== undefined) this.#state.rate ??= { asked: wanted.rate, measured };
        return true;
      }
      const nowMs = performance.now();
      if (group.totals.open > most) {
        most = group.totals.open;
        gainedAtMs = nowMs;
      }
      const patienceMs = Math.max(settings.stallSeconds, 3 / wanted.rate) * 1000;
      if (nowMs - gainedAtMs > patienceMs) {
        this.#parts.log.event('note', `no more sessions came for ${grouped(patienceMs / 1000)} s`);
        return false;
      }
    }
    return false;
  }

  get #quickMs(): number {
    return this.#parts.group.links.length > QUICK_AGENTS_MOST ? SECOND_MS : QUICK_STEP_MS;
  }

  /** Whether the last sessions may come, or go, within the second. */
  #isNearlyThere(): boolean {
    const { wanted } = this.#state;
    return Math.abs(wanted.connections - this.#parts.group.totals.open) <= wanted.rate;
  }

  /**
   * Until the time is over, it is stopped, or more connections are wanted.
   * @returns whether more are wanted
   */
  async #hold(holdMs: number): Promise<boolean> {
    const { wanted } = this.#state;
    const { broadcaster } = this.#parts;
    const { load } = this.#state.wanted;
    this.#enter('hold');
    wanted.isLoadOn = true;
    if (load.broadcastRate > 0) broadcaster?.start(load.broadcastRate);
    const connections = wanted.connections;
    while (!this.#isStopAsked && this.#state.heldMs < holdMs) {
      if (wanted.connections > connections) break;
      const beforeMs = performance.now();
      this.#stormWhenDue();
      await this.#step(Math.min(SECOND_MS, holdMs - this.#state.heldMs));
      this.#state.heldMs += performance.now() - beforeMs;
      this.#markRestless();
    }
    broadcaster?.stop();
    wanted.isLoadOn = false;
    return wanted.connections > connections;
  }

  #stormWhenDue(): void {
    const { wanted, heldMs } = this.#state;
    const everyMs = wanted.load.stormSeconds * 1000;
    if (everyMs === 0 || Math.floor(heldMs / everyMs) <= wanted.storms) return;
    wanted.storms++;
    this.#parts.log.event('storm', `storm ${wanted.storms}: all sessions reconnect at once`);
  }

  /**
   * While sessions come and go by themselves, nobody can say how many hear a broadcast that is
   * under way.
   */
  #markRestless(): void {
    const { wanted, restless } = this.#state;
    const { group, broadcaster } = this.#parts;
    const left = group.totals.sum('left');
    const isMoving = group.totals.open !== wanted.connections || left !== this.#leftBefore;
    this.#leftBefore = left;
    if (broadcaster === undefined || !(isMoving || isRestless(wanted.load))) return;
    for (const { sequence } of broadcaster.results) {
      if (broadcaster.isUnderWay(sequence)) restless.add(sequence);
    }
    // The broadcaster does not keep them all, either.
    for (const sequence of restless) {
      if (broadcaster.result(sequence) === undefined) restless.delete(sequence);
    }
    broadcaster.release(broadcaster.lastSequence);
  }

  /** At least one step, since agents echo until they hear that hold is over. */
  async #settle(): Promise<void> {
    const settling = new Settling(this.#state, this.#parts);
    do {
      await this.#step(this.#quickMs);
    } while (!this.#isForced && !settling.isOver());
  }

  /** The numbered broadcasts at the end: each is waited for. */
  async #broadcasts(): Promise<void> {
    const { broadcaster } = this.#parts;
    if (broadcaster === undefined || this.#state.phase !== 'hold') return;
    for (let i = 0; i < this.#state.wanted.load.broadcasts && !this.#isStopAsked; i++) {
      await this.#broadcast(broadcaster);
    }
  }

  async #broadcast(broadcaster: Broadcaster): Promise<void> {
    const { totals } = this.#parts.group;
    const before = totals.snapshot('delivery');
    this.#isBurst = true;
    let isSending = true;
    let sequence = 0;
    void broadcaster.send().then((taken = 0) => {
      isSending = false;
      sequence = taken;
    });
    // A server may take half a minute over it, in which agents are to hear and be heard.
    while ((isSending || broadcaster.isUnderWay(sequence)) && !this.#isStopAsked) {
      await this.#step(this.#quickMs);
    }
    this.#isBurst = false;
    const result = broadcaster.result(sequence);
    if (result === undefined) return;
    const during = new Histogram();
    during.merge(totals.snapshot('delivery'));
    during.merge(before, -1);
    const lastMicros = during.percentile(1);
    if (lastMicros !== undefined) broadcaster.setTook(sequence, Math.round(lastMicros / 1000));
    const { received, sessions, tookMs } = result;
    this.#parts.log.event(
      'broadcast',
      `broadcast ${sequence}: ${grouped(received)} of ${grouped(sessions)} in ` +
        `${grouped(tookMs)} ms`,
    );
  }

  async #leave(): Promise<void> {
    const { wanted } = this.#state;
    const { totals } = this.#parts.group;
    this.#enter('leave');
    const inTime = totals.open / STOP_SECONDS;
    if (this.#isStopAsked) wanted.rate = Math.max(wanted.rate, inTime);
    const deadlineMs = performance.now() + (totals.open / wanted.rate) * 1500 + LEAVE_GRACE_MS;
    wanted.connections = 0;
    while (!this.#isForced && performance.now() < deadlineMs) {
      await this.#step(this.#isNearlyThere() ? this.#quickMs : SECOND_MS);
      if (totals.open + totals.connecting === 0) return;
    }
  }

  /** The server may be slow to answer, and agents that hear nothing drop their sessions. */
  async #facts(): Promise<RunFacts> {
    let isAsking = true;
    const answers = askServer(this.#state, this.#parts).finally(() => {
      isAsking = false;
    });
    while (isAsking) await this.#step(this.#quickMs);
    return collectFacts(this.#state, this.#parts, await answers);
  }

  #enter(phase: FleetPhase): void {
    this.#state.phase = phase;
    this.#state.headway.begin();
    this.#parts.log.event('phase', phase);
  }

  /** Orders out, samples in, a record when its second has come; then waits for the rest. */
  async #step(stepMs: number): Promise<void> {
    const { group, broadcaster } = this.#parts;
    const endAtMs = performance.now() + stepMs;
    await group.order(this.#state.wanted);
    this.#noticeLosses();
    broadcaster?.observe(group.totals.receipts());
    this.#state.noticeOpen(group.totals);
    if (performance.now() >= this.#nextSecondAtMs) this.#second();
    this.#throwFault();
    const untilMs = Math.min(endAtMs, this.#nextSecondAtMs);
    await this.#sleep(untilMs - performance.now());
  }

  #second(): void {
    const { group, log } = this.#parts;
    const { phase, wanted } = this.#state;
    const nowMs = performance.now();
    this.#nextSecondAtMs = Math.max(this.#nextSecondAtMs + SECOND_MS, nowMs + SECOND_MS / 2);
    log.second(phase, wanted.connections, this.#isBurst);
    this.#state.headway.add({ atMs: nowMs, open: group.totals.open }, wanted.rate);
    this.#state.pace.add({
      atMs: nowMs,
      established: group.totals.sum('established'),
      deliveries: group.totals.sum('deliveries'),
      echoes: group.totals.sum('echoesAnswered'),
    });
    this.#onSecond();
  }

  #noticeLosses(): void {
    for (const { name, lost } of this.#parts.group.links) {
      if (lost === undefined) {
        if (this.#lost.delete(name)) this.#parts.log.event('agent', `agent ${name} is back`);
      } else if (!this.#lost.has(name)) {
        this.#lost.add(name);
        this.#parts.log.event('agent', `agent ${name} is lost: ${lost}`);
      }
    }
  }

  #throwFault(): void {
    const { fault } = this.#parts.log;
    if (fault !== undefined) throw fault;
  }

  async #sleep(ms: number): Promise<void> {
    if (ms <= 0) return;
    let timer: Timer | undefined;
    const time = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([time, this.#wake.promise]);
    clearTimeout(timer);
  }
}
