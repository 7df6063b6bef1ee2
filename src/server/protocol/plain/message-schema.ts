/**
 * The messages of the plain protocol as JSON Schema: what the server judges clients' messages by,
 * and what docs/protocol/messages.schema.json is written from.
 */

import type { JsonSchema } from './json-schema.ts';

const ID: JsonSchema = {
  description: 'Chosen by who asks; the answer has the same.',
  type: 'integer',
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
};

const ARGS: JsonSchema = {
  description: 'Values of any kind; bytes as {"$binary":"<base64>"}.',
  type: 'array',
};

const EVENT: JsonSchema = { description: 'The name of the event.', type: 'string' };

const ROOM: JsonSchema = { type: 'string', minLength: 1, maxLength: 256 };

function message(
  type: string,
  description: string,
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  return {
    description,
    type: 'object',
    required: ['type', ...required],
    properties: { type: { const: type }, ...properties },
  };
}

const POSITION: JsonSchema = {
  description: 'Where an event, or a client, stands in what rooms keep.',
  type: 'string',
  maxLength: 64,
};
const RECOVERY: JsonSchema = {
  description: 'By which a client may have its session back; a secret.',
  type: 'string',
  maxLength: 64,
};

/** What clients may send, by `type`. */
export const CLIENT_MESSAGES: Readonly<Record<string, JsonSchema>> = {
  event: message('event', 'An event for the app.', { event: EVENT, args: ARGS, id: ID }, ['event']),
  publish: message(
    'publish',
    'An event for all others in a room.',
    { room: ROOM, event: EVENT, args: ARGS, id: ID },
    ['room', 'event'],
  ),
  join: message('join', 'Joins a room.', { room: ROOM, id: ID }, ['room']),
  leave: message('leave', 'Leaves a room.', { room: ROOM, id: ID }, ['room']),
  presence: message(
    'presence',
    'Asks who is in a room that the client is in.',
    { room: ROOM, id: ID },
    ['room', 'id'],
  ),
  ack: message('ack', 'Answers an event of the server.', { id: ID, args: ARGS }, ['id']),
  ping: message('ping', 'Is the server there?', {}),
  connect: message('connect', 'Opens a session.', {
    auth: { type: 'object' },
    recovery: RECOVERY,
    since: POSITION,
  }),
  auth: message(
    'auth',
    'A new token, when the server has asked for one.',
    { auth: { type: 'object' }, id: ID },
    ['auth'],
  ),
  disconnect: message('disconnect', 'Ends the session.', {}),
};

const MILLISECONDS: JsonSchema = { type: 'integer', minimum: 0 };

/** What the server sends, by `type`. */
export const SERVER_MESSAGES: Readonly<Record<string, JsonSchema>> = {
  connect: message(
    'connect',
    'The session is there.',
    {
      session: { description: 'What requests name it by; a secret.', type: 'string' },
      id: { description: 'By which the app and others know it.', type: 'string' },
      namespace: { type: 'string' },
      user: { type: 'string' },
      rooms: { type: 'array', items: ROOM },
      recovered: { type: 'boolean' },
      recovery: RECOVERY,
      position: POSITION,
      pingInterval: MILLISECONDS,
      pingTimeout: MILLISECONDS,
      maxPayload: { description: 'Bytes.', type: 'integer', minimum: 1 },
    },
    ['id', 'namespace', 'rooms', 'recovered', 'pingInterval', 'pingTimeout', 'maxPayload'],
  ),
  event: message('event', 'An event.', { event: EVENT, args: ARGS, id: ID, position: POSITION }, [
    'event',
    'args',
  ]),
  ack: message('ack', 'Answers what the client sent.', { id: ID, args: ARGS }, ['id', 'args']),
  error: message(
    'error',
    'Something was refused.',
    {
      reason: { type: 'string' },
      message: { type: 'string' },
      id: ID,
      data: { description: 'What the app had to say beside that; of any kind.' },
      refused: { description: 'Messages that it stands for.', type: 'integer', minimum: 1 },
    },
    ['reason', 'message'],
  ),
  refresh: message(
    'refresh',
    'A new token is needed, or the session ends.',
    { within: { description: 'Until then.', ...MILLISECONDS } },
    ['within'],
  ),
  pong: message('pong', 'Answers a ping.', {}),
  disconnect: message(
    'disconnect',
    'The last message.',
    { reason: { type: 'string' }, retry: MILLISECONDS },
    ['reason'],
  ),
};

/** Bodies of HTTP answers that are no message. */
export const ANSWER_BODIES: Readonly<Record<string, JsonSchema>> = {
  pollAnswer: {
    description: 'The answer to a poll.',
    type: 'object',
    required: ['session', 'position', 'messages'],
    properties: {
      session: { type: 'string' },
      position: { description: 'What the next poll names as `since`.', type: 'string' },
      messages: { type: 'array', items: { type: 'object', required: ['type'] } },
    },
  },
  accepted: {
    description: 'The answer to a POST.',
    type: 'object',
    required: ['accepted'],
    properties: { accepted: { type: 'integer', minimum: 0 } },
  },
};
