/**
 * JSON that other processes and files say: answers of nodes and agents, orders, samples, records.
 * It is parsed after a look through it (runtime/foreign-json.ts). All of src parses that way, here
 * or where bounds of the config hold; `test/tidy` keeps it so.
 *
 * The bounds are wide, since how much there may be is bounded by whoever reads it: what they keep
 * away is what would take a process seconds or its stack.
 */

import { ForeignJson, ForeignJsonError } from '../runtime/foreign-json.ts';

/** Each different key costs the parser up to a microsecond. */
const KEYS_MAX = 100_000;
const DEPTH_MAX = 1_000;

/** Parses what one source says time after time: what collides is counted over all of it. */
export function foreignJson(): ForeignJson {
  return new ForeignJson({ maxKeys: KEYS_MAX, maxDepth: DEPTH_MAX });
}

/** @throws SyntaxError when it is no JSON, ForeignJsonError when it would do harm */
export function parsed(text: string): unknown {
  return foreignJson().parse(text);
}

/** @returns undefined when it is no JSON, or would do harm */
export function parsedOrNothing(text: string, json: ForeignJson = foreignJson()): unknown {
  try {
    return json.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ForeignJsonError) return undefined;
    throw error;
  }
}
