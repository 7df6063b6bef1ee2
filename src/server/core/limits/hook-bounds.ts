/** Bounds on the calls of a worker to the backend of the hooks. */

export const HOOK_BOUNDS = {
  hookCallsWaiting: {
    value: 10_000,
    unit: 'calls',
    why: 'Of a kind, for their turn: those of a crowd that comes back at once.',
    seen: 'the call has failed: see `hookAllowOnFailure`',
    counted: 'hookFull',
  },
  hookBytesWaiting: {
    value: 16_777_216,
    unit: 'bytes',
    why: 'Of a kind likewise, since an event may be large.',
    seen: 'the call has failed: see `hookAllowOnFailure`',
    counted: 'hookFull',
  },
  joinsAskedPerSession: {
    value: 16,
    unit: 'joins',
    why: 'Of one client that a hook is being asked about: one that asks for more has to wait.',
    seen: 'the join is refused',
    counted: 'joinForbidden',
  },
  hookAnswerBytes: {
    value: 262_144,
    unit: 'bytes',
    why: 'Of an answer; no more of it is read.',
    seen: 'the call has failed: see `hookAllowOnFailure`',
    counted: 'hookAnswer',
  },
  hookMessageLength: {
    value: 1_000,
    unit: 'characters',
    why: 'Of what an answer has a client told.',
    seen: 'the answer is not understood, which refuses',
    counted: 'hookShape',
  },
  hookRoomsTold: {
    value: 256,
    unit: 'rooms',
    why: 'Of a session, named in a call about it; how many more there are is said.',
  },
  hookTries: {
    value: 2,
    unit: 'requests',
    why: 'For one connect, join or event, where a second one can do no harm.',
  },
  hookTryAgainMs: {
    value: 100,
    unit: 'ms',
    why: 'Before the second one: a backend that starts again needs a moment.',
  },
  hookNoticeTries: {
    value: 5,
    unit: 'requests',
    why: 'For one disconnect, 1, 2, 4 and 8 s apart: longer than most restarts of a backend.',
    seen: 'the backend is not told',
    counted: 'hookDropped',
  },
  hookNoticeAgainMs: {
    value: 1_000,
    unit: 'ms',
    why: 'Before the second of them, and twice as long before each that follows.',
  },
  hookCircuitFailures: {
    value: 10,
    unit: 'failures',
    why: 'In a row: the backend is left alone for a while, and calls fail at once.',
    seen: 'the call has failed: see `hookAllowOnFailure`',
    counted: 'hookCircuit',
  },
  hookCircuitMs: {
    value: 5_000,
    unit: 'ms',
    why: 'Until a call tries whether it is there again.',
  },
  hookFarewellMs: {
    value: 5_000,
    unit: 'ms',
    why: 'For a worker that stops, to tell the backend who is gone by that.',
    seen: 'the backend is not told',
    counted: 'hookDropped',
  },
} as const;
