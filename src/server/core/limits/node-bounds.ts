/** Bounds on what goes between the processes of a node. */

export const NODE_BOUNDS = {
  ipcFrameBytes: {
    value: 67_108_864,
    unit: 'bytes',
    why: 'One frame between processes: a payload and its attachments with room for the header.',
    seen: 'the call throws a `RangeError`',
  },
  ipcQueueBytes: {
    value: 134_217_728,
    unit: 'bytes',
    why: 'What may wait on one connection to or from the bus before more is refused.',
    seen: '`emit` throws a `BusFullError`',
    counted: 'holdfast_bus_refused_total',
  },
  peerQueueBytes: {
    value: 268_435_456,
    unit: 'bytes',
    why: 'What may wait for a worker that holds sockets of others, or has their sessions.',
    seen: 'the session ends; a request to another worker is answered 503',
    counted: 'memoryBudget',
  },
  peerShareBytes: {
    value: 65_536,
    unit: 'bytes',
    why: 'Of one session in such a queue: once half of it is full, who has more there is refused.',
    seen: 'the session ends',
    counted: 'memoryBudget',
  },
  ipcHighWaterBytes: {
    value: 16_777_216,
    unit: 'bytes',
    why: 'Wait on a connection between processes: long answers and volatile events pause here.',
  },
  hubDirectBytes: {
    value: 262_144,
    unit: 'bytes',
    why: 'Given to the connection of a worker in advance; what is more waits by sender.',
  },
  hubLaneHoldBytes: {
    value: 1_048_576,
    unit: 'bytes',
    why: 'Of one sender and for one worker, waiting in the controller: no more is read from it.',
    seen: 'the sending worker waits, and the others do not',
  },
  hubLaneBytes: {
    value: 16_777_216,
    unit: 'bytes',
    why: 'The same, for a worker that takes nothing for `ipcStallMs`, so that nobody waits for it.',
    seen: 'what is for that worker is dropped; `POST /send` answers 503 and names it',
    counted: 'holdfast_hub_frames_dropped_total',
  },
  hubFrameBytes: {
    value: 64,
    unit: 'bytes',
    why: 'What a message that waits in the controller costs beside its own bytes.',
  },
  ipcStallMs: {
    value: 2_000,
    unit: 'ms',
    why: 'A worker that has taken nothing for so long holds up nobody else any more.',
  },
  sendWaitMs: {
    value: 1_000,
    unit: 'ms',
    why: 'How long a message from outside waits for room on its way to a worker.',
    seen: '`POST /send` answers 503 with `Retry-After`, and names the worker',
  },
  pendingForwards: {
    value: 100_000,
    unit: 'requests',
    why: 'Passed to other workers and without an answer yet.',
    seen: 'the request is answered 503',
  },
  pendingBusRequests: {
    value: 10_000,
    unit: 'requests',
    why: 'Over the bus (`fetchSessions`, `emitWithAck` …) and without all answers yet.',
    seen: 'the call rejects with a `BusFullError`',
  },
  answerPieceBytes: {
    value: 1_048_576,
    unit: 'bytes',
    why: 'Of an answer to another worker (`fetchSessions`, …): longer ones go in pieces.',
  },
  answerItemBytes: {
    value: 16_777_216,
    unit: 'bytes',
    why: 'Of one item of such an answer, as the data of a session is: it has to fit into a frame.',
    seen: '`dataError` says so in place of `data`; other answers reject with `PartialAnswerError`',
  },
  busRequestMs: {
    value: 5_000,
    unit: 'ms',
    why: 'Until an answer to a bus request without a timeout of its own, and from piece to piece.',
    seen: 'the call rejects with `PartialAnswerError`, which has the answers that came',
  },
  busGraceMs: {
    value: 500,
    unit: 'ms',
    why: 'What the bus waits longer than the workers asked, whose answers need their way.',
  },
  roomsPerMessage: {
    value: 256,
    unit: 'rooms',
    why: 'Of one message from outside: the controller looks each of them up.',
    seen: '`POST /send` answers 400',
  },
  stalledAfterMs: {
    value: 10_000,
    unit: 'ms',
    why: 'Without a sample: two cores with 53 workers and a broadcast to all are late by 3 to 9 s.',
    seen: 'the worker counts as stalled, and `/ready` without it',
    counted: 'holdfast_worker_stalls_total',
  },
  workersPerNode: {
    value: 256,
    unit: 'workers',
    why: "The worker's number is one byte of a session id.",
    seen: '`start` names the most that it may be',
  },
} as const;
