/** A `Front` by itself, with everything that it counts in sight. */

import type { Exchange } from '../../src/server/core/contracts/exchange.ts';
import { MemoryBudget } from '../../src/server/core/limits/memory-budget.ts';
import { Refusals } from '../../src/server/core/limits/refusals.ts';
import { Front } from '../../src/server/worker/front/front.ts';
import type { Certificate } from './certificates.ts';

const ignore = (): void => {};
const BUDGET_BYTES = 64 << 20;

export interface FrontAtWork {
  readonly front: Front;
  readonly port: number;
  readonly budget: MemoryBudget;
  readonly refusals: Refusals;
  /** What it said of its own faults. */
  readonly errors: string[];
}

export interface FrontAtWorkOptions {
  readonly budgetBytes?: number;
  readonly maxPayloadBytes?: number;
  readonly tls?: Certificate;
  readonly isCompressing?: boolean;
}

export function startFront(
  handle: (exchange: Exchange) => void,
  options: FrontAtWorkOptions = {},
): FrontAtWork {
  const errors: string[] = [];
  const error = (message: string, fields?: object): void => {
    errors.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log = { debug: ignore, info: ignore, warn: ignore, error };
  const refusals = new Refusals(log);
  const budget = new MemoryBudget(options.budgetBytes ?? BUDGET_BYTES, refusals);
  const maxPayloadBytes = options.maxPayloadBytes ?? 1_000_000;
  const { isCompressing = false } = options;
  const bounds = { maxPayloadBytes, isCompressing, budget, refusals };
  const front = new Front({ ...bounds, handle, isShort: () => false }, log);
  const port = freePort();
  front.listen({ hostname: '127.0.0.1', port, isShared: false, tls: options.tls });
  return { front, port, budget, refusals, errors };
}

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: ignore } });
  listener.stop(true);
  return listener.port;
}
