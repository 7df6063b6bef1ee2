import { expect, test } from 'bun:test';
import { limitsFile, MadeUpHost, type Patch } from '../../../test/support/made-up-host.ts';
import { nodeRules } from '../../cli/doctor-rules.ts';
import { loadConfig } from '../config/load.ts';
import type { Check, Finding } from './check.ts';
import { diagnose } from './diagnosis.ts';
import { type Outlook, outlookOf } from './outlook.ts';

function outlook(connections: number, files: Patch = {}): Outlook {
  using host = new MadeUpHost(files);
  const node = nodeRules(loadConfig());
  return outlookOf(host.files, { connections, withFleet: false, node });
}

function check(name: string, finding: Finding): Check {
  return { name, symptom: `E${name}`, examine: () => finding };
}

test('the lowest number of sessions counts, whether its check warns or not', () => {
  const said = { read: '', needs: '' };
  const { sessions, limitedBy, checks } = diagnose(outlook(1_000), [
    check('A', { state: 'ok', ...said, sessions: 3_000 }),
    check('B', { state: 'ok', ...said, sessions: 2_000 }),
    check('C', { state: 'ok', ...said }),
    check('D', { state: 'warning', ...said, consequence: '', fix: [] }),
    check('F', { state: 'skipped', reason: '' }),
  ]);
  expect(sessions).toBe(2_000);
  expect(limitedBy).toEqual({ name: 'B', symptom: 'EB' });
  expect(checks.map(({ name }) => name)).toEqual(['A', 'B', 'C', 'D', 'F']);
});

test('without any limit the number is not known', () => {
  const { sessions, limitedBy } = diagnose(outlook(1_000), [
    check('A', { state: 'skipped', reason: '' }),
  ]);
  expect([sessions, limitedBy]).toEqual([undefined, undefined]);
});

test('no more open files are asked for than the node makes use of', () => {
  const rules = nodeRules(loadConfig());
  for (const connections of [1_000, 100_000, 1_000_000, 10_000_000]) {
    const { openFilesNeeded, workersLeast } = outlook(connections);
    expect(rules.workersFor(connections, openFilesNeeded, 4)).toBe(workersLeast);
    expect(rules.meanOf(openFilesNeeded) * workersLeast).toBeGreaterThanOrEqual(connections);
    const isEnough =
      rules.workersFor(connections, openFilesNeeded - 1, 4) === workersLeast &&
      rules.meanOf(openFilesNeeded - 1) * workersLeast >= connections;
    expect(isEnough).toBe(false);
  }
});

test('the number of workers is the one that a node starts with', () => {
  const files = { '/proc/self/limits': limitsFile('20000                20000') };
  expect(outlook(1_000_000, files).workers).toBe(53);
  expect(outlook(1_000, files).workers).toBe(4);
});
