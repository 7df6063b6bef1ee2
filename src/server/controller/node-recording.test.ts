import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { FakeNode } from '../../../test/support/fake-node.ts';
import { HoldfastProcess, runHoldfast } from '../../../test/support/holdfast-process.ts';
import { eventually } from '../../../test/system/eventually.ts';
import { loadConfig } from '../../host/config/load.ts';
import {
  RECORD_VERSION,
  type RunRecord,
  type ServerSample,
} from '../../report/recording/record.ts';
import type { WorkerCounters, WorkerGauges, WorkerSample } from '../links/bus/sample.ts';
import {
  NodeRecording,
  type NodeRecordingOptions,
  openNodeRecording,
  type RecordSink,
} from './node-recording.ts';
import { StartError } from './start-error.ts';

const TOKEN = 'a-token-of-sixteen-and-more';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-record-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function optionsOf(lines: string[] = []): NodeRecordingOptions {
  const say = (message: string): number => lines.push(message);
  return {
    view: new FakeNode(),
    config: loadConfig({ flags: { adminToken: TOKEN, recordDir: folder } }),
    workerCount: 2,
    capacity: 39_488,
    log: { debug: say, info: say, warn: say, error: say },
  };
}

/** What worker 0 of the hand-made node reports, with some of it changed. */
function report(
  gauges: Partial<WorkerGauges>,
  counters: Partial<WorkerCounters> = {},
  startedAtMs = 1,
): WorkerSample {
  const [first] = new FakeNode().workers();
  const sample = first?.sample as WorkerSample;
  return {
    ...sample,
    startedAtMs,
    gauges: { ...sample.gauges, ...gauges },
    counters: { ...sample.counters, ...counters },
  };
}

/** The complete lines of the record. */
function recordsIn(directory: string): RunRecord[] {
  const lines = readFileSync(join(directory, 'server.jsonl'), 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as RunRecord);
}

