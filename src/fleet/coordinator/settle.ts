/**
 * When a run has come to rest after hold, so that it can be judged: sessions that were away are
 * back, messages that were on their way have arrived, and every agent has answered an order that
 * was sent since, or is lost. An agent that stands still would otherwise keep its last good sample.
 */

import type { AgentSample } from '../agent/contract.ts';
import { sumOf } from '../agent-group/totals.ts';
import { isRestless } from '../settings/load.ts';
import { areEchoesAnswered } from '../verdict/message-findings.ts';
import type { RunParts, RunState } from './run-state.ts';

/** For sessions that are away to come back, and for echoes to be answered. */
const TIMEOUT_MS = 30_000;
/** Who is told to stop waits for answers that are nearly there, and no longer. */
const STOP_TIMEOUT_MS = 1_000;
/** The first may answer an order of before: one request is under way at most. */
const ANSWERS_MIN = 2;

interface Heard {
  sample: AgentSample | undefined;
  answers: number;
}

export class Settling {
  readonly #state: RunState;
  readonly #parts: RunParts;
  readonly #startedAtMs: number = performance.now();
  readonly #heard: readonly Heard[];

  constructor(state: RunState, parts: RunParts) {
    this.#state = state;
    this.#parts = parts;
    this.#heard = parts.group.links.map(({ sample }) => ({ sample, answers: 0 }));
  }

  /** Asked after each step: whether all is calm, or has not become so in time. */
  isOver(): boolean {
    this.#hear();
    const isStopped = this.#state.stoppedIn !== undefined;
    if (isStopped ? this.#isAnswered : this.#isCalm) return true;
    const elapsedMs = performance.now() - this.#startedAtMs;
    if (isStopped) return elapsedMs >= STOP_TIMEOUT_MS;
    // A broadcast has a time of its own, by the number of sessions.
    return elapsedMs >= this.#timeoutMs && !this.#isBroadcastUnderWay;
  }

  get #timeoutMs(): number {
    return TIMEOUT_MS + (this.#state.wanted.load.jitter?.awayMs ?? 0);
  }

  get #isCalm(): boolean {
    const { links } = this.#parts.group;
    const haveAgentsAnswered = links.every(
      ({ lost }, index) =>
        lost !== undefined || (this.#heard[index]?.answers ?? ANSWERS_MIN) >= ANSWERS_MIN,
    );
    return (
      haveAgentsAnswered && this.#areAllThere && this.#isAnswered && !this.#isBroadcastUnderWay
    );
  }

  /** Neither more nor fewer than wanted, unless there is nothing that could change that. */
  get #areAllThere(): boolean {
    const { wanted, hasMoved, isStalled } = this.#state;
    const { group } = this.#parts;
    const isRestful = !isRestless(wanted.load) && (!hasMoved || isStalled);
    return isRestful || group.totals.open === group.wantedOfLiving(wanted);
  }

  get #isAnswered(): boolean {
    const { totals } = this.#parts.group;
    return areEchoesAnswered(
      { sent: totals.sum('echoesSent'), answered: totals.sum('echoesAnswered') },
      sumOf(totals.losses()) + totals.sum('left'),
    );
  }

  get #isBroadcastUnderWay(): boolean {
    return this.#parts.broadcaster?.isAnyUnderWay === true;
  }

  #hear(): void {
    this.#parts.group.links.forEach(({ sample }, index) => {
      const heard = this.#heard[index];
      if (heard === undefined || heard.sample === sample) return;
      heard.sample = sample;
      heard.answers++;
    });
  }
}
