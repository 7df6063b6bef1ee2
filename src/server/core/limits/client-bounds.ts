/** Bounds on what one client, or one session of an app, may have and send. */

export const CLIENT_BOUNDS = {
  roomsPerSession: {
    value: 256,
    unit: 'rooms',
    why: 'A session in more rooms is a design fault of the app; each costs about 40 bytes.',
    seen: '`join` throws a `RangeError`',
  },
  keyLength: {
    value: 256,
    unit: 'characters',
    why: 'Of names of rooms and users: workers hold and compare them, and frames carry them.',
    seen: 'the call throws a `TypeError`; `POST /send` answers 400',
  },
  namespacesPerConnection: {
    value: 16,
    unit: 'namespaces',
    why: 'Each that a client joins over one connection is a session of its own.',
    seen: 'the connection ends',
    counted: 'protocolBroken',
  },
  attachmentsPerPacket: {
    value: 10,
    unit: 'attachments',
    why: 'The published parser refuses more by default.',
    seen: 'the connection ends',
    counted: 'protocolBroken',
  },
  argumentDepth: {
    value: 64,
    unit: 'levels',
    why: 'Of event arguments: deeper values would exhaust the stack.',
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
