/**
 * Asks another process over HTTP and takes no more of its answer than is expected: what answers may
 * be another program, another version, or somebody who means harm. It cannot send the question on
 * elsewhere, answer without end, or make little into much by compression.
 *
 *     ask ─▶ response ─▶ readText, bounded ─▶ readAnswer: JSON of the shape that was asked for
 */

import type { z } from 'zod';
import { type ForeignJson, ForeignJsonError } from '../runtime/foreign-json.ts';
import { foreignJson } from './parsed.ts';

/** The answer is not what was asked for; the message is a clause that begins with "its answer". */
export class AnswerError extends Error {
  override readonly name: string = 'AnswerError';
}

export interface Question {
  /** GET without a body, else POST. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For all of it, the body of the answer included. */
  readonly timeoutMs: number;
  /** A certificate to trust beside those of the system. */
  readonly ca?: string | undefined;
}

/** A proxy of the environment cannot reach it, and is not to see what is asked there. */
const LOOPBACK = /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)/i;
/** The runtime takes it, and has no type for it. */
const PAST_PROXIES = { proxy: false } as unknown as BunFetchRequestInit;

/** @throws Error of the system, or one named `TimeoutError` */
export function ask(
  url: string,
  { body, headers = {}, timeoutMs, ca }: Question,
): Promise<Response> {
  return fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...headers, 'accept-encoding': 'identity' },
    signal: AbortSignal.timeout(timeoutMs),
    // A question carries a token, and its answer is to come from where it was asked.
    redirect: 'manual',
    decompress: false,
    ...(LOOPBACK.test(url) ? PAST_PROXIES : {}),
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(body === undefined ? {} : { body }),
  });
}

/** @throws AnswerError when there is more of it; Error when it does not come to its end */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  const { text, isWhole } = await readUpTo(response, maxBytes);
  if (isWhole) return text;
  throw new AnswerError(`its answer is longer than ${maxBytes} bytes`);
}

/** The first of it, for whoever wants to see why. */
export async function readStart(response: Response, maxBytes: number): Promise<string> {
  try {
    return (await readUpTo(response, maxBytes)).text;
  } catch {
    return '';
  }
}

/**
 * @param schema what of it is relied on; the answer itself is given back, with whatever more it has
 * @param json of whom is asked time after time
 * @throws AnswerError when it is longer, no JSON, would do harm, or is of another shape
 */
export async function readAnswer<T>(
  response: Response,
  schema: z.ZodType<T>,
  maxBytes: number,
  json: ForeignJson = foreignJson(),
): Promise<T> {
  return shaped(parsed(await readText(response, maxBytes), json), schema);
}

/** @returns the sentence of `{"error": "<one sentence>"}`; undefined when it is long or none */
export async function readRefusal(response: Response): Promise<string | undefined> {
  try {
    const value = parsed(await readText(response, REFUSAL_BYTES_MAX), foreignJson());
    const { error } = value as { readonly error?: unknown };
    return typeof error === 'string' && error !== '' ? error : undefined;
  } catch {
    return undefined;
  }
}

function parsed(text: string, json: ForeignJson): unknown {
  try {
    return json.parse(text);
  } catch (error) {
    const isHarmful = error instanceof ForeignJsonError;
    throw new AnswerError(isHarmful ? `its answer ${error.message}` : 'its answer is no JSON');
  }
}

function shaped<T>(value: unknown, schema: z.ZodType<T>): T {
  const { success, error } = schema.safeParse(value);
  if (success) return value as T;
  const path = error.issues[0]?.path.slice(0, PLACES_TOLD).join('.') ?? '';
  const place = path === '' ? '' : ` at "${path.slice(0, PLACE_CHARACTERS)}"`;
  throw new AnswerError(`its answer is of another shape${place}`);
}

const REFUSAL_BYTES_MAX = 4_096;
const PLACES_TOLD = 5;
const PLACE_CHARACTERS = 80;

async function readUpTo(
  response: Response,
  maxBytes: number,
): Promise<{ readonly text: string; readonly isWhole: boolean }> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  // Leaving the loop ends the connection, so that nothing more comes.
  for await (const chunk of response.body ?? []) {
    const room = maxBytes - bytes;
    text += decoder.decode(chunk.subarray(0, room), { stream: true });
    bytes += chunk.length;
    if (chunk.length > room) return { text, isWhole: false };
  }
  return { text: text + decoder.decode(), isWhole: true };
}
