/**
 * Where the next connection goes, from where, and what it speaks: targets, sources and protocols
 * of one order, each in turn. All pairs of target and source are used alike, and each target gets
 * the protocols by their weights.
 *
 * Local ports run out by the target when the kernel chooses the source. A source that is named has
 * one range of ports for all targets, since Bun binds to it before it says where it connects.
 */

import type { ClientCodec } from './client-protocol.ts';
import { createCodec } from './codecs.ts';
import { type Connection, type Target, wayOf } from './connection.ts';
import type { AgentOrder, EchoOrder } from './contract.ts';
import { placeOf } from './place.ts';
import { Requests } from './requests.ts';
import { ServerTimes } from './server-times.ts';

export interface Leg {
  readonly target: Target;
  readonly codec: ClientCodec;
  readonly source: string | undefined;
}

interface WeightedCodec {
  readonly codec: ClientCodec;
  readonly weight: number;
}

/** The last that was made for a codec, and what for. */
interface EchoFrame {
  readonly echo: EchoOrder;
  readonly isPlain: boolean;
  readonly frame: Uint8Array;
}

export class Itinerary {
  /** Whether sessions may be at targets of an earlier order; whoever moves them keeps it. */
  hasStrangers = true;
  readonly #key: string;
  readonly #codecs: readonly WeightedCodec[];
  readonly #targets: readonly Target[];
  readonly #known: ReadonlySet<Target>;
  /** For each target, the credits of the codecs: see `chooseByWeight`. */
  readonly #credits: readonly Float64Array[];
  readonly #sources: readonly string[];
  readonly #echoFrames = new Map<ClientCodec, EchoFrame>();
  #turn = 0;

  constructor(order: AgentOrder) {
    this.#key = keyOf(order);
    this.#codecs = order.mix.map(({ protocol, weight }) => ({
      codec: createCodec(protocol, order.auth),
      weight,
    }));
    const codecs = this.#codecs.map(({ codec }) => codec);
    this.#targets = order.targets.map((target) => targetOf(target, codecs));
    this.#known = new Set(this.#targets);
    this.#sources = order.sources;
    // Each begins one turn after the one before it, so that few connections are mixed as well.
    const credits = new Float64Array(codecs.length);
    this.#credits = this.#targets.map(() => {
      const own = credits.slice();
      chooseByWeight(this.#codecs, credits);
      return own;
    });
  }

  isFor(order: AgentOrder): boolean {
    return keyOf(order) === this.#key;
  }

  has(target: Target): boolean {
    return this.#known.has(target);
  }

  next(): Leg {
    const turn = this.#turn;
    this.#turn++;
    const targets = this.#targets.length;
    const sources = this.#sources.length;
    return {
      target: this.#targets[turn % targets] as Target,
      source: sources === 0 ? undefined : this.#sources[Math.floor(turn / targets) % sources],
      codec: chooseByWeight(this.#codecs, this.#credits[turn % targets] as Float64Array),
    };
  }

  echoFrame(connection: Connection, echo: EchoOrder): Uint8Array {
    const { codec } = connection;
    const { isTold } = wayOf(connection).times;
    const known = this.#echoFrames.get(codec);
    if (known?.echo === echo && known.isPlain === isTold) return known.frame;
    const frame = codec.echoFrame(echo, isTold);
    this.#echoFrames.set(codec, { echo, isPlain: isTold, frame });
    return frame;
  }
}

/** A credit grows by its weight each turn; the highest goes next and pays the sum. */
function chooseByWeight(codecs: readonly WeightedCodec[], credits: Float64Array): ClientCodec {
  let sum = 0;
  let best = 0;
  for (const [index, { weight }] of codecs.entries()) {
    credits[index] = (credits[index] as number) + weight;
    sum += weight;
    if ((credits[index] as number) > (credits[best] as number)) best = index;
  }
  credits[best] = (credits[best] as number) - sum;
  return (codecs[best] as WeightedCodec).codec;
}

/** What decides where connections go; when it stays the same, they stay too. */
function keyOf({ targets, sources, mix, auth }: AgentOrder): string {
  return JSON.stringify([targets, sources, mix, auth]);
}

function targetOf(target: string, codecs: readonly ClientCodec[]): Target {
  const place = placeOf(target);
  const { protocol, hostname, port } = place.url;
  const isSecure = protocol === 'wss:';
  return {
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (isSecure ? 443 : 80),
    isSecure,
    ways: new Map(
      codecs.map((codec) => [
        codec,
        {
          requests: new Requests(place, codec),
          times: new ServerTimes(codec.cut === 'answers'),
        },
      ]),
    ),
  };
}
