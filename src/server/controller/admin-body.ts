/** Reads JSON bodies of the admin API, and says in one sentence a key what is wrong with one. */
import type { z } from 'zod';
import { nearest } from '../../host/foreign/nearest.ts';
import { type ForeignJson, ForeignJsonError } from '../../host/runtime/foreign-json.ts';
import { HttpError } from './http-error.ts';

/** What a body may be. */
export interface BodyBounds {
  readonly maxBytes: number;
  /** Parses it within bounds. */
  readonly json: ForeignJson;
}

/**
 * @param example what is shown to who sent no JSON
 * @throws HttpError when the body is not JSON, or not announced as such, or over a bound
 */
export async function readJson(
  request: Request,
  { maxBytes, json }: BodyBounds,
  example: string,
): Promise<unknown> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new HttpError(415, 'Send the body with "Content-Type: application/json".');
  }
  const body = await readBody(request, maxBytes);
  try {
    return json.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    if (error instanceof ForeignJsonError) {
      throw new HttpError(400, `Send another body: this one ${error.message}.`);
    }
    throw new HttpError(400, `Send a JSON object such as ${example}.`);
  }
}

/**
 * @param whose completes "is no key of"
 * @param rules by key, completing "must be"; they name all keys that there are
 */
export function refusal(
  error: z.ZodError,
  whose: string,
  rules: Readonly<Record<string, string>>,
): HttpError {
  const problems = error.issues.flatMap((issue) => problemsOf(issue, whose, rules));
  return new HttpError(400, [...new Set(problems)].join(' '));
}

/** Never holds more than the limit, whatever the request says of its length. */
async function readBody(request: Request, maxBytes: number): Promise<Buffer> {
  const tooLarge = new HttpError(413, `Send at most ${maxBytes} bytes.`);
  if (Number(request.headers.get('content-length')) > maxBytes) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.byteLength;
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  } catch {
    // The caller broke off; nobody reads this answer.
    throw new HttpError(400, 'Send the whole body.');
  }
  if (length > maxBytes) throw tooLarge;
  return Buffer.concat(chunks);
}

function problemsOf(
  issue: z.core.$ZodIssue,
  whose: string,
  rules: Readonly<Record<string, string>>,
): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(key, whose, Object.keys(rules)));
  }
  const [key] = issue.path;
  if (key === undefined) return ['The body must be a JSON object.'];
  return [`"${String(key)}" must be ${rules[String(key)]}.`];
}

function unknownKey(key: string, whose: string, keys: readonly string[]): string {
  const known = nearest(key, keys);
  const guess = known ? `; the nearest is "${known}"` : '';
  return `"${key.slice(0, 40)}" is no key of ${whose}${guess}.`;
}
