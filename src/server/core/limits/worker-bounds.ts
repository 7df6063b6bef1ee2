/** Bounds on what a worker holds and does at a time, for all its sessions together. */

export const WORKER_BOUNDS = {
  pollAnswerBytes: {
    value: 8_388_608,
    unit: 'bytes',
    why: 'Of one answer to a poll with several packets; the next poll gets the rest.',
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
  pendingAcksPerWorker: {
    value: 100_000,
    unit: 'questions',
    why: 'Acks that clients owe to one worker at the same time.',
    seen: '`emitWithAck` rejects with a `RangeError`',
  },
  openFilesReserve: {
    value: 256,
    unit: 'files',
    why: "Kept free of sessions: listeners, peers, the bus, the app's own.",
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
