/** Reads the body of `POST /profile`; whatever is wrong with it ends as one HttpError. */
import { z } from 'zod';
import type { ForeignJson } from '../../host/runtime/foreign-json.ts';
import { PROFILE_SECONDS_MAX } from '../links/bus/worker-profile.ts';
import { readJson, refusal } from './admin-body.ts';

/** Which worker to profile, and for how long. */
export interface ProfileRequest {
  readonly worker: number;
  readonly seconds: number;
}

const BODY_BYTES_MAX = 1_000;
const EXAMPLE = '{"worker":0,"seconds":10}';

const shape = {
  worker: z.int().min(0),
  seconds: z.int().min(1).max(PROFILE_SECONDS_MAX),
} satisfies { [K in keyof ProfileRequest]-?: z.ZodType<ProfileRequest[K]> };

const profileSchema = z.strictObject(shape);

const rules: Readonly<Record<string, string>> = {
  worker: 'the number of a worker, such as 0',
  seconds: `a whole number from 1 to ${PROFILE_SECONDS_MAX}`,
};

export async function readProfileRequest(
  request: Request,
  json: ForeignJson,
): Promise<ProfileRequest> {
  const body = await readJson(request, { maxBytes: BODY_BYTES_MAX, json }, EXAMPLE);
  const parsed = profileSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw refusal(parsed.error, 'the body', rules);
}
