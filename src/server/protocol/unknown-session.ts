/**
 * The answer to a request for a session that is not there, between workers and to clients of
 * Engine.IO, whose words it has; other kinds of client are told in their own.
 */

export const UNKNOWN_SESSION = {
  status: 400,
  type: 'application/json',
  body: '{"code":1,"message":"Session ID unknown"}',
} as const;
