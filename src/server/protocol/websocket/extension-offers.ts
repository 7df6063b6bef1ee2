/**
 * The header Sec-WebSocket-Extensions as a client sends it (RFC 6455, section 9.1).
 *
 * Only its grammar is known here: what an extension's parameters mean is the business of whoever
 * knows the extension.
 */

export interface ExtensionOffer {
  readonly name: string;
  /** In the order they came, doubles and all; a parameter without a value has `undefined`. */
  readonly parameters: readonly (readonly [name: string, value: string | undefined])[];
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const NAME = new RegExp(`[ \\t]*(${TOKEN})[ \\t]*`, 'y');
// A value in quotes must be a token too once they are off, so that nothing in it is escaped.
const PARAMETER = new RegExp(
  `;[ \\t]*(${TOKEN})[ \\t]*(?:=[ \\t]*(?:"(${TOKEN})"|(${TOKEN}))[ \\t]*)?`,
  'y',
);
/** Empty members of a list mean nothing. */
const COMMAS = /[ \t]*(?:,[ \t]*)+/y;

/** @returns the offers, most wanted first; `undefined` when the header is no list of extensions */
export function readOffers(header: string): readonly ExtensionOffer[] | undefined {
  const offers: ExtensionOffer[] = [];
  let at = endOf(COMMAS, header, 0);
  while (at < header.length) {
    NAME.lastIndex = at;
    const name = NAME.exec(header)?.[1];
    if (name === undefined) return undefined;
    at = NAME.lastIndex;
    const parameters: [string, string | undefined][] = [];
    for (let found = matchAt(PARAMETER, header, at); found !== null; ) {
      parameters.push([found[1] ?? '', found[2] ?? found[3]]);
      at = PARAMETER.lastIndex;
      found = matchAt(PARAMETER, header, at);
    }
    offers.push({ name, parameters });
    const next = endOf(COMMAS, header, at);
    if (next === at && at < header.length) return undefined;
    at = next;
  }
  return offers;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function endOf(pattern: RegExp, text: string, at: number): number {
  return matchAt(pattern, text, at) === null ? at : pattern.lastIndex;
}
