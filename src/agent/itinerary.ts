/**
 * Where the next connection goes, from where, and what it speaks: targets, sources and protocols
 * of one order, each in turn. Targets and sources are combined so that all pairs are used alike,
 * since local ports run out by the pair.
 */

import type { ClientCodec } from './client-protocol.ts';
import { createCodec } from './client-protocol.ts';
import { type Target, upgradeRequest } from './connection.ts';
import type { AgentOrder, EchoOrder } from './contract.ts';

export interface Leg {
  readonly target: Target;
  readonly codec: ClientCodec;
  readonly source: string | undefined;
}

interface WeightedCodec {
  readonly codec: ClientCodec;
  readonly weight: number;
  /** Grows by the weight each turn; the highest goes next and pays the sum. */
  credit: number;
}

export class Itinerary {
  /** Sessions that may be at targets of an earlier order; whoever moves them keeps it. */
  strangers = 1;
  readonly #key: string;
  readonly #codecs: readonly WeightedCodec[];
  readonly #targets: readonly Target[];
  readonly #sources: readonly string[];
  readonly #echoFrames = new Map<ClientCodec, { echo: EchoOrder; frame: Uint8Array }>();
  #turn = 0;

  constructor(order: AgentOrder) {
    this.#key = keyOf(order);
    this.#codecs = order.mix.map(({ protocol, weight }) => ({
      codec: createCodec(protocol, order.auth),
      weight,
      credit: 0,
    }));
    const codecs = this.#codecs.map(({ codec }) => codec);
    this.#targets = order.targets.map((target) => targetOf(target, codecs));
    this.#sources = order.sources;
  }

  isFor(order: AgentOrder): boolean {
    return keyOf(order) === this.#key;
  }

  has(target: Target): boolean {
    return this.#targets.includes(target);
  }

  next(): Leg {
    const turn = this.#turn;
    this.#turn++;
    const targets = this.#targets.length;
    const sources = this.#sources.length;
    return {
      target: this.#targets[turn % targets] as Target,
      source: sources === 0 ? undefined : this.#sources[Math.floor(turn / targets) % sources],
      codec: this.#nextCodec(),
    };
  }

  echoFrame(codec: ClientCodec, echo: EchoOrder): Uint8Array {
    const known = this.#echoFrames.get(codec);
    if (known?.echo === echo) return known.frame;
    const frame = codec.echoFrame(echo);
    this.#echoFrames.set(codec, { echo, frame });
    return frame;
  }

  #nextCodec(): ClientCodec {
    const [first] = this.#codecs;
    if (first !== undefined && this.#codecs.length === 1) return first.codec;
    let sum = 0;
    let best = first as WeightedCodec;
    for (const entry of this.#codecs) {
      entry.credit += entry.weight;
      sum += entry.weight;
      if (entry.credit > best.credit) best = entry;
    }
    best.credit -= sum;
    return best.codec;
  }
}

/** What decides where connections go; when it stays the same, they stay too. */
function keyOf({ targets, sources, mix, auth }: AgentOrder): string {
  return JSON.stringify([targets, sources, mix, auth]);
}

function targetOf(target: string, codecs: readonly ClientCodec[]): Target {
  const url = new URL(target.replace(/^http/, 'ws'));
  const isSecure = url.protocol === 'wss:';
  return {
    url,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (isSecure ? 443 : 80),
    isSecure,
    requests: new Map(codecs.map((codec) => [codec, upgradeRequest(url, codec)])),
  };
}
