/**
 * What browsers ask before a page of another origin may send a request that is not simple. Source:
 * the Fetch standard, "CORS protocol".
 */

import type { AnswerHeaders, RequestHeaders } from '../../core/contracts/exchange.ts';

/** Headers that a preflight asks for, beside those of the answer itself. */
export function preflightHeaders(headers: RequestHeaders): AnswerHeaders {
  return {
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': headers.get('access-control-request-headers') ?? 'content-type',
    'access-control-max-age': '600',
  };
}
