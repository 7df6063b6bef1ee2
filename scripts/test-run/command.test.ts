/** `npm test` as a whole, in a folder with a few test files of its own. */

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  killMarked,
  markedEnvironment,
  newMark,
  processesMarked,
} from '../../test/support/process-mark.ts';
import { eventually } from '../../test/system/eventually.ts';

const COMMAND = join(import.meta.dir, '..', 'test.ts');

const PASSES = `
  import { describe, expect, test } from 'bun:test';
  for (let i = 0; i < 6; i++) {
    test('passes ' + i, async () => {
      console.log('begin ' + i);
      await Bun.sleep(20);
      console.log('end ' + i);
    });
  }
  // Only to have one.
  test.skip('is skipped', () => {});`;
const FAILS = `
  import { expect, test } from 'bun:test';
  test('says < and "', () => expect(1).toBe(2));
  test('passes', () => {});`;
/** Fails in the first process that runs it. */
const FAILS_ONCE = `
  import { existsSync, writeFileSync } from 'node:fs';
  import { expect, test } from 'bun:test';
  const isFirst = !existsSync('has-failed');
  writeFileSync('has-failed', '');
  test('passes', () => {});
  test('is unsteady', () => expect(isFirst).toBe(false));`;
const DOES_NOT_LOAD = `
  import './nothing.ts';
  import { test } from 'bun:test';
  test('never runs', () => {});`;
const ENDS_ITSELF = `
  import { test } from 'bun:test';
  test('ends its process', () => process.exit(0));`;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-npm-test-'));
  for (const house of ['src', 'test/tidy']) mkdirSync(join(folder, house), { recursive: true });
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
}

async function run(...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, COMMAND, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { code, out, err, lastLine: out.trimEnd().split('\n').at(-1) };
}

describe('the end of a run', () => {
  test('is good when tests ran and none failed', async () => {
    write({ 'src/a.test.ts': PASSES, 'test/b.test.ts': PASSES, 'test/tidy/c.test.ts': FAILS });
    const { code, lastLine } = await run();
    expect({ code, lastLine }).toEqual({ code: 0, lastLine: '12 passed, 0 failed, 2 skipped' });
  });

  test('counts whatever failed, and tells it once more', async () => {
    write({
      'src/a.test.ts': PASSES,
      'src/b.test.ts': FAILS,
      'test/c.test.ts': DOES_NOT_LOAD,
      'test/d.test.ts': ENDS_ITSELF,
    });
    const { code, out, lastLine } = await run();
    expect({ code, lastLine }).toEqual({ code: 1, lastLine: '7 passed, 3 failed, 1 skipped' });
    const again = out.slice(out.indexOf('\nFailed in '));
    expect(again).toContain('Failed in src/b.test.ts:\n\nsays < and "\n  ');
    expect(again).toContain("Cannot find module './nothing.ts'");
    expect(again).toContain('bun test wrote no report; it ended with 0.');
    expect(again).not.toContain('src/a.test.ts');
  });

  test.each([
    ['no test is there', [], 'npm test: no test ran.\n'],
    ['none is named so', ['no/such'], "npm test: no test file is named by 'no/such'.\n"],
    ['none has the name', ['-t', 'no such test'], 'npm test: no test ran.\n'],
    [
      'an argument is wrong',
      ['--seed', 'x'],
      "npm test: --seed is a whole number below 4294967296, not 'x'\n",
    ],
  ])('is bad when %s', async (what, args, sentence) => {
    if (what !== 'no test is there') write({ 'src/a.test.ts': PASSES });
    const { code, err, lastLine } = await run(...args);
    expect(code).toBe(1);
    expect(err).toBe(sentence);
    expect(lastLine).toMatch(/^0 passed, [01] failed, [07] skipped$/);
  });
});

describe('a file that failed', () => {
  test('and passes when it is run alone does not fail the run, and is named', async () => {
    write({ 'src/a.test.ts': PASSES, 'src/b.test.ts': FAILS_ONCE });
    const { code, out } = await run('--reporter-outfile=all.xml');
    const lines = out.trimEnd().split('\n');
    expect([code, ...lines.slice(-2)]).toEqual([
      0,
      '1 test passed only at the second try: src/b.test.ts (is unsteady)',
      '8 passed, 0 failed, 1 skipped',
    ]);
    expect(out).toContain('\nsrc/b.test.ts: 1 passed, 1 failed, 0 skipped in ');
    expect(out).toContain('\nsrc/b.test.ts, second try: 2 passed, 0 failed, 0 skipped in ');
    const told = out.slice(out.indexOf('\nFailed at first'));
    expect(told).toStartWith(
      '\nFailed at first, passed when run alone: src/b.test.ts\n  is unsteady\n\nAt first:\n\n',
    );
    expect(told).toContain('expect(received).toBe(expected)');
    const report = readFileSync(join(folder, 'all.xml'), 'utf8');
    expect(report).toContain('tests="9" failures="0" skipped="1"');
  });

  test('and fails again has failed, whatever passed', async () => {
    write({ 'src/a.test.ts': FAILS, 'src/b.test.ts': FAILS_ONCE });
    const { code, out, lastLine } = await run();
    expect({ code, lastLine }).toEqual({ code: 1, lastLine: '3 passed, 1 failed, 0 skipped' });
    expect(out).toContain('\n1 test passed only at the second try: src/b.test.ts (is unsteady)\n');
    expect(out).toContain('\nFailed in src/a.test.ts:\n');
    expect(out).not.toContain('\nFailed in src/b.test.ts:\n');
  });

  test('is not tried again when it is all that runs, or no more is to be begun', async () => {
    write({ 'src/a.test.ts': PASSES, 'src/b.test.ts': FAILS });
    expect((await run('src/b')).out).not.toContain('second try');
    expect((await run('--bail')).out).not.toContain('second try');
  });
});

