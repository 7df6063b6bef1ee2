/** What may go wrong with one request to the backend, and what follows from it. */

import { AnswerError } from '../../../host/foreign/ask.ts';
import type { Reason } from '../../core/limits/reasons.ts';

/** Reasons for which a request counts as failed. */
export type HookFailure = Extract<
  Reason,
  'hookTimeout' | 'hookUnreachable' | 'hookStatus' | 'hookAnswer' | 'hookShape'
>;

/** The backend is not there: nothing of the request has reached it. */
const UNSENT: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** What proxies say of a backend that is not there, or comes in a moment. */
const PASSING_STATUS: ReadonlySet<number> = new Set([502, 503, 504]);
/** Statuses of 4xx that say nothing of the request itself: too late, too early, too many. */
const BUSY_STATUS: ReadonlySet<number> = new Set([408, 425, 429]);

export interface HookFault {
  readonly reason: HookFailure;
  /** For the log. */
  readonly detail: string;
  /** The backend has surely not begun to do what was asked. */
  readonly isUnsent: boolean;
  /** It may be gone in a moment. */
  readonly isPassing: boolean;
  /** The backend is there and says no, or something unknown: that refuses whatever the policy. */
  readonly isRefusal: boolean;
}

export function statusFault(status: number): HookFault {
  const isRefusal = status >= 400 && status < 500 && !BUSY_STATUS.has(status);
  const isPassing = PASSING_STATUS.has(status);
  return {
    reason: 'hookStatus',
    detail: `status ${status}`,
    isUnsent: false,
    isPassing,
    isRefusal,
  };
}

export function answerFault(detail: string): HookFault {
  return { reason: 'hookAnswer', detail, isUnsent: false, isPassing: false, isRefusal: false };
}

/** JSON that is no answer: perhaps a no that is misspelt, so it is never taken for a yes. */
export const SHAPE_FAULT: HookFault = {
  reason: 'hookShape',
  detail: 'the answer is of another shape',
  isUnsent: false,
  isPassing: false,
  isRefusal: true,
};

/** @param error what `fetch`, or reading its answer, threw */
export function faultOf(error: unknown): HookFault {
  if (error instanceof AnswerError) return answerFault(error.message);
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  const isUnsent = UNSENT.has(code);
  const isLate = name === 'TimeoutError';
  return {
    reason: isLate ? 'hookTimeout' : 'hookUnreachable',
    detail: isLate ? 'no whole answer in time' : String(code),
    isUnsent,
    isPassing: !isLate,
    isRefusal: false,
  };
}
