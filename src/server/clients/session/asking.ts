/**
 * Clients about which somebody is asked: the app, a hook, the history. What their CONNECT holds
 * counts meanwhile, and one that comes in the meantime is kept.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import type { ClientSession } from './client-session.ts';
import type { ComebackWish } from './comebacks.ts';
import type { HandshakeReads } from './handshake-reads.ts';
import type { Joining } from './session-extras.ts';

/** A client that wants in. */
export interface Asked {
  readonly client: ClientSession;
  readonly home: Namespace;
  readonly reads: HandshakeReads;
  /** What it presents of a session that it had before. */
  readonly wish: ComebackWish;
}

export interface AskedForLong extends Asked {
  readonly joining: Joining;
}

export interface AskingTable {
  readonly budget: MemoryBudget;
  readonly heartbeat: { readonly tick: number };
}

export class Asking {
  readonly #table: AskingTable;
  /** Oldest first. */
  readonly #all: Set<AskedForLong> = new Set();

  constructor(table: AskingTable) {
    this.#table = table;
  }

  /** @param bytes of its CONNECT */
  begin(asked: Asked, bytes: number): AskedForLong {
    const { budget, heartbeat } = this.#table;
    const held = bytes + LIMITS.unfinishedEventBytes;
    const joining = { since: heartbeat.tick, bytes: held, next: undefined, nextBytes: 0 };
    const one = { ...asked, joining };
    this.#all.add(one);
    hold(one, joining);
    budget.take(held);
    return one;
  }

  has(one: AskedForLong): boolean {
    return this.#all.has(one);
  }

  /** @returns false when it was over before */
  end(one: AskedForLong): boolean {
    if (!this.#all.delete(one)) return false;
    this.#table.budget.give(one.joining.bytes + one.joining.nextBytes);
    if (!one.client.closed) hold(one, undefined);
    return true;
  }

  /** Ends those that began up to a tick. @returns them */
  endLate(tick: number): AskedForLong[] {
    const late: AskedForLong[] = [];
    for (const one of this.#all) {
      if (one.joining.since > tick) break;
      late.push(one);
    }
    return late.filter((one) => this.end(one));
  }
}

/** Notes or forgets that a client is being asked about. */
function hold({ client, home }: Asked, joining: Joining | undefined): void {
  const all = new Map(client.joining);
  if (joining === undefined) all.delete(home.name);
  else all.set(home.name, joining);
  client.hold({ joining: all.size === 0 ? undefined : all });
}
