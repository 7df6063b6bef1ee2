/**
 * Requests that are the app's: asked of its `request`, whose answer is looked at before it is sent.
 *
 * Bun makes an empty success of what is no response, and says so on standard error alone.
 */

import type { App, Server } from '../core/app/app.ts';
import { ClientError } from '../core/app/client-error.ts';
import { kindOf } from '../core/app/plain-object.ts';

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
  await nextTurn();
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

/**
 * An answer of files or streams that is there at once is written out whole, however much of
 * earlier ones has not been read; one that comes in a later turn waits until it is taken, and the
 * connection that asks for more meanwhile is closed.
 */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
