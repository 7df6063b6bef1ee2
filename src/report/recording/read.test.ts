import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  fleetRecords,
  linesOf,
  type MadeRun,
  MILLION,
  serverRecords,
} from '../../../test/support/made-run.ts';
import { readRecording } from './read.ts';
import { RecordingError } from './read-error.ts';

const RUN: MadeRun = {
  ...MILLION,
  sessions: 300,
  workers: 3,
  climbSeconds: 3,
  holdSeconds: 20,
  broadcastSeconds: 2,
  leaveSeconds: 2,
};
const server = serverRecords(RUN);
const fleet = fleetRecords(RUN);
const NO_SERVER_LOG = 'There is no log of the server (server.jsonl).';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-read-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function recordingOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = join(folder, crypto.randomUUID());
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

function refusal(path: string): string {
  try {
    readRecording(path);
  } catch (error) {
    if (error instanceof RecordingError) return error.message.replaceAll(path, 'DIR');
    throw error;
  }
  throw new Error('it was read');
}

describe('a whole recording', () => {
  test('comes back as it was written', () => {
    const files = { 'server.jsonl': linesOf(server), 'fleet.jsonl': linesOf(fleet) };
    const recording = readRecording(recordingOf(files));
    expect(recording.notes).toEqual([]);
    expect([recording.server?.header, ...(recording.server?.samples ?? [])]).toEqual([...server]);
    expect(recording.fleet?.header).toEqual(fleet[0] as never);
    expect(recording.fleet?.samples).toHaveLength(25);
    expect(recording.fleet?.events.map(({ what }) => what)).toEqual([
      'phase',
      'phase',
      'broadcast',
      'phase',
    ]);
    expect(recording.fleet?.verdict).toEqual(fleet.at(-1) as never);
  });

  test('may be compressed', () => {
    const files = { 'server.jsonl.gz': gzipSync(linesOf(server)) };
    const { server: read, notes } = readRecording(recordingOf(files));
    expect(read?.samples).toHaveLength(server.length - 1);
    expect(notes).toEqual(['There is no log of the fleet (fleet.jsonl).']);
  });

  test('keeps fields that a later version may add out of the way', () => {
    const [header, ...rest] = server;
    const more = linesOf([{ ...header, colour: 'blue' }, ...rest]);
    expect(readRecording(recordingOf({ 'server.jsonl': more })).server?.header).toEqual(
      header as never,
    );
  });
});

describe('a recording with faults', () => {
  test('that is cut off within its last line is read up to there', () => {
    const text = linesOf(fleet.slice(0, 12));
    const path = recordingOf({ 'fleet.jsonl': text.slice(0, -40) });
    const { fleet: read, notes } = readRecording(path);
    expect(read?.samples).toHaveLength(9);
    expect(notes).toEqual([
      'fleet.jsonl ends within a line, which is left out.',
      'fleet.jsonl has no verdict: the run was ended before its end.',
      NO_SERVER_LOG,
    ]);
    expect(readFileSync(join(path, 'fleet.jsonl'), 'utf8')).toBe(text.slice(0, -40));
  });

  test('with a pipe in the place of a file is refused, and not waited for', () => {
    const path = recordingOf({});
    Bun.spawnSync(['mkfifo', join(path, 'server.jsonl')]);
    expect(() => readRecording(path)).toThrow('cannot be read (it is no regular file); check');
  });

  test('that lacks only its last newline lacks nothing', () => {
    const path = recordingOf({ 'fleet.jsonl': linesOf(fleet).trimEnd() });
    expect(readRecording(path).notes).toEqual([NO_SERVER_LOG]);
  });

  test('whose compressed file is cut off is read up to there', () => {
    const bytes = gzipSync(linesOf(server));
    const path = recordingOf({ 'server.jsonl.gz': bytes.subarray(0, bytes.length / 2) });
    const { server: read, notes } = readRecording(path);
    expect(read?.samples.length).toBeGreaterThan(3);
    expect(read?.samples.length).toBeLessThan(server.length - 1);
    expect(notes).toContain('server.jsonl.gz ends within a line, which is left out.');
  });

  test('costs the lines that cannot be read and no more', () => {
    const lines = linesOf(fleet).split('\n');
    lines[4] = '{"record":"fleet-sample","atMs":';
    lines[6] = JSON.stringify({ record: 'fleet-sample', atMs: 'noon' });
    lines[8] = JSON.stringify({ record: 'weather', atMs: 1 });
    const { fleet: read, notes } = readRecording(recordingOf({ 'fleet.jsonl': lines.join('\n') }));
    expect(read?.samples).toHaveLength(22);
    expect(notes).toEqual([
      '3 lines of fleet.jsonl could not be read and are left out; the first is line 5.',
      NO_SERVER_LOG,
    ]);
  });

  test('whose clock was set back loses the samples until it is as late again', () => {
    const [header, ...samples] = server;
    const moved = samples.map((sample, index) => ({
      ...sample,
      atMs: sample.atMs - (index >= 10 ? 2_500 : 0),
    }));
    const path = recordingOf({ 'server.jsonl': linesOf([header!, ...moved]) });
    const { server: read, notes } = readRecording(path);
    const kept = [...moved.slice(0, 10), ...moved.slice(12)];
    expect(read?.samples.map(({ atMs }) => atMs)).toEqual(kept.map(({ atMs }) => atMs));
    expect(notes).toContain(
      'The clock of server.jsonl was set back: 2 samples not later than those before are left out.',
    );
  });

  test('with a time that is none costs that line', () => {
    const [header, first, second] = server;
    const lines = linesOf([header!, first!, { ...second!, atMs: 1e20 }]);
    const { server: read, notes } = readRecording(recordingOf({ 'server.jsonl': lines }));
    expect(read?.samples).toHaveLength(1);
    expect(notes).toContain('Line 3 of server.jsonl could not be read and is left out.');
  });

  test('is read from its good log when the other one is empty', () => {
    const files = { 'server.jsonl': '', 'fleet.jsonl': linesOf(fleet) };
    const recording = readRecording(recordingOf(files));
    expect(recording.server).toBeUndefined();
    expect(recording.notes).toEqual(['server.jsonl has no samples and is left out.']);
  });
});

