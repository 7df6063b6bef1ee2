/** Reads the body of `POST /send`; whatever is wrong with it ends as one HttpError. */
import { z } from 'zod';
import { nearest } from '../config/nearest.ts';
import { LIMITS } from '../core/limits.ts';
import { RESERVED_EVENTS } from '../protocol/socketio-packet.ts';
import { HttpError } from './http-error.ts';
import type { SendRequest } from './node-view.ts';

const name = z.string().min(1).max(LIMITS.keyLength);
const names = z.union([name, z.array(name).min(1).max(LIMITS.roomsPerSession)]);

const shape = {
  event: name.refine((event) => !RESERVED_EVENTS.has(event)),
  args: z
    .array(z.unknown())
    .default([])
    .refine((args) => isWithinDepth(args, LIMITS.argumentDepth)),
  room: names.optional(),
  user: name.optional(),
  except: names.optional(),
  namespace: name.startsWith('/').default('/'),
} satisfies { [K in keyof SendRequest]-?: z.ZodType<SendRequest[K]> };

const sendSchema = z.strictObject(shape);

const nameRule = `text of 1 to ${LIMITS.keyLength} characters`;
const rules: Readonly<Record<string, string>> = {
  event: `${nameRule}, and none of ${[...RESERVED_EVENTS].join(', ')}`,
  args: `a list of values nested at most ${LIMITS.argumentDepth} deep`,
  room: `${nameRule}, or a list of such`,
  user: nameRule,
  except: `${nameRule}, or a list of such`,
  namespace: 'text that begins with "/"',
};

export async function readSendRequest(request: Request, maxBytes: number): Promise<SendRequest> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new HttpError(415, 'Send the body with "Content-Type: application/json".');
  }
  const parsed = sendSchema.safeParse(parseJson(await readBody(request, maxBytes)));
  if (parsed.success) return parsed.data;
  throw new HttpError(400, [...new Set(parsed.error.issues.flatMap(problemsOf))].join(' '));
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

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new HttpError(400, 'Send a JSON object such as {"event":"message","args":["hello"]}.');
  }
}

function problemsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map(unknownKey);
  const [key] = issue.path;
  if (key === undefined) return ['The body must be a JSON object.'];
  return [`"${String(key)}" must be ${rules[String(key)]}.`];
}

function unknownKey(key: string): string {
  const known = nearest(key, Object.keys(shape));
  const guess = known ? `; the nearest is "${known}"` : '';
  return `"${key.slice(0, 40)}" is no key of a message${guess}.`;
}

/** Deeper values would exhaust the stack of whoever encodes or decodes them. */
function isWithinDepth(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => isWithinDepth(item, levels - 1));
}
