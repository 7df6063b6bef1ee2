/**
 * One log file as lines of JSON, whatever state it is in: plain or compressed, cut off at its end,
 * with lines in its middle that are no JSON. What a line means is not known here.
 */

import { existsSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { readNamedFile, whyUnread } from '../../host/foreign/named-file.ts';
import { foreignJson, parsedOrNothing } from '../../host/foreign/parsed.ts';
import { RecordingError } from './read-error.ts';

export interface Lines {
  /** The file that was read; with `.gz` at its end when it was compressed. */
  readonly path: string;
  readonly lines: readonly Line[];
  /** The file ends within a line: it was being written when the process ended. */
  readonly isCutOff: boolean;
}

export interface Line {
  /** From 1 on. */
  readonly number: number;
  /** Undefined when the line is no JSON, or such as would take the reader seconds. */
  readonly value: unknown;
}

const NEWLINE = 10;

/**
 * Reads `path`, or else `path.gz`. Empty lines are left out.
 * @returns undefined when there is neither
 * @throws RecordingError when the file cannot be read or unpacked
 */
export function readLines(path: string): Lines | undefined {
  const found = [path, `${path}.gz`].find((candidate) => existsSync(candidate));
  if (found === undefined) return undefined;
  const { bytes, isShort } = readBytes(found);
  const lines: Line[] = [];
  const json = foreignJson();
  let isCutOff = isShort;
  let number = 1;
  for (let start = 0; start < bytes.length; number++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const text = bytes.toString('utf8', start, end).trim();
    start = end + 1;
    if (text === '') continue;
    const value = parsedOrNothing(text, json);
    // A last line that is whole but for its newline is as good as any other.
    if (newline === -1 && value === undefined) isCutOff = true;
    else lines.push({ number, value });
  }
  return { path: found, lines, isCutOff };
}

function readBytes(path: string): { bytes: Buffer; isShort: boolean } {
  let bytes: Buffer;
  try {
    bytes = readNamedFile(path);
  } catch (error) {
    const why = whyUnread(error);
    throw new RecordingError(`${path} cannot be read (${why}); check what it is and who may.`);
  }
  if (!path.endsWith('.gz')) return { bytes, isShort: false };
  try {
    return { bytes: gunzipSync(bytes), isShort: false };
  } catch {
    return { bytes: gunzipWhatIsThere(path, bytes), isShort: true };
  }
}

function gunzipWhatIsThere(path: string, bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    throw new RecordingError(`${path} is not compressed with gzip; unpack it or name it .jsonl.`);
  }
}
