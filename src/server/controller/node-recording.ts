/**
 * The record that a node writes of its run (`recordDir`): a header, then a sample each second, in
 * the form of recording/record.ts.
 *
 * Workers report on clocks of their own, so each of their reports comes in through `observe`: the
 * longest lag of a second cannot fall between two samples, and what a worker had counted before it
 * died stays in the totals. As the clocks drift, no report or two fall between two samples.
 *
 * A record that cannot be written any longer ends; the node goes on.
 */

import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fieldsByName } from '../../host/config/fields.ts';
import type { Config } from '../../host/config/schema.ts';
import { describeMachine } from '../../host/machine/describe.ts';
import { kernelMemory } from '../../host/machine/kernel-memory.ts';
import {
  RECORD_VERSION,
  type RunRecord,
  type ServerSample,
} from '../../report/recording/record.ts';
import { Recorder } from '../../report/recording/recorder.ts';
import type { Log } from '../core/log/log.ts';
import { sessionCount, type WorkerSample } from '../links/bus/sample.ts';
import type { NodeView, WorkerView } from './node-view.ts';
import { StartError } from './start-error.ts';

export interface NodeRecordingOptions {
  readonly view: Pick<NodeView, 'workers'>;
  readonly config: Config;
  readonly workerCount: number;
  /** Sessions that all workers together take. */
  readonly capacity: number;
  readonly log: Log;
}

/** Where records go: a `Recorder`, or what stands for one in a test. */
export interface RecordSink {
  readonly path: string;
  /** Throws the error of the file system. */
  write(record: RunRecord): void;
  close(): void;
}

type Totals = { -readonly [K in keyof ServerSample['counters']]: number };

/** What is known of one worker beside its latest report. */
interface Observed {
  latest: WorkerSample | undefined;
  /** The longest of the reports since the last record; null when none came. */
  lagMaxMs: number | null;
  collectionMaxMs: number | null;
}

const FILE_NAME = 'server.jsonl';
const SAMPLE_MS = 1_000;

/**
 * Begins a record in the directory that the configuration names.
 * @throws StartError when the file is there already or cannot be written
 */
export function openNodeRecording(directory: string, options: NodeRecordingOptions): NodeRecording {
  const path = join(directory, FILE_NAME);
  let recorder: Recorder | undefined;
  try {
    recorder = new Recorder(path);
    return new NodeRecording(recorder, options);
  } catch (error) {
    // A file that holds no header would only stand in the way of the next run.
    if (recorder !== undefined) discard(recorder);
    throw new StartError(whyNot(path, error), { cause: error });
  }
}

