import { afterEach, beforeEach, expect, test } from 'bun:test';
import { closeSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetEvent } from './record.ts';
import { Recorder } from './recorder.ts';

const EVENT: FleetEvent = { record: 'fleet-event', atMs: 1, what: 'note', text: 'über' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-recorder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('each record is a line, written before the next one comes', () => {
  const path = join(folder, 'made', 'run.jsonl');
  const recorder = new Recorder(path);
  recorder.write(EVENT);
  recorder.write({ ...EVENT, atMs: 2 });
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines.map((line) => (line === '' ? line : (JSON.parse(line) as FleetEvent)))).toEqual([
    EVENT,
    { ...EVENT, atMs: 2 },
    '',
  ]);
  recorder.close();
});

test.skipIf(process.platform !== 'linux')('a file that fails to close is closed once', () => {
  const path = join(folder, 'run.jsonl');
  const recorder = new Recorder(path);
  closeSync(openFileOf(path));
  expect(() => recorder.close()).toThrow('EBADF');
  recorder.close();
  recorder.write(EVENT);
  expect(readFileSync(path, 'utf8')).toBe('');
});

/** The number under which this process has a file open. */
function openFileOf(path: string): number {
  const open = readdirSync('/proc/self/fd').find((file) => {
    try {
      return readlinkSync(`/proc/self/fd/${file}`) === path;
    } catch {
      // The folder itself was open while it was read.
      return false;
    }
  });
  return Number(open);
}
