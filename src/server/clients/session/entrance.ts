/**
 * Lets clients in with their first request, as far as addresses and places allow it. Before this
 * has passed a request it is neither upgraded nor held.
 */

import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { Exchange } from '../../core/contracts/exchange.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import { requestTarget } from '../../protocol/request-target.ts';
import type { AddressCrowd } from '../source/address-crowd.ts';
import type { RequestSource, RequestSources } from '../source/request-sources.ts';
import type { ClientTable } from './client-table.ts';

/** Long enough for others to leave, short enough for people to wait. */
export const RETRY_AFTER_SECONDS = '5';

/**
 * A client that is not let in: its request is not to be looked at (400), too many of its address
 * (429), or no place now (503).
 */
export interface TurnedAway {
  readonly status: 400 | 429 | 503;
  readonly reason: Reason;
}

export interface EntranceOptions {
  readonly table: ClientTable;
  /** Judges names of headers and of the query, which become keys of objects. */
  readonly json: ForeignJson;
  readonly sources: RequestSources;
  readonly crowd: AddressCrowd;
  isStopping(): boolean;
}

export class Entrance {
  readonly #options: EntranceOptions;

  constructor(options: EntranceOptions) {
    this.#options = options;
  }

  /** @returns where the client comes from, once a place is free for it; refusals are counted */
  admit(exchange: Exchange): RequestSource | TurnedAway {
    const { table, json, sources, crowd } = this.#options;
    const fault = json.faultInNames(namesIn, exchange, exchange);
    if (fault !== undefined) return this.#turnAway(400, fault);
    if (this.#options.isStopping()) return this.#turnAway(503, 'stopping');
    const from = sources.sourceOf(exchange);
    const tooMany = table.addressLimits.refusalOf(from.addressKey);
    if (tooMany !== undefined) return this.#turnAway(429, tooMany, from.address);
    if (!table.places.take(from)) return this.#turnAway(503, 'atCapacity');
    table.addressLimits.opened(from.addressKey);
    crowd.opened(from);
    return from;
  }

  #turnAway(status: TurnedAway['status'], reason: Reason, detail?: string): TurnedAway {
    const { counters, refusals } = this.#options.table;
    counters.handshakesRefused++;
    refusals.count(reason, detail);
    return { status, reason };
  }
}

function* namesIn({ headers, target }: Exchange): Generator<string> {
  yield* headers.keys();
  yield* new URLSearchParams(requestTarget(target).query).keys();
}
