import { describe, expect, test } from 'bun:test';
import type { BroadcastResult } from '../../report/recording/record.ts';
import type { RunFacts, ServerFacts } from './facts.ts';
import { newAgentWatch, newMachineWatch, type Watched } from './limits-watch.ts';
import { judge } from './verdict.ts';

const NONE = { count: 0, receipts: 0, short: 0 };

function serverOf(changes: Partial<ServerFacts> = {}): ServerFacts {
  return {
    state: undefined,
    load: undefined,
    isNodeSilent: false,
    isNodeWhole: true,
    silentTargets: [],
    ...changes,
  };
}

function factsOf(changes: Partial<RunFacts> = {}): RunFacts {
  return {
    asked: 1_000,
    openAtEnd: 1_000,
    connecting: 0,
    heldMax: 1_000,
    heldSeconds: 30,
    holdSeconds: 30,
    stoppedIn: undefined,
    isStalled: false,
    stallSeconds: 25,
    rate: undefined,
    failures: {},
    failuresSinceGrowth: changes.failures ?? {},
    losses: {},
    left: 0,
    broadcasts: {
      ...{ results: [], duplicates: 0, putOff: 0, refused: 0, restless: new Set() },
      ...{ omitted: NONE, omittedRestless: NONE },
    },
    echoes: { sent: 0, answered: 0 },
    agents: [{ name: 'local 0', lost: undefined, watch: newAgentWatch() }],
    areAgentsHere: true,
    machine: newMachineWatch(),
    server: serverOf(),
    advice: { localPorts: 28_232, sources: 0, targets: 1 },
    ...changes,
  };
}

function watched(climb: Partial<Watched>, hold: Partial<Watched> = {}, burstLagMs = 0) {
  const { climb: newClimb, hold: newHold } = newAgentWatch();
  const watch = { climb: { ...newClimb, ...climb }, hold: { ...newHold, ...hold }, burstLagMs };
  return [{ name: 'local 0', lost: undefined, watch }];
}

const broadcast = (sequence: number, sessions: number, received: number): BroadcastResult => ({
  sequence,
  atMs: 1,
  sessions,
  received,
  tookMs: 20,
});

function broadcasts(results: readonly BroadcastResult[], more = {}): Partial<RunFacts> {
  return { broadcasts: { ...factsOf().broadcasts, results, ...more } };
}

const FULL_MACHINE: RunFacts['machine'] = {
  climb: { seconds: 100, saturatedSeconds: 80 },
  hold: { seconds: 0, saturatedSeconds: 0 },
};

/** The verdict, and the first finding, which decided it. */
function firstOf(facts: RunFacts): readonly [string, string | undefined, string | undefined] {
  const { verdict, findings } = judge(facts);
  return [verdict, findings[0]?.name, findings[0]?.text];
}

test('all were held and none was lost', () => {
  expect(judge(factsOf())).toEqual({
    verdict: 'passed',
    findings: [{ name: 'held', text: '1,000 sessions were held for 30 s; none was lost.' }],
  });
});

