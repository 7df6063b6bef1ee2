/**
 * Why something was refused, cut or dropped: one table for counters, metrics, log lines and pages.
 *
 * `refused` is one thing that was not taken, while its sender goes on; `cut` is the end of a
 * session or connection by us; `dropped` is something that was promised to nobody and is gone;
 * `held` is a client that was slowed down and loses nothing; `failed` is a call of ours that a
 * backend did not answer. The texts complete "N in the last
 * second: …", and say what to change where an operator can.
 */

/** What became of what a limit or a rule stood against. */
export type Outcome = 'refused' | 'cut' | 'dropped' | 'held' | 'failed';

interface ReasonEntry {
  readonly outcome: Outcome;
  readonly text: string;
}

export const REASONS = {
  originForbidden: {
    outcome: 'refused',
    text: 'a page of another origin asked; name it in corsOrigins if it may',
  },
  badRequest: { outcome: 'refused', text: 'a request that is not understood' },
  sessionUnknown: {
    outcome: 'refused',
    text: 'a request for a session that is not there, as after a restart',
  },
  secondSocket: { outcome: 'refused', text: 'a second WebSocket for a session' },
  atCapacity: {
    outcome: 'refused',
    text: 'a handshake, since the worker is full; raise its open-file limit or start more workers',
  },
  unprovenCut: {
    outcome: 'cut',
    text: 'a session that has not joined or does not poll, since others needed its place',
  },
  addressSessions: {
    outcome: 'refused',
    text: 'a handshake from an address with maxSessionsPerAddress sessions',
  },
  addressHandshakes: {
    outcome: 'refused',
    text: 'a handshake from an address with more than maxHandshakesPerAddress in a second',
  },
  addressUnauthenticated: {
    outcome: 'refused',
    text: 'a handshake from an address with maxUnauthenticatedPerAddress sessions without a user',
  },
  addressSilent: {
    outcome: 'refused',
    text: 'a handshake from an address with maxSilentPerAddress sessions that never asked',
  },
  userSessions: {
    outcome: 'refused',
    text: 'a client of a user with maxSessionsPerUser sessions',
  },
  userSessionsEnded: {
    outcome: 'cut',
    text: 'the oldest session of a user who came with one more than maxSessionsPerUser',
  },
  strangerCut: {
    outcome: 'cut',
    text: 'a connection without a session, since files are short; raise the open-file limit',
  },
  appTooSlow: {
    outcome: 'refused',
    text: "a request that the app's request() did not answer within requestTimeoutMs",
  },
  stopping: { outcome: 'refused', text: 'a handshake, since the worker is about to stop' },
  notAuthenticated: { outcome: 'refused', text: "a client that the app's authenticate refused" },
  anonymousRefused: {
    outcome: 'refused',
    text: 'a client that no token or hook knows, since allowAnonymous is off',
  },
  identityChanged: {
    outcome: 'refused',
    text: 'a client whose token, hook and app, or new token, do not name the same user',
  },
  tokenMalformed: {
    outcome: 'refused',
    text: 'a client whose token is none, is longer than tokenCharacters or would do harm',
  },
  tokenAlgorithm: {
    outcome: 'refused',
    text: 'a client whose token has an algorithm that tokenAlgorithms do not name',
  },
  tokenKeyUnknown: {
    outcome: 'refused',
    text: 'a client whose token names a key that is not there, or none where there are several',
  },
  tokenKeysMissing: {
    outcome: 'refused',
    text: 'a client with a token, since no keys have come from tokenKeysUrl yet',
  },
  tokenForged: { outcome: 'refused', text: 'a client whose token has a signature of another key' },
  tokenExpired: { outcome: 'refused', text: 'a client whose token has expired' },
  tokenEarly: { outcome: 'refused', text: 'a client whose token is not valid yet' },
  tokenClaims: {
    outcome: 'refused',
    text: 'a client whose token is for another audience, of another issuer, or lacks a claim',
  },
  sessionExpired: {
    outcome: 'cut',
    text: 'a session whose token or hook has run out and that brought no new one',
  },
  joinForbidden: {
    outcome: 'refused',
    text: 'a client that a rule, a token, a hook or mayJoin keeps out, or that asks for too many',
  },
  publishForbidden: {
    outcome: 'refused',
    text: 'an event that its client may not publish, by the rule of the room or by its name',
  },
  presenceUnknown: {
    outcome: 'refused',
    text: 'a question who is in a room, since too many are open or the controller is silent',
  },
  presenceForbidden: {
    outcome: 'refused',
    text: 'a client that asked who is in a room without presence, or that it is not in',
  },
  badMessage: { outcome: 'refused', text: 'a message of a plain client that is not understood' },
  namespaceUnknown: { outcome: 'refused', text: 'a CONNECT to a namespace the app does not have' },
  payloadTooLarge: {
    outcome: 'refused',
    text: 'a request with more than maxPayloadBytes',
  },
  tooManyKeys: {
    outcome: 'refused',
    text: 'a message with more than maxJsonKeys different keys',
  },
  nestedTooDeep: { outcome: 'refused', text: 'a message with more levels than argumentDepth' },
  stringsCollide: {
    outcome: 'refused',
    text: "a message or request with texts made to collide in the runtime's tables",
  },
  tooManyMessages: {
    outcome: 'held',
    text: 'a client that sends more than maxMessagesPerSecond: the rest waits',
  },
  tooManyBytes: {
    outcome: 'held',
    text: 'a client that sends more than maxBytesPerSecond: the rest waits',
  },
  tooManyConnects: {
    outcome: 'held',
    text: 'a client that sends more than maxConnectsPerSecond: the rest waits',
  },
  tooManyAcks: {
    outcome: 'held',
    text: 'a client that sends more than maxAcksPerSecond: the rest waits',
  },
  inputOverflow: {
    outcome: 'refused',
    text: 'a message of a client that sends far more than it may in a second',
  },
  ackUnasked: {
    outcome: 'dropped',
    text: 'an ack that nobody waits for, as one that comes after its timeout',
  },
  eventTooOften: {
    outcome: 'refused',
    text: 'an event that its client sent more often than `limits` of the app say',
  },
  eventUnheard: { outcome: 'dropped', text: 'an event that the app has no handler for' },
  namespaceLeft: {
    outcome: 'dropped',
    text: 'a packet for a namespace that the app has had its client leave',
  },
  protocolBroken: { outcome: 'cut', text: 'a client whose packets break the protocol' },
  slowReader: {
    outcome: 'cut',
    text: 'a client with more than maxBackpressureBytes waiting for backpressureTimeoutMs',
  },
  memoryBudget: {
    outcome: 'cut',
    text: 'who holds most, since what waits for clients is over memoryBudgetBytes',
  },
  pingTimeout: { outcome: 'cut', text: 'a client that did not answer a ping in time' },
  notJoined: {
    outcome: 'cut',
    text: 'a client that joined no namespace within connectTimeoutMs, or never polled',
  },
  handshakeGone: {
    outcome: 'cut',
    text: 'a client that joins again, and of whose first request the app asks for more than before',
  },
  partialPacket: {
    outcome: 'refused',
    text: 'an event whose attachments were too large together, or did not come in time',
  },
  handlersRunning: {
    outcome: 'refused',
    text: 'an event of a client with too many unfinished handlers of the app',
  },
  hookRefused: { outcome: 'refused', text: 'a client that the backend of the hooks refused' },
  hookFailed: {
    outcome: 'refused',
    text: 'a client, event or join, since its hook failed; hookAllowOnFailure may allow that',
  },
  hookTimeout: { outcome: 'failed', text: 'a hook that was not answered within hookTimeoutMs' },
  hookUnreachable: {
    outcome: 'failed',
    text: 'a hook whose backend cannot be reached, or broke off its answer',
  },
  hookStatus: { outcome: 'failed', text: 'a hook answered with another status than 200' },
  hookAnswer: { outcome: 'failed', text: 'a hook whose answer is no JSON, or too long' },
  hookShape: {
    outcome: 'failed',
    text: 'a hook whose answer is not understood (docs/HOOKS.md), which refuses',
  },
  hookCircuit: {
    outcome: 'failed',
    text: 'a hook that was not sent, since its backend failed time after time',
  },
  hookFull: { outcome: 'failed', text: 'a hook that was not sent, since too many wait already' },
  hookDropped: { outcome: 'dropped', text: 'the end of a session that the backend was not told' },
  requestsOpen: {
    outcome: 'refused',
    text: 'a request to other workers, since too many of its session, or of the app, are open',
  },
  busFull: {
    outcome: 'refused',
    text: 'a message to other workers, since too much of its session, or of the app, waits already',
  },
  clusterUnproven: {
    outcome: 'cut',
    text: 'a connection between nodes whose other end did not prove that it knows clusterSecret',
  },
  clusterCrowded: {
    outcome: 'cut',
    text: 'a connection to the port for other nodes, where too many have proven nothing yet',
  },
  clusterSilent: {
    outcome: 'cut',
    text: 'a link to a worker of another node from which nothing came for 12 s',
  },
} as const;

export type Reason = keyof typeof REASONS;

const entries: Readonly<Record<Reason, ReasonEntry>> = REASONS;

export const REASON_NAMES: readonly Reason[] = Object.keys(entries) as Reason[];