describe('what is printed', () => {
  test('of a file stands together', async () => {
    write({ 'src/a.test.ts': PASSES, 'src/b.test.ts': PASSES, 'src/c.test.ts': PASSES });
    const { out } = await run('--lanes', '3');
    const lines = out.split('\n').filter((line) => /^(src\/|begin|end)/.test(line));
    const pairs = Array.from({ length: 6 }, () => ['begin', 'end']).flat();
    expect(lines.map((line) => line.replace(/ .*/, ''))).toEqual(
      lines.flatMap((line) => (line.startsWith('src/') ? [line.replace(/ .*/, ''), ...pairs] : [])),
    );
    expect(lines).toHaveLength(3 * 13);
  });

  test('is in the order of the seed, which is told', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `src/${name}.test.ts`);
    write(Object.fromEntries(names.map((name) => [name, PASSES])));
    const orderOf = (out: string): string[] =>
      out.split('\n').flatMap((line) => /^(src\/\S+|\(pass\) passes \d)/.exec(line)?.[0] ?? []);
    const first = await run('--lanes', '1');
    const [, seed = ''] = /npm test -- --seed (\d+)\n/.exec(first.out) ?? [];
    const again = await run('--lanes', '1', '--seed', seed);
    const other = await run('--lanes', '1', '--seed', String((Number(seed) + 1) % 2 ** 32));
    expect(orderOf(first.out)).toHaveLength(6 * 7);
    expect(orderOf(again.out)).toEqual(orderOf(first.out));
    expect(orderOf(other.out)).not.toEqual(orderOf(first.out));
  });

  test('of tests that were not asked for is nothing', async () => {
    write({ 'src/a.test.ts': PASSES, 'src/b.test.ts': FAILS });
    const { out, lastLine } = await run('-t', 'passes 3');
    expect(out).toContain('\nsrc/a.test.ts: 1 passed, 0 failed, 6 skipped in ');
    expect(out).not.toContain('src/b.test.ts');
    expect(lastLine).toBe('1 passed, 0 failed, 8 skipped');
  });

  test('as a report is that of all files', async () => {
    write({ 'src/a.test.ts': PASSES, 'src/b.test.ts': FAILS });
    await run('--reporter=junit', '--reporter-outfile=all.xml');
    const report = readFileSync(join(folder, 'all.xml'), 'utf8');
    expect(report).toContain('tests="9" failures="1" skipped="1"');
    expect(report.match(/<testcase /g)).toHaveLength(9);
  });
});

test('--bail begins no further file', async () => {
  write({ 'src/a.test.ts': FAILS, 'src/b.test.ts': FAILS, 'src/c.test.ts': FAILS });
  expect((await run('--bail', '--lanes', '1')).lastLine).toBe('1 passed, 1 failed, 0 skipped');
});

test.each([['SIGINT', 130] as const, ['SIGTERM', 143] as const])(
  '%s ends the run with all that its tests started',
  async (signal, expectedCode) => {
    write({
      'src/a.test.ts': `
        import { test } from 'bun:test';
        test('starts others and waits', async () => {
          Bun.spawn(['setsid', 'sh', '-c', 'sleep 300 & sleep 300']);
          await Bun.sleep(300_000);
        });`,
    });
    const mark = newMark('TEST_COMMAND_MARK');
    try {
      const child = Bun.spawn([process.execPath, COMMAND], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'ignore'],
        env: markedEnvironment(process.env, mark),
      });
      const running = (): number => processesMarked(mark).length;
      // The command, `bun test`, the shell and its two.
      await eventually('all are there', running, (count) => count >= 5);
      child.kill(signal);
      expect(await child.exited).toBe(expectedCode);
      await eventually('all are gone', running, (count) => count === 0);
    } finally {
      killMarked(mark);
    }
  },
);
