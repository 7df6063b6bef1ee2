/** Answers to HTTP requests of plain clients: an `error` message says what was refused. */

import type { HttpAnswer } from '../../core/contracts/client-connection.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import { encodeError } from '../../protocol/plain/server-message.ts';

const JSON_TYPE = 'application/json';

/** So many messages of a POST were taken. */
export function acceptedAnswer(count: number): HttpAnswer {
  return { status: 200, type: JSON_TYPE, body: `{"accepted":${count}}` };
}

export function errorAnswer(
  status: number,
  reason: Reason,
  message: string,
  data?: unknown,
): HttpAnswer {
  return { status, type: JSON_TYPE, body: encodeError({ reason, message, data }) };
}

/** The status of the answer to a client that may not join. */
export function statusOf(reason: Reason): number {
  switch (reason) {
    case 'notAuthenticated':
      return 401;
    case 'namespaceUnknown':
      return 404;
    case 'userSessions':
      return 429;
    default:
      return 403;
  }
}