describe('failed', () => {
  test('sessions were lost, although others took their place', () => {
    expect(firstOf(factsOf({ losses: { 'closed 1012': 3 } }))).toEqual([
      'failed',
      'closed 1012',
      '3 sessions lost with closed 1012: the server was stopped or restarted.',
    ]);
  });

  test('fewer came than were asked for', () => {
    const facts = factsOf({
      openAtEnd: 700,
      heldMax: 744,
      connecting: 20,
      isStalled: true,
      failures: { 'HTTP 503': 40, ECONNRESET: 2 },
    });
    const { verdict, findings } = judge(facts);
    expect(verdict).toBe('failed');
    expect(findings.map(({ name }) => name)).toEqual([
      'server capacity',
      'HTTP 503',
      'ECONNRESET',
      'not reached',
    ]);
    expect(findings[3]?.text).toBe(
      '700 of 1,000 sessions were open, and no more came for 25 s; 20 connections waited for an ' +
        'answer; the most at one time was 744.',
    );
  });

  test('a broadcast did not reach all', () => {
    const facts = factsOf(broadcasts([broadcast(1, 1_000, 1_000), broadcast(2, 1_000, 999)]));
    expect(firstOf(facts)).toEqual([
      'failed',
      'broadcasts',
      '1 of 2 broadcasts did not reach all: number 2 had 999 of 1,000 receipts.',
    ]);
  });

  test.each([
    ['duplicates', { duplicates: 2 }],
    ['broadcasts refused', { refused: 1 }],
  ])('%s', (name, more) => {
    const facts = factsOf(broadcasts([broadcast(1, 10, 10)], more));
    expect(firstOf(facts).slice(0, 2)).toEqual(['failed', name]);
  });

  test('echoes stay without an answer, more than sessions that ended can have taken along', () => {
    expect(firstOf(factsOf({ echoes: { sent: 90, answered: 0 } }))).toEqual([
      'failed',
      'echoes',
      '90 of 90 echoes were not answered.',
    ]);
    expect(judge(factsOf({ echoes: { sent: 90, answered: 88 }, left: 2 })).verdict).toBe('passed');
  });

  test('no echo at all was answered, however many sessions left', () => {
    const facts = factsOf({ echoes: { sent: 90, answered: 0 }, left: 1_000 });
    expect(firstOf(facts).slice(0, 2)).toEqual(['failed', 'echoes']);
  });

  test.each<[string, string, Partial<ServerFacts>]>([
    [
      'gives no answer to another session',
      '127.0.0.1:8500 gave no answer to a new session when the run was over.',
      { silentTargets: ['127.0.0.1:8500'] },
    ],
    [
      'gives none on its admin port',
      "The node's admin API gave no answer when the run was over.",
      { isNodeSilent: true },
    ],
    [
      'counts fewer sessions',
      'The node counts 989 sessions; 1,000 of the fleet are open.',
      { load: { connections: 989, capacity: 20_000 } },
    ],
  ])('a server that %s', (_name, text, changes) => {
    const facts = factsOf({ server: serverOf(changes) });
    const [verdict, name, said] = firstOf(facts);
    expect([verdict, said]).toEqual(['failed', text]);
    expect(name).toStartWith('server ');
  });

  test('what failed early in the climb did not stop it', () => {
    const facts = factsOf({
      openAtEnd: 700,
      isStalled: true,
      failures: { EADDRNOTAVAIL: 900, 'HTTP 503': 50 },
      failuresSinceGrowth: { 'HTTP 503': 50 },
    });
    const { verdict, findings } = judge(facts);
    expect(verdict).toBe('failed');
    expect(findings.map(({ name }) => name)).toEqual([
      'server capacity',
      'HTTP 503',
      'not reached',
      'EADDRNOTAVAIL',
    ]);
  });

  test('a stop in hold hides neither a server that refuses nor a climb that stalled', () => {
    const stopped = { stoppedIn: 'hold', openAtEnd: 700 } as const;
    for (const changes of [{ failures: { ECONNREFUSED: 4 } }, { isStalled: true }]) {
      expect(judge(factsOf({ ...stopped, ...changes })).verdict).toBe('failed');
    }
  });

  test('a server out of files is named, whatever its clients saw', () => {
    const node = { pid: 123, name: 'node', openFiles: 1_000, openFileLimit: 1_000 };
    const facts = factsOf({
      openAtEnd: 979,
      isStalled: true,
      failures: { closed: 4_000 },
      server: serverOf({ state: { alive: [node], ended: [] } }),
    });
    expect(firstOf(facts)).toEqual([
      'failed',
      'EMFILE',
      'The server process 123 (node) has 1,000 of 1,000 files open.',
    ]);
  });

  test('several processes out of files are one finding', () => {
    const alive = [1, 2, 3].map((pid) => ({
      ...{ pid, name: 'node', openFiles: 999, openFileLimit: 1_000 },
    }));
    const server = serverOf({ state: { alive, ended: [] } });
    const { findings } = judge(factsOf({ openAtEnd: 1, isStalled: true, server }));
    expect(findings[0]?.text).toEndWith('files open, and so have 2 others.');
  });

  test('a node at capacity is named with its files', () => {
    const worker = { pid: 7, name: 'bun', openFiles: 753, openFileLimit: 1_000 };
    const facts = factsOf({
      openAtEnd: 744,
      isStalled: true,
      server: serverOf({
        state: { alive: [worker], ended: [] },
        load: { connections: 744, capacity: 744 },
      }),
    });
    expect(firstOf(facts)).toEqual([
      'failed',
      'server capacity',
      'The node has reached its capacity of 744 sessions; its process 7 (bun) has 753 of 1,000 ' +
        'files open.',
    ]);
  });

  test('a process of the server ended', () => {
    const state = { alive: [], ended: [{ pid: 7, name: 'node' }] };
    expect(firstOf(factsOf({ server: serverOf({ state }) }))).toEqual([
      'failed',
      'server ended',
      'The server process 7 (node) ended during the run.',
    ]);
  });
});