describe('memory, process by process', () => {
  const logs = { 'fleet.jsonl': linesOf(fleet) };
  const agent = { role: 'agent', pid: 7, rssBytes: 9, pssBytes: 5, anonymousBytes: 4 };
  const held = { phase: 'held', atMs: 1_795_375_594_871, processes: [agent] };

  test('is read where it was written', () => {
    const files = { ...logs, 'memory.json': JSON.stringify([held]) };
    expect(readRecording(recordingOf(files)).memory).toEqual([held] as never);
    expect(readRecording(recordingOf(logs)).memory).toEqual([]);
  });

  test('is left out with a sentence when it is something else', () => {
    for (const content of ['[{"phase":"he', '[{"phase":"held","atMs":1e20,"processes":[]}]']) {
      const { memory, notes } = readRecording(recordingOf({ ...logs, 'memory.json': content }));
      expect(memory).toEqual([]);
      expect(notes).toContain('memory.json could not be read and is left out.');
    }
  });
});

describe('what is no recording is refused in one sentence', () => {
  test('no folder', () => {
    expect(refusal(join(folder, 'nowhere'))).toBe(
      'DIR is not a folder; name the one that holds a recorded run.',
    );
  });

  test('a folder without logs', () => {
    expect(refusal(recordingOf({ 'notes.txt': 'sunny' }))).toBe(
      'DIR holds neither server.jsonl nor fleet.jsonl; name the folder of a recorded run.',
    );
  });

  test('empty logs', () => {
    expect(refusal(recordingOf({ 'server.jsonl': '', 'fleet.jsonl': linesOf([fleet[0]!]) }))).toBe(
      'DIR/server.jsonl and DIR/fleet.jsonl are empty: not one sample was recorded; ' +
        'record the run again.',
    );
  });

  test('a log without its header', () => {
    expect(refusal(recordingOf({ 'server.jsonl': linesOf(server.slice(1)) }))).toBe(
      'DIR/server.jsonl does not begin with the header of a server log; ' +
        'put its first line back, or move the file away to report without it.',
    );
  });

  test('the log of the fleet under the name of the server', () => {
    expect(refusal(recordingOf({ 'server.jsonl': linesOf(fleet) }))).toContain(
      'does not begin with the header of a server log',
    );
  });

  test('a newer version, even if its form is another', () => {
    const newer = linesOf([{ record: 'fleet', version: 2, hosts: [] }]);
    expect(refusal(recordingOf({ 'fleet.jsonl': newer }))).toBe(
      'DIR/fleet.jsonl has version 2 of the records and this Holdfast knows 1; ' +
        'use the Holdfast that wrote it.',
    );
  });

  test('a file that only says that it is compressed', () => {
    expect(refusal(recordingOf({ 'server.jsonl.gz': linesOf(server) }))).toBe(
      'DIR/server.jsonl.gz is not compressed with gzip; unpack it or name it .jsonl.',
    );
  });
});
