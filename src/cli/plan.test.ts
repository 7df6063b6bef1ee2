/** `holdfast plan` as users run it, with the figures that it ships with. */
import { describe, expect, test } from 'bun:test';
import { runHere } from '../../test/support/command-here.ts';
import type { Plan } from '../host/figures/plan.ts';
import { SESSION_COST } from '../host/figures/session-cost.ts';

const MAIN = new URL('./main.ts', import.meta.url).pathname;

async function plan(...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, MAIN, 'plan', ...args], {
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { code, out, err };
}

test('says hosts, what each needs, how to start, and where the figures come from', async () => {
  const { code, out } = await plan('--connections', '1,000,000', '--broadcast-rate', '1');
  expect(code).toBe(0);
  expect(out).toStartWith('1,000,000 connections on 5 nodes of 200,000.\n');
  expect(out).toContain('Together: 40 cores, 75 GiB.');
  expect(out).toMatch(/│ +│ messages to all, 1 a second +│ +\d\.\d\d cores │/);
  expect(out).not.toContain('clients coming back');
  expect(out).toMatch(/│ +│ the same when a node is lost +│ +32,222 │/);
  expect(out).toContain('When a node is lost, the other 4 hold 250,000 each: ');
  expect(out).toContain('holdfast start --connections 200000 --workers 8\n');
  expect(out).toContain('\nNot measured:\n- ');
  expect(out).not.toContain('Does not fit');
  expect(out).toContain(`Figures: ${SESSION_COST.source} of ${SESSION_COST.measuredOn}`);
});

test('says what does not fit', async () => {
  const { code, out } = await plan(
    ...['--connections', '500000', '--per-node', '500000', '--cores', '2', '--memory', '2GiB'],
  );
  expect(code).toBe(0);
  expect(out).toContain('500,000 connections on one node.\n');
  expect(out).toContain('\nDoes not fit:\n- A node needs ');
  expect(out).toContain('instead of 2 GiB, or fewer sessions per node.');
});

test('--json prints the whole plan', async () => {
  const { code, out } = await plan(
    ...['--connections', '40000', '--per-node', '20000', '--cores', '1', '--memory', '4GB'],
    ...['--open-files', '20000', '--churn', '10', '--broadcast-rate', '0.25', '--json'],
  );
  expect(code).toBe(0);
  const { nodes, host, load, node, measured } = JSON.parse(out) as Plan;
  expect({ nodes, host, load }).toEqual({
    nodes: 2,
    host: { cores: 1, memoryBytes: 4_000_000_000, openFiles: 20_000 },
    load: { broadcastsPerSecond: 0.25, churnPercentPerMinute: 10 },
  });
  expect([node.workers, node.sessionsPerWorker]).toEqual([2, 10_000]);
  expect(measured.source).toBe(SESSION_COST.source);
});

describe('bad input gets one sentence', () => {
  test.each([
    [[], "required option '--connections <count>' not specified; see holdfast plan --help."],
    [['--connections', '1e6'], '--connections is "1e6"; it must be a whole number from 1 to '],
    [['--connections', '0'], '--connections is "0"; it must be a whole number from 1 to '],
    [['--connections', '10,00'], '--connections is "10,00"; it must be a whole number from 1 to '],
    [['--connections', '9', '--per-node', '-1'], '--per-node is "-1"; it must be a whole number'],
    [['--connections', '9', '--open-files', '256'], 'it must be a whole number from 257 to '],
    [['--connections', '9', '--memory', '16'], 'it must be a size such as 16GiB, 64GB or 512MiB.'],
    [['--connections', '9', '--memory', '0GiB'], '--memory is "0GiB"; it must be a size such as'],
    [['--connections', '9', '--churn', 'x'], '--churn is "x"; it must be a number from 0 to '],
    [['--connections', '9', '--memory', '64MiB'], 'Not even one session fits on such a host: '],
    [
      ['--connections', '300000', '--per-node', '300000', '--open-files', '1024'],
      'raise --open-files or lower --per-node.',
    ],
  ])('%p', async (args, sentence) => {
    const { code, out, err } = await runHere(['plan', ...args]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(sentence);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});

test('has help with an example', async () => {
  const { code, out } = await runHere(['plan', '--help']);
  expect(code).toBe(0);
  expect(out).toMatch(/\nExamples:\n {2}holdfast plan --connections 1000000\n/);
});
