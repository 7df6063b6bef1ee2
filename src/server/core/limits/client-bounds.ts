/** Bounds on what one client, or one session of an app, may have and send. */

export const CLIENT_BOUNDS = {
  keyLength: {
    value: 256,
    unit: 'characters',
    why: 'Of names of rooms and users: workers hold and compare them, and frames carry them.',
    seen: 'the call throws a `TypeError`; `POST /send` answers 400',
  },
  attachmentsPerPacket: {
    value: 10,
    unit: 'attachments',
    why: 'The published parser refuses more by default.',
    seen: 'the connection ends',
    counted: 'protocolBroken',
  },
  argumentDepth: {
    value: 1_000,
    unit: 'levels',
    why: 'Of event arguments: much deeper values would exhaust the stack.',
    seen: '`emit` throws a `RangeError`; a client with such a binary event ends',
    counted: 'protocolBroken',
  },
  packetsPerPayload: {
    value: 1_000,
    unit: 'packets',
    why: 'A body of separators must not become a million packets.',
    seen: 'the session ends, 400',
    counted: 'protocolBroken',
  },
  unpolledMs: {
    value: 10_000,
    unit: 'ms',
    why: 'A client that polls asks at once: one that has not joined and does not ask is no client.',
    seen: 'the session ends',
    counted: 'notJoined',
  },
  handlersPerSession: {
    value: 1_000,
    unit: 'handlers',
    why: 'Of one session that run at the same time; more means that it floods the worker.',
    seen: 'the connection ends with 1008',
    counted: 'handlersRunning',
  },
} as const;
