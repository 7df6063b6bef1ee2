/**
 * The head of an answer in HTTP/1.1, and what frames a chunked body: values in, text out.
 *
 * The text is one octet a character, so it is to be written as latin1. How the body ends and what
 * becomes of the connection is said here alone: what the given headers say of it is left out, so
 * that no app can make two answers of one. A header that cannot be written throws before anything
 * is.
 *
 * Source: RFC 9110, sections 5.5, 6.4.1, 8.6 and 15; RFC 9112, sections 4, 6 and 9.6.
 */

import { isAllOf, TOKEN, VALUE } from './octets.ts';

/**
 * How the body ends. An answer to HEAD says what one to GET would.
 *
 * HTTP/1.0 knows no chunks. `untilClose` is for answers with `close` only; `none` says `0` where
 * the client would wait for a body otherwise.
 */
export type AnswerBody = { readonly length: number } | 'chunked' | 'untilClose' | 'none';

/** `keep` says nothing, which is enough in HTTP/1.1; in HTTP/1.0 it takes `keep-alive`. */
export type AnswerConnection = 'keep' | 'keep-alive' | 'close' | 'upgrade';

/** An answer that cannot be written as it was asked for. */
export class InvalidAnswer extends Error {
  override readonly name = 'InvalidAnswer';
}

/** What ends the data of a chunk. */
export const CHUNK_END = '\r\n';
/** What ends a chunked body, without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';

/** Headers that this module writes itself, or that say what only it may say. */
const OWN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'proxy-connection',
  'trailer',
  'transfer-encoding',
]);

const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  203: 'Non-Authoritative Information',
  204: 'No Content',
  205: 'Reset Content',
  206: 'Partial Content',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  425: 'Too Early',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** Whether an answer of this status has a body at all, be it an empty one. */
export function hasBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

/**
 * Status line and headers, with the empty line that ends them. `date` is the time as HTTP writes
 * it (`Date.toUTCString`), which the caller makes once a second; answers before the last (1xx)
 * have none.
 *
 * @throws InvalidAnswer when a status, a header or the way of framing is none
 */
export function answerHead(
  status: number,
  headers: Iterable<readonly [name: string, value: string]>,
  body: AnswerBody,
  connection: AnswerConnection,
  date: string,
): string {
  if (!Number.isInteger(status) || status < 100 || status > 599) {
    throw new InvalidAnswer(`${status} is no status`);
  }
  let head = `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\n`;
  let namesUpgrade = false;
  for (const [name, value] of headers) {
    head += headerLine(name, value);
    namesUpgrade ||= name.toLowerCase() === 'upgrade';
  }
  if (status >= 200) head += checkedLine('Date', date);
  head += connectionLine(status, connection, namesUpgrade);
  if (hasBody(status)) head += bodyLine(body, connection);
  return `${head}\r\n`;
}

/** What stands before the data of a chunk, which has at least one byte: one of none is the last. */
export function chunkHead(length: number): string {
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new InvalidAnswer(`a chunk has no ${length} bytes`);
  }
  return `${length.toString(16)}\r\n`;
}

function headerLine(name: string, value: string): string {
  return OWN.has(name.toLowerCase()) ? '' : checkedLine(name, value);
}

function checkedLine(name: string, value: string): string {
  if (name === '' || !isAllOf(name, TOKEN)) {
    throw new InvalidAnswer(`${JSON.stringify(name)} is no name of a header`);
  }
  if (!isAllOf(value, VALUE)) {
    throw new InvalidAnswer(`the value of the header ${name} has characters that cannot be sent`);
  }
  return `${name}: ${value}\r\n`;
}

/** Who names `Upgrade` says here that it is for the next hop alone (RFC 9110, section 7.8). */
function connectionLine(
  status: number,
  connection: AnswerConnection,
  namesUpgrade: boolean,
): string {
  const upgrade = namesUpgrade ? ', Upgrade' : '';
  if ((connection === 'upgrade') !== (status === 101)) {
    throw new InvalidAnswer('only an answer of status 101 upgrades, and it does nothing else');
  }
  switch (connection) {
    case 'keep':
      return namesUpgrade ? 'Connection: Upgrade\r\n' : '';
    case 'keep-alive':
      return `Connection: keep-alive${upgrade}\r\n`;
    case 'close':
      return `Connection: close${upgrade}\r\n`;
    case 'upgrade':
      return 'Connection: Upgrade\r\n';
  }
}

function bodyLine(body: AnswerBody, connection: AnswerConnection): string {
  if (body === 'chunked') return 'Transfer-Encoding: chunked\r\n';
  if (body === 'untilClose') {
    if (connection === 'close') return '';
    throw new InvalidAnswer('a body that ends with the connection needs one that ends');
  }
  const length = body === 'none' ? 0 : body.length;
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new InvalidAnswer(`a body has no ${length} bytes`);
  }
  return `Content-Length: ${length}\r\n`;
}
