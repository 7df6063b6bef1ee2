/**
 * Requests that are the app's: asked of its `request`, with a `Request` and a `Response` as on any
 * platform, and answered in pieces as they come.
 */

import { isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { App, Server } from '../core/app/app.ts';
import { ClientError } from '../core/app/client-error.ts';
import { kindOf } from '../core/app/plain-object.ts';
import type { AnswerStream, Exchange } from '../core/contracts/exchange.ts';

/**
 * The request as the app is given it; `undefined` when there can be none, such as for the host
 * `a:99999`, a method that `Request` would make another of, or a tunnel.
 *
 * @param scheme of a target that names none, as most
 */
export function appRequest(
  exchange: Exchange,
  scheme: 'http' | 'https',
  body: Buffer,
  signal: AbortSignal,
): Request | undefined {
  const { method, headers, target } = exchange;
  const host = headers.get('host') || 'localhost';
  const url = target.startsWith('/') ? `${scheme}://${host}${target}` : target;
  if (method === 'CONNECT' || !URL.canParse(url)) return undefined;
  const hasBody = body.byteLength > 0 && method !== 'GET' && method !== 'HEAD';
  const request = new Request(url, {
    method,
    headers: [...headers].map(([name, value]): [string, string] => [name, value]),
    signal,
    ...(hasBody ? { body } : {}),
  });
  return request.method === method ? request : undefined;
}

/** @throws what the app throws and no client is to be told, or when its answer is none */
export async function answerOfApp(app: App, request: Request, server: Server): Promise<Response> {
  let answer: unknown;
  try {
    answer = await app.request?.(request, server);
  } catch (error) {
    if (error instanceof ClientError) return textResponse(400, `${error.message}\n`);
    throw error;
  }
  if (answer === undefined) return textResponse(404, 'not found\n');
  if (isResponse(answer)) return answer;
  const kind = kindOf(answer);
  const what = kind === 'an instance of Response' ? 'what inherits from a Response' : kind;
  throw new TypeError(`the app's request() returned ${what}, which is no Response`);
}

const STATUS = Object.getOwnPropertyDescriptor(Response.prototype, 'status') ?? {};

/** One that Bun made, or of a class that extends it: of what only looks so it sends nothing. */
function isResponse(answer: unknown): answer is Response {
  try {
    STATUS.get?.call(answer);
    return answer instanceof Response;
  } catch {
    return false;
  }
}

function textResponse(status: number, text: string): Response {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  };
  return new Response(text, { status, headers });
}

/** A body that is there at once is sent with its length, up to this size; others in chunks. */
const WHOLE_BYTES_MAX = 1_048_576;

/**
 * What is sent at once and does not say what it is: without it browsers guess, and text becomes a
 * page. Texts are not told from bytes once they are a body.
 */
const TEXT_TYPE = 'text/plain;charset=utf-8';
const BYTES_TYPE = 'application/octet-stream';

/** What is asked of the reader of a stream. */
interface PieceReader {
  read(): Promise<Piece>;
  cancel(): Promise<void>;
}

interface Piece {
  readonly done: boolean;
  readonly value?: Uint8Array | undefined;
}

/**
 * Sends an answer of the platform's kind.
 *
 * @param pieceSeconds how long the connection may be idle between two pieces
 * @throws when nothing has been sent yet: the body is used up, fails at once, a header is none
 */
export async function sendResponse(
  exchange: Exchange,
  response: Response,
  pieceSeconds: number,
): Promise<void> {
  const { status, headers } = response;
  if (exchange.isOver) {
    discard(response);
    return;
  }
  const reader: PieceReader | undefined = response.body?.getReader();
  if (reader === undefined) {
    exchange.answerBytes(status, headers, '');
    return;
  }
  exchange.waiter = { abandoned: () => cancel(reader) };
  const gathered: Uint8Array[] = [];
  const begun = await readAtOnce(reader, gathered);
  if (begun === undefined) {
    const bytes = Buffer.concat(gathered);
    const isNamed = bytes.byteLength === 0 || headers.has('content-type');
    const type = isUtf8(bytes) ? TEXT_TYPE : BYTES_TYPE;
    // The headers are the app's, and those of an answer that it fetched cannot be changed.
    const typed = isNamed ? headers : [...headers, ['content-type', type] as const];
    exchange.answerBytes(status, typed, bytes);
    return;
  }
  const stream = streamOf(exchange, response, reader);
  try {
    for (const piece of gathered) await write(stream, piece);
    for (let next = await begun.next; next.value !== undefined; next = await reader.read()) {
      exchange.allowIdle(pieceSeconds);
      await write(stream, next.value);
    }
    stream.end();
  } catch {
    // Its client can tell by the end of the connection that this was not all.
    cancel(reader);
    stream.cut();
  }
}

/** @throws when a header is none; nothing more is asked of the body then */
function streamOf(exchange: Exchange, response: Response, reader: PieceReader): AnswerStream {
  try {
    return exchange.stream(response.status, response.headers);
  } catch (fault) {
    cancel(reader);
    throw fault;
  }
}

/** Nobody is there for an answer any more, which may go on for ever. */
export function discard(response: Response): void {
  if (!response.bodyUsed) response.body?.cancel().catch(() => {});
}

/**
 * Reads what is there without waiting for it longer than a turn of the loop.
 *
 * @returns `undefined` when that was all, else the reading that goes on
 */
async function readAtOnce(
  reader: PieceReader,
  gathered: Uint8Array[],
): Promise<{ readonly next: Promise<Piece> } | undefined> {
  const turnIsOver = nextTurn('over' as const);
  let bytes = 0;
  while (bytes <= WHOLE_BYTES_MAX) {
    const reading = reader.read();
    const first = await Promise.race([reading, turnIsOver]);
    if (first === 'over') return { next: reading };
    if (first.value === undefined) return undefined;
    gathered.push(first.value);
    bytes += first.value.byteLength;
  }
  return { next: reader.read() };
}

/** Waits until the client has taken it, so that no more is asked of the app than is taken. */
async function write(stream: AnswerStream, piece: Uint8Array): Promise<void> {
  if (stream.write(piece)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.onDrain = resolve;
  await promise;
}

/** Nothing more of it is wanted, and nobody waits for that to be known. */
function cancel(reader: PieceReader): void {
  reader.cancel().catch(() => {});
}
