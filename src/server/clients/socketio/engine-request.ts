/**
 * A request on the Engine.IO path, read and judged before anybody acts on it.
 *
 * Source: the Engine.IO protocol, revision 4, "Handshake": the query holds `EIO`, `transport`, and
 * `sid` once there is a session.
 */

import type { TransportName } from '../../core/app/app.ts';
import type { AnswerHeaders, ClientRequest } from '../../core/contracts/exchange.ts';
import { queryParams } from '../../protocol/query-params.ts';
import type { OriginPolicy } from '../source/origin-policy.ts';
import type { EngineErrorName } from './engine-error.ts';

export interface EngineRequest {
  /** The client brings packets. */
  readonly isPost: boolean;
  readonly query: string;
  readonly transport: TransportName;
  /** Absent for a handshake, as is an empty one. */
  readonly sessionId: string | undefined;
  /** The client takes no binary frames (`b64`). */
  readonly isTextOnly: boolean;
  /** Headers that let the page read the answer. */
  readonly cors: AnswerHeaders;
}

/** Why a request is refused, and the headers that let the page read that. */
export interface Refusal {
  readonly refused: Exclude<EngineErrorName, 'tooMany'>;
  readonly cors: AnswerHeaders;
}

export function readEngineRequest(
  request: ClientRequest,
  query: string,
  origins: OriginPolicy,
): EngineRequest | Refusal {
  const cors = origins.headersFor(request.headers);
  if (cors === undefined) return { refused: 'forbidden', cors: {} };
  const params = queryParams(query);
  const transport = params.get('transport');
  const sessionId = params.get('sid') || undefined;
  if (transport !== 'polling' && transport !== 'websocket') {
    return { refused: 'unknownTransport', cors };
  }
  if (params.get('EIO') !== '4') return { refused: 'unsupportedVersion', cors };
  const isUpgrade = request.headers.get('upgrade')?.toLowerCase() === 'websocket';
  const isMismatch = isUpgrade !== (transport === 'websocket');
  // JSONP (`j`) was for browsers without CORS and is an open door for other sites' scripts.
  if (isMismatch || params.has('j')) return { refused: 'badRequest', cors };
  const isHandshake = sessionId === undefined;
  const isMethodKnown = request.method === 'GET' || (request.method === 'POST' && !isHandshake);
  if (!isMethodKnown) return { refused: 'badMethod', cors };
  const isPost = request.method === 'POST';
  return { isPost, query, transport, sessionId, isTextOnly: params.has('b64'), cors };
}