describe('a record', () => {
  test('opens with the machine and the settings, but no secret', () => {
    const recording = openNodeRecording(folder, optionsOf());
    recording.close();
    const text = readFileSync(join(folder, 'server.jsonl'), 'utf8');
    expect(text).not.toContain(TOKEN);
    const [header, ...rest] = recordsIn(folder);
    expect(rest).toEqual([]);
    expect(header).toMatchObject({
      record: 'server',
      version: RECORD_VERSION,
      machine: { holdfast: packageJson.version, runtime: `Bun ${Bun.version}` },
      settings: { port: 8500, gc: 'turnover', recordDir: basename(folder) },
      workers: 2,
      capacity: 39_488,
    });
    expect(text).not.toContain(dirname(folder));
    expect((header as { settings: object }).settings).not.toHaveProperty('adminToken');
  });

  test('holds a sample of each worker, null for one that has not reported', () => {
    const recording = openNodeRecording(folder, optionsOf());
    recording.observe(report({}));
    recording.record();
    recording.close();
    const sample = recordsIn(folder)[1] as ServerSample;
    expect(sample).toMatchObject({
      record: 'server-sample',
      sessions: [46, null],
      cpuMs: [1500, null],
      rssBytes: [50_000_000, null],
      heapBytes: [5_000_000, null],
      loopLagMs: [2, null],
      collectionMs: [12.5, null],
      collections: [6, null],
      restarts: 8,
      counters: { opened: 50, closed: 7, refused: 2, deliveries: 800 },
    });
    expect(sample.atMs).toBeWithin(Date.now() - 10_000, Date.now() + 1);
    expect(sample.controller.cpuMs).toBeGreaterThan(0);
    expect(sample.controller.rssBytes).toBeGreaterThan(10_000_000);
    if (existsSync('/proc/net/sockstat')) {
      expect(sample.kernel?.slabBytes).toBeGreaterThan(0);
      expect(sample.kernel?.availableBytes).toBeGreaterThan(0);
    }
  });

  test('has the longest lag and collection of all reports since the sample before', () => {
    const recording = openNodeRecording(folder, optionsOf());
    recording.observe(report({ loopLagMaxMs: 70, collectionPauseMaxMs: 3 }));
    recording.observe(report({ loopLagMaxMs: 5, collectionPauseMaxMs: 0 }));
    recording.record();
    recording.record();
    recording.close();
    const [, first, second] = recordsIn(folder) as ServerSample[];
    expect([first?.loopLagMs, first?.collectionMs]).toEqual([
      [70, null],
      [3, null],
    ]);
    // No report came in this second, so nothing is known of it.
    expect([second?.loopLagMs, second?.collectionMs]).toEqual([
      [null, null],
      [null, null],
    ]);
    expect(second?.sessions).toEqual([46, null]);
  });

  test('keeps what a worker had counted before it was replaced', () => {
    const recording = openNodeRecording(folder, optionsOf());
    recording.observe(report({}, { sessionsOpened: 10, deliveries: 5 }, 1));
    recording.observe(report({}, { sessionsOpened: 20, deliveries: 5 }, 1));
    recording.observe(report({}, { sessionsOpened: 3, deliveries: 1 }, 2));
    recording.record();
    recording.close();
    const sample = recordsIn(folder)[1] as ServerSample;
    expect(sample.counters).toMatchObject({ opened: 23, deliveries: 6 });
  });

  test('that cannot be written any longer ends, and says so once', () => {
    const lines: string[] = [];
    const written: RunRecord[] = [];
    const sink: RecordSink & { isFull: boolean; isClosed: boolean } = {
      path: '/data/server.jsonl',
      isFull: false,
      isClosed: false,
      write(record) {
        if (this.isFull) throw new Error('ENOSPC: no space left on device, write');
        written.push(record);
      },
      close() {
        this.isClosed = true;
      },
    };
    const recording = new NodeRecording(sink, optionsOf(lines));
    recording.record();
    sink.isFull = true;
    recording.record();
    recording.record();
    expect(written.map(({ record }) => record)).toEqual(['server', 'server-sample']);
    expect(sink.isClosed).toBeTrue();
    expect(lines).toEqual(['the record /data/server.jsonl ends here: it cannot be written']);
  });

  test('that cannot be closed is said, and stops nothing', () => {
    const lines: string[] = [];
    const sink: RecordSink = {
      path: join(folder, 'server.jsonl'),
      write() {},
      close() {
        throw new Error('EIO: i/o error, close');
      },
    };
    const recording = new NodeRecording(sink, optionsOf(lines));
    recording.close();
    expect(lines).toEqual([`the record ${sink.path} may lack its end: it cannot be closed`]);
    recording.discard();
  });

  test('leaves the file of another run alone', () => {
    writeFileSync(join(folder, 'server.jsonl'), 'precious');
    const open = (): unknown => openNodeRecording(folder, optionsOf());
    expect(open).toThrow(StartError);
    expect(open).toThrow(
      `${folder}/server.jsonl holds the record of another run: ` +
        'choose another directory with --record-dir.',
    );
    expect(readFileSync(join(folder, 'server.jsonl'), 'utf8')).toBe('precious');
  });

  test('that cannot be made is refused with the reason', () => {
    writeFileSync(join(folder, 'file'), '');
    const directory = join(folder, 'file');
    expect(() => openNodeRecording(directory, optionsOf())).toThrow(
      /^The record .*server\.jsonl cannot be written \(.+\): choose another --record-dir\.$/,
    );
  });
});

describe('a node', () => {
  test('records its run each second until its end', async () => {
    const directory = join(folder, 'made', 'for-it');
    const args = ['--record-dir', directory];
    const node = await HoldfastProcess.start({ workers: 2, args });
    const seconds = (): number => recordsIn(directory).length - 1;
    await eventually('two samples are there', seconds, (count) => count >= 2);
    await node.stop();
    const [header, ...samples] = recordsIn(directory);
    expect(header).toMatchObject({ record: 'server', workers: 2, settings: { workers: 2 } });
    expect(samples.length).toBeGreaterThanOrEqual(2);
    expect((samples as ServerSample[]).some(({ sessions }) => sessions.includes(0))).toBeTrue();
  });

  test('does not start over the record of another, and leaves none when it does not', async () => {
    writeFileSync(join(folder, 'server.jsonl'), 'precious');
    const ports = ['--port', '0', '--admin-port', '0', '--workers', '1'];
    const refused = await runHoldfast(['start', ...ports, '--record-dir', folder]);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('holds the record of another run: choose another directory');
    const app = join(folder, 'app.ts');
    writeFileSync(app, 'throw new Error("no app")');
    const directory = join(folder, 'new');
    const args = [...ports, '--record-dir', directory, '--app', app];
    expect((await runHoldfast(['start', ...args])).code).toBe(1);
    expect(existsSync(join(directory, 'server.jsonl'))).toBeFalse();
  });
});
