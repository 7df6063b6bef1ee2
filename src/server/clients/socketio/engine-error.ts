/**
 * Errors of Engine.IO's handshake and requests, as HTTP answers.
 *
 * Codes and messages are those of the reference server, which clients show to their users; status
 * 400, but 403 for what policy forbids and 429 for what limits do.
 */

import type { HttpAnswer } from '../../core/contracts/client-connection.ts';
import { UNKNOWN_SESSION } from '../../protocol/unknown-session.ts';

const ENGINE_ERROR = {
  unknownTransport: { code: 0, message: 'Transport unknown' },
  badMethod: { code: 2, message: 'Bad handshake method' },
  badRequest: { code: 3, message: 'Bad request' },
  forbidden: { code: 4, message: 'Forbidden' },
  unsupportedVersion: { code: 5, message: 'Unsupported protocol version' },
  // The reference says so what an app's `allowRequest` refuses, in words of its own.
  tooMany: { code: 4, message: 'Too many from this address, try again later' },
} as const;

export type EngineErrorName = keyof typeof ENGINE_ERROR | 'unknownSession';

const STATUS: Readonly<Partial<Record<EngineErrorName, number>>> = {
  forbidden: 403,
  tooMany: 429,
};

export function engineError(name: EngineErrorName): HttpAnswer {
  if (name === 'unknownSession') return UNKNOWN_SESSION;
  return {
    status: STATUS[name] ?? 400,
    type: 'application/json',
    body: JSON.stringify(ENGINE_ERROR[name]),
  };
}
