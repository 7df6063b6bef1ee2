/**
 * Reads the head of a request in HTTP/1.1 or 1.0: bytes in; a head, a fault, or the word that more
 * bytes are needed out.
 *
 * The end of the head is searched by the runtime, then its bytes are walked once. Nothing is
 * repaired: a line ends with CR LF, a name is followed by its colon, nothing is folded. What two
 * servers in a row might read in two ways is a fault.
 *
 * Source: RFC 9112, sections 2.2, 3 and 5.
 */

import { HeadFacts } from './head-facts.ts';
import { FAULTS, type HttpFault } from './http-fault.ts';
import { COLON, CR, isBlank, LF, nameBit, OCTETS, TOKEN, VALUE } from './octets.ts';
import { RequestHead } from './request-head.ts';
import { faultOfTarget, readRequestLine } from './request-line.ts';

export interface RequestHeadLimits {
  /** From the method to the empty line at the end, which counts. */
  readonly headBytesMax: number;
  /** Without its line end. */
  readonly requestLineBytesMax: number;
  readonly headerLinesMax: number;
}

/** The head has not all come. */
export interface Incomplete {
  readonly kind: 'incomplete';
  /** How many bytes from `start` on have been looked through: to be given to the next call. */
  readonly searched: number;
}

const HEAD_END: Buffer = Buffer.from('\r\n\r\n');
const LINE_END_BYTES = 2;
/** Old clients send one more line end after a body than they announced; two are twice that. */
const EMPTY_LINES_MAX = 2;

/**
 * Reads the head that begins at `start`; what lies from `end` on is not looked at.
 *
 * `searched` is what the answer said when the same bytes were given before and more have come
 * since, so that a head that drips in is not searched anew with each byte.
 */
export function readRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: RequestHeadLimits,
  searched = 0,
): RequestHead | Incomplete | HttpFault {
  let first = start;
  while (first < end && bytes[first] === CR) {
    if (first - start === EMPTY_LINES_MAX * LINE_END_BYTES) return FAULTS.emptyLines;
    if (first + 1 === end) return { kind: 'incomplete', searched: 0 };
    if (bytes[first + 1] !== LF) return FAULTS.method;
    first += LINE_END_BYTES;
  }
  if (first >= end) return { kind: 'incomplete', searched: 0 };
  // A buffer that is filled bit by bit has old bytes behind its end.
  const filled = end === bytes.byteLength ? bytes : bytes.subarray(0, end);
  const unsearched = Math.max(first, start + searched);
  const found = filled.indexOf(HEAD_END, Math.max(first, unsearched - HEAD_END.byteLength + 1));
  if (found === -1) return incompleteHead(filled, start, first, unsearched, limits);
  const headEnd = found + HEAD_END.byteLength;
  if (headEnd - first > limits.headBytesMax) return FAULTS.headTooLong;
  return readWholeHead(bytes, first, headEnd, limits, headEnd - start);
}

/**
 * A head without an end is refused as soon as it can no longer become one: when it is too long, is
 * in no text at all (as what opens TLS), or has lines that end otherwise, whose end never comes.
 */
function incompleteHead(
  bytes: Buffer,
  start: number,
  first: number,
  unsearched: number,
  limits: RequestHeadLimits,
): Incomplete | HttpFault {
  if (((OCTETS[bytes[first] as number] as number) & TOKEN) === 0) return FAULTS.method;
  let at = bytes.indexOf(LF, unsearched);
  while (at !== -1) {
    if (at === first || bytes[at - 1] !== CR) return FAULTS.bareLineFeed;
    at = bytes.indexOf(LF, at + 1);
  }
  const length = bytes.byteLength - first;
  if (length > limits.requestLineBytesMax + LINE_END_BYTES) {
    const lineEnd = bytes.indexOf(LF, first);
    const lineBytes = (lineEnd === -1 ? bytes.byteLength : lineEnd + 1) - first;
    if (lineBytes > limits.requestLineBytesMax + LINE_END_BYTES) return FAULTS.requestLineTooLong;
  }
  if (length >= limits.headBytesMax) return FAULTS.headTooLong;
  return { kind: 'incomplete', searched: bytes.byteLength - start };
}

function readWholeHead(
  bytes: Buffer,
  first: number,
  headEnd: number,
  limits: RequestHeadLimits,
  readBytes: number,
): RequestHead | HttpFault {
  const facts = new HeadFacts();
  const fields = readRequestLine(bytes, first, facts);
  if (typeof fields !== 'number') return fields;
  if (fields - LINE_END_BYTES - first > limits.requestLineBytesMax) {
    return FAULTS.requestLineTooLong;
  }
  // Without the empty line, so that each line has its line end and nothing comes after.
  const text = bytes.toString('latin1', first, headEnd - LINE_END_BYTES);
  const fault =
    readFields(bytes, fields, text, first, facts, limits.headerLinesMax) ?? facts.faultOfAll();
  if (fault !== undefined) return fault;
  const head = RequestHead.read(text, readBytes, facts);
  return faultOfTarget(head.method, head.target, facts.host) ?? head;
}

/** Walks the lines from `at` on. Its loops end in bounds, as the CR of the empty line ends each. */
function readFields(
  bytes: Uint8Array,
  at: number,
  text: string,
  base: number,
  facts: HeadFacts,
  linesMax: number,
): HttpFault | undefined {
  const end = base + text.length;
  for (let lines = 0; at < end; lines++) {
    if (lines === linesMax) return FAULTS.tooManyHeaders;
    const name = at;
    while (((OCTETS[bytes[at] as number] as number) & TOKEN) !== 0) at++;
    if (at === name || bytes[at] !== COLON) return FAULTS.headerName;
    const nameLength = at - name;
    facts.names |= nameBit(nameLength, bytes[name] as number);
    do at++;
    while (isBlank(bytes[at]));
    const value = at;
    while (((OCTETS[bytes[at] as number] as number) & VALUE) !== 0) at++;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return FAULTS.headerValue;
    if (HeadFacts.mayKnow(nameLength)) {
      let valueEnd = at;
      while (valueEnd > value && isBlank(bytes[valueEnd - 1])) valueEnd--;
      const given = text.slice(value - base, valueEnd - base);
      const fault = facts.take(bytes, name, nameLength, given);
      if (fault !== undefined) return fault;
    }
    at += LINE_END_BYTES;
  }
  return undefined;
}
