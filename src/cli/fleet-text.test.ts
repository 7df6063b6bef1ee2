import { describe, expect, test } from 'bun:test';
import type { FleetStatus } from '../fleet/coordinator/status.ts';
import { FleetProgress } from './fleet-progress.ts';
import { progressText, statusText, summaryText, verdictText } from './fleet-text.ts';

const STATUS: FleetStatus = {
  run: 'r',
  phase: 'climb',
  elapsedSeconds: 3,
  secondsLeft: 8,
  targets: ['ws://host:8500/'],
  wanted: 5_000,
  rate: 500,
  measuredRate: 498,
  open: 1_200,
  connecting: 40,
  established: 1_210,
  left: 0,
  failures: { ECONNRESET: 1, 'HTTP 503': 3 },
  losses: { closed: 2 },
  deliveriesPerSecond: 0,
  echoesPerSecond: 10,
  latencies: {
    connect: { count: 1_210, p50: 1_500, p90: 2_000, p99: 12_000, p999: 15_000, max: 1_900_000 },
    delivery: undefined,
    echo: undefined,
  },
  broadcasts: [],
  agents: [
    {
      name: 'local 0',
      pid: 42,
      lost: null,
      open: 1_200,
      connecting: 40,
      capacity: 19_936,
      cpuShare: 0.234,
      rssBytes: 61_200_000,
      loopLagMs: 4,
    },
    {
      name: 'local 1',
      pid: 43,
      lost: 'its process ended (SIGKILL)',
      open: 0,
      connecting: 0,
      capacity: 19_936,
      cpuShare: 0,
      rssBytes: 0,
      loopLagMs: 0,
    },
  ],
};

const PROGRESS =
  'climb: 1,200 of 5,000 open, 498/s, 8 s left, failed 4 (HTTP 503 3, ECONNRESET 1), ' +
  'lost 2 (closed 2), 1 of 2 agents lost';

test('progress is one line', () => {
  expect(progressText(STATUS)).toBe(PROGRESS);
});

test.each([
  [0, '498/s, failed'],
  [1_300, '498/s, 1,300 s left, failed'],
  [null, '498/s, time left not known, failed'],
])('%p seconds left are told as they are', (secondsLeft, part) => {
  expect(progressText({ ...STATUS, secondsLeft })).toContain(part);
});

test('a summary says what is wanted and where the run stands', () => {
  expect(summaryText(STATUS)).toBe(
    `Wanted: 5,000 connections at 500/s to ws://host:8500/.\nNow in ${PROGRESS}.`,
  );
});

test('the status has a row for each agent and each latency that was measured', () => {
  const text = statusText(STATUS);
  expect(text).toContain('Running for 3 s; 40 connecting, 0 deliveries/s, 10 echoes/s.');
  expect(text).toMatch(/│ connect │ 1,210 │ 1\.50 ms │ 2\.00 ms │ 12 ms │ 15 ms │ 1,900 ms │/);
  expect(text).not.toContain('delivery │');
  expect(text).toMatch(
    /│ local 0 │ +42 │ +1,200 │ +19,936 │ +40 │ +23 % │ +61\.2 MB │ +4 ms │ running │/,
  );
  expect(text).toMatch(/│ local 1 .+│ lost +│/);
});

test('the verdict stands above its findings, each with what to change', () => {
  const text = verdictText({
    record: 'fleet-verdict',
    atMs: 0,
    verdict: 'void',
    findings: [
      { name: 'agent CPU', text: 'It was busy.', advice: 'Use more.' },
      { name: 'held', text: 'All were held.' },
    ],
    connectionsAsked: 1,
    connectionsHeldMax: 1,
    heldSeconds: 1,
    lost: 0,
    failed: 0,
    broadcasts: [],
  });
  expect(text).toBe(
    'The run is void: it says nothing about the server.\n' +
      '- agent CPU: It was busy.\n  Use more.\n- held: All were held.',
  );
});

describe('progress on stderr', () => {
  function setUp(isTTY: boolean) {
    let written = '';
    const screen = { isTTY, columns: 30, write: (text: string) => void (written += text) };
    return { progress: new FleetProgress(screen), written: () => written };
  }
  const event = (what: 'phase' | 'storm', text: string) =>
    ({ record: 'fleet-event', atMs: 0, what, text }) as const;

  test('in a terminal one line is rewritten, no longer than the terminal is wide', () => {
    const { progress, written } = setUp(true);
    progress.second(STATUS);
    progress.second(STATUS);
    progress.event(event('phase', 'hold'));
    progress.event(event('storm', 'storm 1'));
    const line = `\r\x1b[2K${PROGRESS.slice(0, 29)}`;
    expect(written()).toBe(`${line}${line}\nstorm: storm 1\n`);
  });

  test('elsewhere there is a line each five seconds', () => {
    const { progress, written } = setUp(false);
    for (let second = 0; second < 6; second++) progress.second(STATUS);
    progress.end();
    expect(written()).toBe(`${PROGRESS}\n${PROGRESS}\n`);
  });
});