describe('void', () => {
  test.each([
    ['stood still once', watched({}, { seconds: 30, longestLagMs: 2_000 })],
    ['was late in a tenth of the time', watched({ seconds: 50, lateSeconds: 5 })],
  ])('an agent %s', (_name, agents) => {
    expect(firstOf(factsOf({ agents })).slice(0, 2)).toEqual(['void', 'agent loop lag']);
  });

  test.each<[string, Partial<RunFacts>]>([
    ['was slow', { rate: { asked: 2_000, measured: 900 } }],
    ['did not reach the number', { openAtEnd: 700, isStalled: true }],
  ])('an agent was busy in most of a climb that %s', (_name, changes) => {
    const agents = watched({ seconds: 20, busySeconds: 11 });
    expect(firstOf(factsOf({ agents, ...changes }))).toEqual([
      'void',
      'agent CPU',
      'Agent local 0 used up its core in 11 of 20 seconds of the climb.',
    ]);
  });

  test('an agent was busy in most of hold', () => {
    const agents = watched({}, { seconds: 20, busySeconds: 11 });
    expect(firstOf(factsOf({ agents })).slice(0, 2)).toEqual(['void', 'agent CPU']);
  });

  test('an agent stood still on a machine that was used up', () => {
    const agents = watched({ seconds: 100, longestLagMs: 2_000 });
    expect(firstOf(factsOf({ agents, machine: FULL_MACHINE })).slice(0, 2)).toEqual([
      'void',
      'agent loop lag',
    ]);
  });

  test('an agent was lost, however good the rest looks', () => {
    const agents = [
      ...factsOf().agents,
      { name: 'local 1', lost: 'its process ended (SIGKILL)', watch: newAgentWatch() },
    ];
    expect(firstOf(factsOf({ agents }))).toEqual([
      'void',
      'agent lost',
      'Agent local 1 was lost: its process ended (SIGKILL).',
    ]);
  });

  test('many agents of one fault are one finding', () => {
    const [agent] = watched({}, { seconds: 30, longestLagMs: 1_600 });
    const agents = Array.from({ length: 53 }, () => agent as NonNullable<typeof agent>);
    const { findings } = judge(factsOf({ agents }));
    expect(findings.filter(({ name }) => name === 'agent loop lag')).toHaveLength(1);
    expect(findings[0]?.text).toEndWith('The same is true of 52 others.');
  });

  test.each(['EADDRNOTAVAIL', 'EADDRINUSE', 'EMFILE', 'ENOBUFS'])(
    '%s kept the number from being reached',
    (name) => {
      const failures = { [name]: 900, closed: 100 };
      const facts = factsOf({ openAtEnd: 500, isStalled: true, failures });
      expect(firstOf(facts).slice(0, 2)).toEqual(['void', name]);
    },
  );

  test('the user stopped the climb', () => {
    const facts = factsOf({ openAtEnd: 400, stoppedIn: 'climb', heldSeconds: 0 });
    const { verdict, findings } = judge(facts);
    expect(verdict).toBe('void');
    expect(findings.map(({ name }) => name)).toEqual(['stopped']);
  });
});

