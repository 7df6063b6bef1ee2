/** Bounds on what a worker holds and does at a time, for all its sessions together. */

export const WORKER_BOUNDS = {
  sharedGrants: {
    value: 1_000,
    unit: 'lists',
    why: 'Of rooms that tokens have named and sessions share; beyond that all are forgotten once.',
  },
  tokenKeys: {
    value: 100,
    unit: 'keys',
    why: 'In the file or at the address of the keys of tokens; providers have two to five.',
    seen: 'the file or answer is not used, which the log says',
  },
  tokenKeysBytes: {
    value: 262_144,
    unit: 'bytes',
    why: 'Of that file or answer.',
    seen: 'it is not used, which the log says',
  },
  tokenKeysTimeoutMs: {
    value: 5_000,
    unit: 'ms',
    why: 'Clients wait for that answer, and their own patience is 10 to 20 s.',
    seen: 'the keys from before are used; a client whose key is not among them is refused',
    counted: 'tokenKeyUnknown',
  },
  tokenKeysFreshMs: {
    value: 600_000,
    unit: 'ms',
    why: 'So long a key is believed that its provider has taken back.',
  },
  tokenKeysPaceMs: {
    value: 10_000,
    unit: 'ms',
    why: 'Between two questions for keys: anybody can make up names of keys that nobody has.',
    seen: 'a client whose key is not known is refused without a question',
    counted: 'tokenKeyUnknown',
  },
  refreshesPerTick: {
    value: 500,
    unit: 'sessions',
    why: 'Asked for a new token, or ended without, in one tick: many are issued at the same time.',
  },
  intakeSliceMs: {
    value: 5,
    unit: 'ms',
    why: 'Of taking what clients sent beyond their limits, or in a body of very many packets.',
  },
  pollAnswerBytes: {
    value: 1_048_576,
    unit: 'bytes',
    why: 'Of one answer to a poll with several packets; the next poll gets the rest.',
  },
  pollAnswerFreeBytes: {
    value: 65_536,
    unit: 'bytes',
    why: 'A longer answer counts against `memoryBudgetBytes` until its client polls again.',
  },
  packetOverheadBytes: {
    value: 64,
    unit: 'bytes',
    why: 'What a packet in a queue costs beside its own bytes.',
  },
  endedSessionBytes: {
    value: 256,
    unit: 'bytes',
    why: 'What a session that ended costs beside its last words, until its client has them.',
  },
  deliveriesPerSlice: {
    value: 500,
    unit: 'deliveries',
    why: 'Some 4 ms of work: after it heartbeats and packets get their turn.',
  },
  heldEvents: {
    value: 256,
    unit: 'events',
    why: 'On their way to rooms of one worker: who is sent to has a look at each.',
  },
  heldEventBytes: {
    value: 16_777_216,
    unit: 'bytes',
    why: 'What those events, and the sets of who gets them, may hold.',
  },
  chosenSessionBytes: {
    value: 40,
    unit: 'bytes',
    why: 'What one session costs in such a set.',
  },
  eventsWithPing: {
    value: 8,
    unit: 'events',
    why: 'A ping takes along what is on its way when it is little: heartbeats come first.',
  },
  bytesWithPing: {
    value: 65_536,
    unit: 'bytes',
    why: 'The same in bytes.',
  },
  openAckBytes: {
    value: 400,
    unit: 'bytes',
    why: 'What an ack that a client owes holds; it counts against `memoryBudgetBytes`.',
  },
  openFilesReserve: {
    value: 256,
    unit: 'files',
    why: "Kept free of sessions: listeners, peers, the bus, the app's own, and for refusing.",
  },
  strangersWatchedFrom: {
    value: 32,
    unit: 'connections',
    why: 'Without a session: from here on those with one are told apart from the others.',
  },
  strangersWatchedShare: {
    value: 0.125,
    unit: 'of the files for clients',
    why: 'The same in a large worker.',
  },
  strangersFreedShare: {
    value: 0.0625,
    unit: 'of the files for clients',
    why: 'When they are short: as many are freed at once, so that the next find a place.',
    seen: 'connections without a session are closed, those of the fullest address first',
    counted: 'strangerCut',
  },
  strangerSeconds: {
    value: 60,
    unit: 's',
    why: 'A connection that asks for longer, and never for a session, is to make place.',
    seen: 'the next answer ends the connection',
  },
  strangersRemembered: {
    value: 65_536,
    unit: 'connections',
    why: 'Without a session, of which is known since when they ask; 40 bytes each.',
  },
  crowdLookedAt: {
    value: 1_024,
    unit: 'sessions',
    why: 'Looked at to see how many come from the same addresses.',
  },
  crowdSessions: {
    value: 50,
    unit: 'sessions',
    why: 'With fewer on a worker it says nothing that most come from a few addresses.',
  },
  openedBetweenWalks: {
    value: 65_536,
    unit: 'sessions',
    why: 'Where addresses have limits: after so many new ones all are counted again.',
  },
  heartbeatSlots: {
    value: 50,
    unit: 'slots',
    why: 'In one ping interval: the finer, the smoother the load.',
  },
  heartbeatTickMinMs: {
    value: 10,
    unit: 'ms',
    why: 'The shortest heartbeat tick: timers are not finer under load.',
  },
} as const;
