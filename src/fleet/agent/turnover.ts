/**
 * How many sessions are to leave, to be cut and to send an echo in this tick. Rates are far below
 * one a tick and session, so fractions are carried over from tick to tick.
 */

import type { AgentOrder } from './contract.ts';
import { Pacer } from './pacer.ts';

export interface Due {
  /** Sessions that leave politely and come back at once. */
  readonly leave: number;
  /** Sessions to be cut; they come back `awayMs` later. */
  readonly cut: number;
  /** Sessions that are away now and not to be replaced. */
  readonly away: number;
}

const MINUTE_S = 60;

export class Turnover {
  readonly #churn = new Pacer(performance.now());
  readonly #jitter = new Pacer(performance.now());
  readonly #echo = new Pacer(performance.now());
  /** Sessions that were cut, and when they may come back. */
  #awayUntil: { readonly atMs: number; readonly count: number }[] = [];
  #away = 0;

  due(order: AgentOrder, open: number, nowMs: number): Due {
    this.#churn.refill(order.churnPerMinute / MINUTE_S, nowMs);
    const leave = order.churnPerMinute > 0 ? this.#churn.take(open) : 0;
    const cut = this.#cut(order, open - leave, nowMs);
    return { leave, cut, away: this.#away };
  }

  echoes(order: AgentOrder, nowMs: number): number {
    const perSecond = order.echo?.perSecond ?? 0;
    this.#echo.refill(perSecond, nowMs);
    return perSecond > 0 ? this.#echo.take(Number.MAX_SAFE_INTEGER) : 0;
  }

  #cut({ jitter }: AgentOrder, open: number, nowMs: number): number {
    while (this.#awayUntil[0] !== undefined && this.#awayUntil[0].atMs <= nowMs) {
      this.#away -= this.#awayUntil[0].count;
      this.#awayUntil.shift();
    }
    this.#jitter.refill(jitter === undefined ? 0 : (open * 1000) / jitter.everyMs, nowMs);
    const cut = jitter === undefined ? 0 : this.#jitter.take(open);
    if (cut > 0) {
      this.#away += cut;
      this.#awayUntil.push({ atMs: nowMs + (jitter?.awayMs ?? 0), count: cut });
    }
    return cut;
  }
}
