/**
 * Reads what `holdfast start` and `holdfast fleet run` have recorded of a run: DIR/server.jsonl and
 * DIR/fleet.jsonl, either of which may be missing or compressed (`.jsonl.gz`); and DIR/memory.json,
 * where there is one.
 *
 * A line that cannot be read costs that line and no more; what was left out is said in `notes`.
 * Nothing is ever written here.
 */

import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { RecordingError } from './read-error.ts';
import { type Line, type Lines, readLines } from './read-lines.ts';
import { type MemoryReading, readMemory } from './read-memory.ts';
import {
  fleetEvent,
  fleetHeader,
  fleetSample,
  fleetVerdict,
  serverHeader,
  serverSample,
} from './read-schema.ts';
import {
  type FleetEvent,
  type FleetHeader,
  type FleetSample,
  type FleetVerdict,
  RECORD_VERSION,
  type ServerHeader,
  type ServerSample,
} from './record.ts';

/** At least one of the two logs, each with at least one sample, each later than the one before. */
export interface Recording {
  readonly path: string;
  readonly server?: ServerLog | undefined;
  readonly fleet?: FleetLog | undefined;
  /** Memory process by process; of most runs there is none. */
  readonly memory: readonly MemoryReading[];
  /** What was left out and what is missing, one sentence each. */
  readonly notes: readonly string[];
}

export interface ServerLog {
  readonly header: ServerHeader;
  readonly samples: readonly ServerSample[];
}

export interface FleetLog {
  readonly header: FleetHeader;
  readonly samples: readonly FleetSample[];
  readonly events: readonly FleetEvent[];
  /** Absent when the run did not come to its end. */
  readonly verdict?: FleetVerdict | undefined;
}

/** @throws RecordingError when there is nothing in the folder to report on */
export function readRecording(folder: string): Recording {
  requireFolder(folder);
  const notes: string[] = [];
  const serverFile = readLines(join(folder, 'server.jsonl'));
  const fleetFile = readLines(join(folder, 'fleet.jsonl'));
  if (serverFile === undefined && fleetFile === undefined) {
    throw new RecordingError(
      `${folder} holds neither server.jsonl nor fleet.jsonl; name the folder of a recorded run.`,
    );
  }
  const server = serverFile && readServer(serverFile, notes);
  const fleet = fleetFile && readFleet(fleetFile, notes);
  if (server === undefined && fleet === undefined) {
    const names = [serverFile, fleetFile].flatMap((file) => file?.path ?? []);
    const what = names.length === 1 ? 'is empty' : 'are empty';
    throw new RecordingError(
      `${names.join(' and ')} ${what}: not one sample was recorded; record the run again.`,
    );
  }
  if (serverFile === undefined) notes.push('There is no log of the server (server.jsonl).');
  if (fleetFile === undefined) notes.push('There is no log of the fleet (fleet.jsonl).');
  return { path: folder, server, fleet, memory: readMemory(folder, notes), notes };
}

function requireFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new RecordingError(`${folder} is not a folder; name the one that holds a recorded run.`);
}

/** @returns undefined when the file has no sample */
function readServer(file: Lines, notes: string[]): ServerLog | undefined {
  const log = new LogReader(file, notes);
  const header = log.header('server', serverHeader);
  const samples = log.samples('server-sample', serverSample);
  log.finish(samples.length);
  return header && samples.length > 0 ? { header, samples } : undefined;
}

function readFleet(file: Lines, notes: string[]): FleetLog | undefined {
  const log = new LogReader(file, notes);
  const header = log.header('fleet', fleetHeader);
  const samples = log.samples('fleet-sample', fleetSample);
  const events = log.all('fleet-event', fleetEvent);
  const verdict = log.all('fleet-verdict', fleetVerdict).at(-1);
  log.finish(samples.length);
  if (header === undefined || samples.length === 0) return undefined;
  if (verdict === undefined) {
    notes.push(`${log.name} has no verdict: the run was ended before its end.`);
  }
  return { header, samples, events, verdict };
}

/** Takes the lines of one file by kind, and counts those that nobody took. */
class LogReader {
  readonly name: string;
  readonly #file: Lines;
  readonly #notes: string[];
  readonly #read: Set<number> = new Set();

  constructor(file: Lines, notes: string[]) {
    this.name = basename(file.path);
    this.#file = file;
    this.#notes = notes;
  }

  /**
   * @returns undefined when the file has no line at all
   * @throws RecordingError when the first line is no header, or one of a newer version
   */
  header<T>(record: string, schema: z.ZodType<T>): T | undefined {
    const [first] = this.#file.lines;
    if (first === undefined) return undefined;
    const version = kindOf(first) === record ? (first.value as { version: unknown }).version : 0;
    if (typeof version === 'number' && version > RECORD_VERSION) {
      throw new RecordingError(
        `${this.#file.path} has version ${version} of the records and this Holdfast knows ` +
          `${RECORD_VERSION}; use the Holdfast that wrote it.`,
      );
    }
    const header = schema.safeParse(first.value);
    if (!header.success) {
      throw new RecordingError(
        `${this.#file.path} does not begin with the header of a ${record} log; ` +
          'put its first line back, or move the file away to report without it.',
      );
    }
    this.#read.add(first.number);
    return header.data;
  }

  /**
   * Only samples that are later than the one before. A clock that was set back makes the time
   * between two samples too short, or less than nothing, and rates over it would be made up.
   */
  samples<T extends { readonly atMs: number }>(record: string, schema: z.ZodType<T>): readonly T[] {
    const all = this.all(record, schema);
    let latest = Number.NEGATIVE_INFINITY;
    const kept = all.filter(({ atMs }) => {
      if (atMs <= latest) return false;
      latest = atMs;
      return true;
    });
    const left = all.length - kept.length;
    if (left > 0) {
      const samples = left === 1 ? '1 sample' : `${left} samples`;
      this.#notes.push(
        `The clock of ${this.name} was set back: ${samples} not later than those before ` +
          `${left === 1 ? 'is' : 'are'} left out.`,
      );
    }
    return kept;
  }

  /** In the order of the file. */
  all<T>(record: string, schema: z.ZodType<T>): readonly T[] {
    const found: T[] = [];
    for (const line of this.#file.lines) {
      if (kindOf(line) !== record) continue;
      const parsed = schema.safeParse(line.value);
      if (!parsed.success) continue;
      found.push(parsed.data);
      this.#read.add(line.number);
    }
    return found;
  }

  finish(samples: number): void {
    const unread = this.#file.lines.filter(({ number }) => !this.#read.has(number));
    const [first] = unread;
    if (first !== undefined) {
      this.#notes.push(
        unread.length === 1
          ? `Line ${first.number} of ${this.name} could not be read and is left out.`
          : `${unread.length} lines of ${this.name} could not be read and are left out; ` +
              `the first is line ${first.number}.`,
      );
    }
    if (samples === 0) this.#notes.push(`${this.name} has no samples and is left out.`);
    else if (this.#file.isCutOff) {
      this.#notes.push(`${this.name} ends within a line, which is left out.`);
    }
  }
}

function kindOf({ value }: Line): unknown {
  return typeof value === 'object' && value !== null && 'record' in value
    ? value.record
    : undefined;
}
