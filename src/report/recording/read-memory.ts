/**
 * Reads what the memory of a run was, process by process, at a few moments: DIR/memory.json, which
 * `npm run million` writes beside the logs. No other run has it, and no report needs it.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readNamedFile } from '../../host/foreign/named-file.ts';
import { parsedOrNothing } from '../../host/foreign/parsed.ts';
import { kernelMemory, moment } from './read-schema.ts';
import type { KernelMemory } from './record.ts';

/** One reading of all processes. */
export interface MemoryReading {
  /** What the run had come to: `empty`, `held` and so on. */
  readonly phase: string;
  readonly atMs: number;
  readonly processes: readonly ProcessReading[];
  readonly kernel?: KernelMemory | undefined;
}

export interface ProcessReading {
  readonly role: 'worker' | 'controller' | 'agent';
  readonly pid: number;
  /** Resident memory; pages that several processes share count in each of them. */
  readonly rssBytes: number;
  /** The same with each shared page divided by the number of processes that share it. */
  readonly pssBytes: number;
  readonly anonymousBytes: number;
}

const processReading: z.ZodType<ProcessReading> = z.object({
  role: z.enum(['worker', 'controller', 'agent']),
  pid: z.number(),
  rssBytes: z.number(),
  pssBytes: z.number(),
  anonymousBytes: z.number(),
});

const readings: z.ZodType<readonly MemoryReading[]> = z.array(
  z.object({
    phase: z.string(),
    atMs: moment,
    processes: z.array(processReading),
    kernel: kernelMemory.optional(),
  }),
);

/**
 * @param notes gets a sentence when there is a file that cannot be read
 * @returns in the order of the file; nothing when there is none
 */
export function readMemory(folder: string, notes: string[]): readonly MemoryReading[] {
  const path = join(folder, 'memory.json');
  if (!existsSync(path)) return [];
  const found = readings.safeParse(jsonOf(path));
  if (found.success) return found.data;
  notes.push('memory.json could not be read and is left out.');
  return [];
}

function jsonOf(path: string): unknown {
  try {
    return parsedOrNothing(readNamedFile(path).toString('utf8'));
  } catch {
    // It cannot be read.
    return undefined;
  }
}