function whyNot(path: string, error: unknown): string {
  if ((error as { code?: string }).code === 'EEXIST' && existsSync(path)) {
    return `${path} holds the record of another run: choose another directory with --record-dir.`;
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `The record ${path} cannot be written (${reason}): choose another --record-dir.`;
}

export class NodeRecording {
  readonly #sink: RecordSink;
  readonly #options: NodeRecordingOptions;
  readonly #workers: readonly Observed[];
  /** What processes had counted that have been replaced since. */
  readonly #ended: Totals = { opened: 0, closed: 0, refused: 0, deliveries: 0 };
  #timer: Timer | undefined;
  #hasEnded = false;

  /** Writes the header. @throws Error of the file system */
  constructor(sink: RecordSink, options: NodeRecordingOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#workers = Array.from({ length: options.workerCount }, () => {
      return { latest: undefined, lagMaxMs: null, collectionMaxMs: null };
    });
    sink.write({
      record: 'server',
      version: RECORD_VERSION,
      atMs: Date.now(),
      machine: describeMachine(),
      settings: shownSettings(options.config),
      workers: options.workerCount,
      capacity: options.capacity,
    });
  }

  /** Takes the report of a worker. */
  observe(sample: WorkerSample): void {
    const worker = this.#workers[sample.worker];
    if (worker === undefined) return;
    const { latest } = worker;
    if (latest !== undefined && latest.startedAtMs !== sample.startedAtMs) {
      addCounters(this.#ended, latest);
    }
    worker.latest = sample;
    const { loopLagMaxMs, collectionPauseMaxMs } = sample.gauges;
    worker.lagMaxMs = Math.max(worker.lagMaxMs ?? 0, loopLagMaxMs);
    worker.collectionMaxMs = Math.max(worker.collectionMaxMs ?? 0, collectionPauseMaxMs);
  }

  /** From now on a sample is written each second. */
  start(): void {
    this.#timer ??= setInterval(() => this.record(), SAMPLE_MS);
  }

  /** Writes a sample of this moment. */
  record(): void {
    if (this.#hasEnded) return;
    try {
      this.#sink.write(this.#sample());
    } catch (error) {
      const { path } = this.#sink;
      this.#options.log.error(`the record ${path} ends here: it cannot be written`, {
        error: String(error),
      });
      this.close();
    }
  }

  /** A record that cannot be closed is no reason to end otherwise: it is only said. */
  close(): void {
    this.#hasEnded = true;
    clearInterval(this.#timer);
    try {
      this.#sink.close();
    } catch (error) {
      const { path } = this.#sink;
      this.#options.log.error(`the record ${path} may lack its end: it cannot be closed`, {
        error: String(error),
      });
    }
  }

  /** Takes the record back: the run did not come about, and another may want the place. */
  discard(): void {
    this.close();
    discard(this.#sink);
  }

  #sample(): ServerSample {
    const workers = this.#options.view.workers();
    const ofEach = (valueOf: (sample: WorkerSample, worker: WorkerView) => number | null) =>
      workers.map((worker) => (worker.sample ? valueOf(worker.sample, worker) : null));
    const cpu = process.cpuUsage();
    const sample: ServerSample = {
      record: 'server-sample',
      atMs: Date.now(),
      sessions: ofEach(({ gauges }) => sessionCount(gauges)),
      cpuMs: ofEach(({ counters }) => counters.cpuMicroseconds / 1000),
      rssBytes: ofEach(({ gauges }) => gauges.rssBytes),
      heapBytes: ofEach(({ gauges }) => gauges.heapBytes),
      loopLagMs: ofEach((_, { index }) => this.#workers[index]?.lagMaxMs ?? null),
      collectionMs: ofEach((_, { index }) => this.#workers[index]?.collectionMaxMs ?? null),
      collections: ofEach(({ counters }) => counters.collections),
      restarts: workers.reduce((sum, { restarts }) => sum + restarts, 0),
      controller: {
        cpuMs: (cpu.user + cpu.system) / 1000,
        rssBytes: process.memoryUsage.rss(),
      },
      counters: this.#totals(),
      kernel: kernelMemory(),
    };
    for (const worker of this.#workers) {
      worker.lagMaxMs = null;
      worker.collectionMaxMs = null;
    }
    return sample;
  }

  #totals(): Totals {
    const totals = { ...this.#ended };
    for (const { latest } of this.#workers) {
      if (latest !== undefined) addCounters(totals, latest);
    }
    return totals;
  }
}

function discard(sink: RecordSink): void {
  try {
    rmSync(sink.path, { force: true });
    sink.close();
  } catch {
    // The next run says that the file is there, and why this one ended matters more.
  }
}

function addCounters(totals: Totals, { counters }: WorkerSample): void {
  totals.opened += counters.sessionsOpened;
  totals.closed += counters.sessionsClosed;
  totals.refused += counters.handshakesRefused;
  totals.deliveries += counters.deliveries;
}

/**
 * The configuration without what is secret, and without the folders of the machine: a record is
 * handed on, and where its files lay says nothing of the run.
 */
function shownSettings(config: Config): Readonly<Record<string, unknown>> {
  const shown = Object.entries(config)
    .filter(([name]) => !fieldsByName.get(name)?.isSecret)
    .map(([name, value]) => {
      const isPath = fieldsByName.get(name)?.isPath && typeof value === 'string';
      return [name, isPath ? basename(value) : value] as const;
    });
  return Object.fromEntries(shown);
}
