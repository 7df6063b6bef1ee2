/**
 * The handshake as `authenticate` is given it, and what is kept of it for joining again.
 *
 * A client may leave a namespace and join it again over the same connection; `authenticate` is then
 * asked again with what the first request said. An app of one namespace keeps of that only what its
 * `authenticate` has read: nothing where it looks at `auth` alone, as most do, instead of up to a
 * kilobyte for each idle session. Where it reads something else the second time it cannot be told
 * an untruth: `isMissing` says that the client has to come with a new request.
 */

import type { TransportName } from '../../core/app/app.ts';
import type { RequestHeaders } from '../../core/contracts/exchange.ts';
import type { OpenHandshake } from '../../core/contracts/identity.ts';
import type { JsonObject } from '../../protocol/socketio-packet.ts';
import type { HandshakeSource, KeptHandshake } from './session-extras.ts';

/** Header names come in few combinations, one for each kind of client: one list serves them all. */
export class HeaderNames {
  readonly #lists: Map<string, readonly string[]> = new Map();

  listOf(headers: RequestHeaders): readonly string[] {
    const names = [...headers.keys()];
    const key = names.join();
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    // Beyond this they are made up, and each pays for its own.
    if (this.#lists.size < LISTS_MAX) this.#lists.set(key, names);
    return names;
  }
}

const LISTS_MAX = 1_000;

const NOTHING_KEPT: KeptHandshake = {
  address: undefined,
  query: undefined,
  headerNames: undefined,
  headers: undefined,
};

/** One asking of `authenticate`. */
export class HandshakeReads {
  readonly #whole: HandshakeSource | undefined;
  readonly #kept: KeptHandshake;
  #query: URLSearchParams | undefined;
  #headers: Readonly<Record<string, string>> | undefined;
  /** Without a prototype: a header may be called `__proto__` or `constructor`. */
  #headersRead: Record<string, string> | undefined;
  #isAddressRead = false;
  #isMissing = false;

  /** @param kept what is left, once the whole is no longer there */
  constructor(whole: HandshakeSource | undefined, kept: KeptHandshake = NOTHING_KEPT) {
    this.#whole = whole;
    this.#kept = kept;
  }

  /** Something was read that is not there any more. */
  get isMissing(): boolean {
    return this.#isMissing;
  }

  handshake(namespace: string, auth: JsonObject, transport: TransportName): OpenHandshake {
    return handshakeOf(this, namespace, auth, transport);
  }

  /** What joining again will need; `undefined` when that is nothing. No more is noted after it. */
  keep(names: HeaderNames): KeptHandshake | undefined {
    const whole = this.#whole;
    if (whole !== undefined && this.#headers !== undefined) {
      // The app may have kept the object: without getters it is as small as any other.
      for (const [name, value] of whole.headers) {
        Object.defineProperty(this.#headers, name, { value });
      }
    }
    if (whole === undefined) return this.#kept === NOTHING_KEPT ? undefined : this.#kept;
    const isNothing = !this.#isAddressRead && this.#query === undefined;
    if (isNothing && this.#headers === undefined) return undefined;
    const hasHeaders = this.#headers !== undefined;
    return {
      address: this.#isAddressRead ? whole.address : undefined,
      query: this.#query === undefined ? undefined : whole.query,
      headerNames: hasHeaders ? names.listOf(whole.headers) : undefined,
      headers: hasHeaders ? this.#headersRead : undefined,
    };
  }

  address(): string {
    this.#isAddressRead = true;
    return this.#whole?.address ?? this.#kept.address ?? this.#missing('address');
  }

  query(): URLSearchParams {
    if (this.#query !== undefined) return this.#query;
    const text = this.#whole?.query ?? this.#kept.query ?? this.#missing('query');
    this.#query = new URLSearchParams(text);
    return this.#query;
  }

  headers(): Readonly<Record<string, string>> {
    this.#headers ??= this.#whole === undefined ? this.#headersKept() : this.#allOf(this.#whole);
    return this.#headers;
  }

  /** Properties of the object itself, so that it can be spread, cloned and made JSON of. */
  #allOf({ headers }: HandshakeSource): Readonly<Record<string, string>> {
    const read = Object.create(null) as Record<string, string>;
    this.#headersRead = read;
    return headersBy([...headers.keys()], (name) => {
      const value = headers.get(name) ?? '';
      read[name] = value;
      return value;
    });
  }

  #headersKept(): Readonly<Record<string, string>> {
    const { headerNames, headers } = this.#kept;
    if (headerNames === undefined) return this.#missing('headers');
    return headersBy(headerNames, (name) => headers?.[name] ?? this.#missing(`header ${name}`));
  }

  #missing(part: string): never {
    this.#isMissing = true;
    throw new Error(`the ${part} of the first request is no longer there`);
  }
}

function headersBy(
  names: readonly string[],
  read: (name: string) => string,
): Readonly<Record<string, string>> {
  const properties = names.map(
    (name) => [name, { enumerable: true, configurable: true, get: () => read(name) }] as const,
  );
  return Object.defineProperties({}, Object.fromEntries(properties));
}

/** What the app does not look at is not read, nor kept. */
function handshakeOf(
  reads: HandshakeReads,
  namespace: string,
  auth: JsonObject,
  transport: TransportName,
): OpenHandshake {
  return {
    namespace,
    auth,
    get headers() {
      return reads.headers();
    },
    get query() {
      return reads.query();
    },
    get address() {
      return reads.address();
    },
    transport,
    user: undefined,
  };
}
