/**
 * What is wrong with a request, as a value: the status to answer with, and why in a few words.
 *
 * After a fault nobody knows where the next request begins, so it is answered with
 * `Connection: close` and the rest of the connection is not read.
 *
 * Source: RFC 9112, sections 2.2, 3 to 7 and 11.2; RFC 6585, section 5.
 */

export interface HttpFault {
  readonly kind: 'fault';
  readonly status: 400 | 414 | 431 | 501 | 505;
  readonly reason: string;
}

export const FAULTS = {
  emptyLines: { kind: 'fault', status: 400, reason: 'too many empty lines before the request' },
  bareLineFeed: { kind: 'fault', status: 400, reason: 'a line feed without a carriage return' },
  method: { kind: 'fault', status: 400, reason: 'bad method' },
  target: { kind: 'fault', status: 400, reason: 'bad request target' },
  targetHost: {
    kind: 'fault',
    status: 400,
    reason: 'the request target names another host than Host',
  },
  version: { kind: 'fault', status: 400, reason: 'bad HTTP version' },
  headerName: { kind: 'fault', status: 400, reason: 'bad header name' },
  headerValue: { kind: 'fault', status: 400, reason: 'bad header value' },
  noHost: { kind: 'fault', status: 400, reason: 'no Host' },
  repeatedHost: { kind: 'fault', status: 400, reason: 'more than one Host' },
  host: { kind: 'fault', status: 400, reason: 'bad Host' },
  contentLength: { kind: 'fault', status: 400, reason: 'bad Content-Length' },
  repeatedContentLength: { kind: 'fault', status: 400, reason: 'more than one Content-Length' },
  twoLengths: { kind: 'fault', status: 400, reason: 'both Content-Length and Transfer-Encoding' },
  repeatedTransferEncoding: {
    kind: 'fault',
    status: 400,
    reason: 'more than one Transfer-Encoding',
  },
  transferEncodingInOldVersion: {
    kind: 'fault',
    status: 400,
    reason: 'Transfer-Encoding in HTTP/1.0',
  },
  requestLineTooLong: { kind: 'fault', status: 414, reason: 'request line too long' },
  headTooLong: { kind: 'fault', status: 431, reason: 'head too long' },
  tooManyHeaders: { kind: 'fault', status: 431, reason: 'too many headers' },
  transferCoding: { kind: 'fault', status: 501, reason: 'a transfer coding other than chunked' },
  otherVersion: { kind: 'fault', status: 505, reason: 'neither HTTP/1.0 nor HTTP/1.1' },
  chunkSize: { kind: 'fault', status: 400, reason: 'bad chunk size' },
  chunkLine: { kind: 'fault', status: 400, reason: 'bad line before a chunk' },
  chunkLineTooLong: { kind: 'fault', status: 400, reason: 'line before a chunk too long' },
  chunkEnd: { kind: 'fault', status: 400, reason: 'no line end after a chunk' },
  chunksTooSmall: { kind: 'fault', status: 400, reason: 'more framing than data in the chunks' },
  trailer: { kind: 'fault', status: 400, reason: 'bad trailer' },
  trailersTooLong: { kind: 'fault', status: 431, reason: 'trailers too long' },
} as const;