test('a stop in hold is not judged by the sessions that the load keeps away', () => {
  const facts = factsOf({ openAtEnd: 700, stoppedIn: 'hold', heldSeconds: 12 });
  const { verdict, findings } = judge(facts);
  expect(verdict).toBe('passed');
  expect(findings.map(({ text }) => text)).toContain(
    '700 of 1,000 sessions were open when the run was stopped; the fleet itself kept the others ' +
      'away.',
  );
});

test('only the broadcasts during which sessions moved are not judged', () => {
  const results = [broadcast(1, 1_000, 999), broadcast(2, 1_000, 400), broadcast(3, 1_000, 1_000)];
  const { verdict, findings } = judge(factsOf(broadcasts(results, { restless: new Set([2]) })));
  expect(verdict).toBe('failed');
  expect(findings[0]?.text).toStartWith('1 of 2 broadcasts did not reach all: number 1 had 999');
});

test('broadcasts beyond those in the record are in the sums', () => {
  const omitted = { count: 5, receipts: 5_000, short: 0 };
  const { findings } = judge(factsOf(broadcasts([broadcast(6, 1_000, 1_000)], { omitted })));
  expect(findings.map(({ text }) => text)).toContain(
    'All 6 broadcasts were received by all sessions, 6,000 receipts in all.',
  );
});

test("a coordinator's machine without agents and server is called by its name", () => {
  const { findings } = judge(factsOf({ machine: FULL_MACHINE, areAgentsHere: false }));
  expect(findings.find(({ name }) => name === 'machine CPU')?.text).toBe(
    "All cores of the coordinator's machine were used up in 80 of 100 seconds of the climb: " +
      'orders and samples may have been late.',
  );
});

describe('passed, with a word about', () => {
  test.each<[string, Partial<RunFacts>]>([
    ['stopped', { stoppedIn: 'hold', heldSeconds: 12 }],
    ['ECONNRESET', { failures: { ECONNRESET: 5 } }],
    ['EADDRNOTAVAIL', { failures: { EADDRNOTAVAIL: 5 } }],
    ['rate', { rate: { asked: 2_000, measured: 900 } }],
    ['broadcasts', broadcasts([broadcast(1, 1_000, 1_000)])],
    ['broadcasts', broadcasts([broadcast(1, 1_000, 400)], { restless: new Set([1]) })],
    ['broadcasts put off', broadcasts([broadcast(1, 10, 10)], { putOff: 3 })],
    ['echoes', { echoes: { sent: 10, answered: 10 } }],
    ['agent loop lag', { agents: watched({}, { seconds: 30 }, 4_000) }],
    ['machine CPU', { machine: FULL_MACHINE }],
    // A fast climb is work: it held nothing up. A slow one was held up by the machine.
    ['held', { agents: watched({ seconds: 20, busySeconds: 20 }) }],
    [
      'rate',
      {
        agents: watched({ seconds: 100, busySeconds: 90 }),
        machine: FULL_MACHINE,
        rate: { asked: 6_000, measured: 1_656 },
      },
    ],
  ])('%s', (name, changes) => {
    const { verdict, findings } = judge(factsOf(changes));
    expect(verdict).toBe('passed');
    expect(findings.map((finding) => finding.name)).toContain(name);
    expect(findings.map((finding) => finding.name)).toContain('held');
  });

  test.each<[string, Partial<RunFacts>]>([
    ['a busy start of a few seconds', { agents: watched({ seconds: 4, busySeconds: 4 }) }],
    ['two late seconds', { agents: watched({ seconds: 10, lateSeconds: 2 }) }],
    ['a climb nearly at its rate', { rate: { asked: 2_000, measured: 1_900 } }],
  ])('nothing when there was %s', (_name, changes) => {
    expect(judge(factsOf(changes)).findings.map(({ name }) => name)).toEqual(['held']);
  });
});
