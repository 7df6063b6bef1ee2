/** Reads the body of `POST /send`; whatever is wrong with it ends as one HttpError. */
import { z } from 'zod';
import { LIMITS } from '../core/limits/limits.ts';
import { RESERVED_EVENTS } from '../protocol/socketio-packet.ts';
import { type BodyBounds, readJson, refusal } from './admin-body.ts';
import type { SendRequest } from './node-view.ts';

const name = z
  .string()
  .min(1)
  .max(LIMITS.keyLength)
  .refine((text) => text.isWellFormed());
const names = z.union([name, z.array(name).min(1).max(LIMITS.roomsPerMessage)]);

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

const EXAMPLE = '{"event":"message","args":["hello"]}';

const nameRule = `text of 1 to ${LIMITS.keyLength} characters, without halves of surrogate pairs`;
const rules: Readonly<Record<string, string>> = {
  event: `${nameRule}, and none of ${[...RESERVED_EVENTS].join(', ')}`,
  args: `a list of values nested at most ${LIMITS.argumentDepth} deep`,
  room: `${nameRule}, or a list of such`,
  user: nameRule,
  except: `${nameRule}, or a list of such`,
  namespace: 'text that begins with "/", without halves of surrogate pairs',
};

export async function readSendRequest(request: Request, bounds: BodyBounds): Promise<SendRequest> {
  const body = await readJson(request, bounds, EXAMPLE);
  const parsed = sendSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw refusal(parsed.error, 'a message', rules);
}

/** Deeper values would exhaust the stack of whoever encodes or decodes them. */
function isWithinDepth(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => isWithinDepth(item, levels - 1));
}
