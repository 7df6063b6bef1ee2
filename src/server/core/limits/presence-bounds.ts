/** Bounds on what is known, asked and told of who is in rooms with presence. */

export const PRESENCE_BOUNDS = {
  presenceGatherMs: {
    value: 200,
    unit: 'ms',
    why: 'A worker gathers who came and went for so long and says it to the controller at once.',
  },
  presenceTickMs: {
    value: 100,
    unit: 'ms',
    why: 'How often the controller looks which rooms are to be told, and whose time is over.',
  },
  presencePauseMs: {
    value: 1_000,
    unit: 'ms',
    why: 'Between two notices to a room, so that a room of n costs n messages a second at most.',
  },
  presenceToldAtOnce: {
    value: 2_000,
    unit: 'members',
    why: 'Of rooms told in one such look, 20,000 a second: whoever comes and goes costs no more.',
  },
  presenceToldPerSecond: {
    value: 10_000,
    unit: 'members',
    why: 'Of one room: one with 100,000 is told every 10 s, a tenth of a core and not all of it.',
  },
  presenceNamesAtOnce: {
    value: 200,
    unit: 'users',
    why: 'That one notice names: every member is sent it. Of more it tells the count.',
    seen: 'a notice without `joined` and `left`',
  },
  presenceListed: {
    value: 1_000,
    unit: 'users',
    why: 'In an answer to the app that does not say how many it wants, some 100 bytes each.',
    seen: '`users` has fewer than `count`',
  },
  presenceListedToApp: {
    value: 50_000,
    unit: 'users',
    why: 'In an answer to the app or the admin API: so many of the longest names fit in a frame.',
    seen: 'likewise',
  },
  presenceAsks: {
    value: 10_000,
    unit: 'questions',
    why: 'Of one worker to the controller, unanswered: what waits for them is kept.',
    seen: '`presence()` rejects; a client is told so',
    counted: 'presenceUnknown',
  },
  presenceRoomsPerSession: {
    value: 100,
    unit: 'rooms',
    why: 'With presence that one session may be in: each costs the controller 1 KB and a notice.',
    seen: '`join` throws a `RangeError`; a CONNECT is refused',
  },
  presenceBytes: {
    value: 536_870_912,
    unit: 'bytes',
    why: 'What the controller keeps of rooms and users that are present: two million users.',
    seen: 'further users are not listed',
    counted: 'holdfast_presence_refused_total',
  },
} as const;
