/** Bounds on what one client, or one session of an app, may have and send. */

export const CLIENT_BOUNDS = {
  freeRooms: {
    value: 256,
    unit: 'rooms',
    why: 'Of one session; what it has beyond counts against `memoryBudgetBytes`.',
  },
  roomBytes: {
    value: 256,
    unit: 'bytes',
    why: 'What a room holds that one session alone is in.',
  },
  keyLength: {
    value: 256,
    unit: 'characters',
    why: 'Of names of rooms and users: workers hold and compare them, and frames carry them.',
    seen: 'the call throws a `TypeError`; `POST /send` answers 400',
  },
  attachmentsPerPacket: {
    value: 10_000,
    unit: 'attachments',
    why: 'Their bytes are bounded as well; the published parser takes 10.',
    seen: 'the connection ends',
    counted: 'protocolBroken',
  },
  attachmentOverheadBytes: {
    value: 256,
    unit: 'bytes',
    why: 'What an attachment costs beside its own bytes.',
  },
  payloadsPerPacket: {
    value: 16,
    unit: 'times `maxPayloadBytes`',
    why: 'An event with all its attachments, each of which may have that many bytes.',
    seen: 'the event is refused',
    counted: 'partialPacket',
  },
  partialPacketMs: {
    value: 30_000,
    unit: 'ms',
    why: 'A packet of whose attachments none has come for so long is not worth its memory.',
    seen: 'the event is refused',
    counted: 'partialPacket',
  },
  argumentDepth: {
    value: 1_000,
    unit: 'levels',
    why: 'Of event arguments: much deeper values would exhaust the stack.',
    seen: '`emit` throws a `RangeError`; a message is refused, an ack or CONNECT_ERROR says so',
    counted: 'nestedTooDeep',
  },
  burstMs: {
    value: 1_000,
    unit: 'ms',
    why: 'As much as a client may send in so long it may also send at once.',
  },
  connectBurstMs: {
    value: 10_000,
    unit: 'ms',
    why: 'The same for CONNECTs: who joins many namespaces does so at once.',
  },
  heldInputMs: {
    value: 30_000,
    unit: 'ms',
    why: 'Of a client that sends more than it may; 1 MB of the smallest events takes 25 s.',
    seen: 'the message is refused, an ack, an event `error` or CONNECT_ERROR says so',
    counted: 'inputOverflow',
  },
  heldInputBytes: {
    value: 4_194_304,
    unit: 'bytes',
    why: 'Beside one payload: what may wait of a client that sends more than it may.',
    seen: 'the message is refused, and its sender told in the same way',
    counted: 'inputOverflow',
  },
  handshakeFreeMs: {
    value: 1_000,
    unit: 'ms',
    why: 'Who takes longer to join has its first request counted against `memoryBudgetBytes`.',
  },
  handshakeFreeBytes: {
    value: 4_096,
    unit: 'bytes',
    why: 'Kept of the first request of a client that has joined; more counts likewise.',
  },
  unpolledMs: {
    value: 10_000,
    unit: 'ms',
    why: 'A client that polls asks at once. Without a request for so long it is away.',
    seen: 'the session ends',
    counted: 'notJoined',
  },
  betweenPollsMs: {
    value: 1_000,
    unit: 'ms',
    why: 'Where most sessions show nothing: so long has a client that polls, before it is away.',
  },
  slowLinkBytesPerMs: {
    value: 32,
    unit: 'bytes per ms',
    why: 'While an answer is on its way over such a link, its client is not thought to be away.',
  },
  joinMsAtFirst: {
    value: 250,
    unit: 'ms',
    why: 'From the handshake until a client has joined, before it is known from others.',
  },
  joinMsMin: {
    value: 5,
    unit: 'ms',
    why: 'What is known from others is not believed below it.',
  },
  joinMsMax: {
    value: 500,
    unit: 'ms',
    why: 'Nor above it, since attackers may take their time.',
  },
  joinMsStep: {
    value: 1.05,
    unit: 'times',
    why: 'By which each client that joins faster or slower moves it: what is followed is a median.',
  },
  joinTimes: {
    value: 2,
    unit: 'times',
    why: 'As long as that of the median a session may show nothing while places are short.',
    seen: 'the session ends, 1013, once its place is needed',
    counted: 'unprovenCut',
  },
  unfinishedBytesPerSession: {
    value: 16_777_216,
    unit: 'bytes',
    why: 'Of events whose handlers have not finished; more means that it floods the worker.',
    seen: 'the event is refused',
    counted: 'handlersRunning',
  },
  unfinishedEventBytes: {
    value: 512,
    unit: 'bytes',
    why: 'What such an event holds beside its arguments.',
  },
  openAcksPerSession: {
    value: 10_000,
    unit: 'acks',
    why: 'Asked of one client and not answered: one that does not answer is asked no more.',
    seen: '`emitWithAck` to it rejects with a `RangeError`; in one to many it is missing',
  },
} as const;
