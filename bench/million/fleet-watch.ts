/**
 * Runs the fleet and follows the records it writes, so that memory can be read at the right
 * moments: the file says more, and more reliably, than a terminal's progress.
 */

import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'bun';
import type { FleetPhase, FleetRecord } from '../../src/report/recording/record.ts';
import { childPids } from '../contestants/processes.ts';
import { type Child, type Children, hasEnded } from '../measure/children.ts';
import { holdfast } from './commands.ts';
import type { KnownProcess } from './memory.ts';
import type { MillionOptions } from './options.ts';
import type { TestedServer } from './servers.ts';

const POLL_MS = 500;
/** Several samples of 53 agents. */
const TAIL_BYTES = 65_536;
const PHASES: readonly FleetPhase[] = ['climb', 'hold', 'leave', 'done'];

export class FleetWatch {
  readonly #options: MillionOptions;
  readonly #server: TestedServer;
  readonly #children: Children;
  #child: Child | undefined;

  constructor(options: MillionOptions, server: TestedServer, children: Children) {
    this.#options = options;
    this.#server = server;
    this.#children = children;
  }

  /** @returns the fleet's exit code, 0 when its verdict is that the run passed */
  async run(): Promise<number> {
    const { connections, rate, hold, churn, out, protocol } = this.#options;
    const child = this.#children.add(
      Bun.spawn(
        [
          ...holdfast('fleet', 'run', ...this.#server.fleetArguments),
          ...['--protocol', protocol],
          ...['--connections', String(connections), '--rate', String(rate)],
          ...['--hold', String(hold), '--broadcasts', '1', '--out', out],
          ...(churn > 0 ? ['--churn', String(churn)] : []),
        ],
        { stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' },
      ),
    );
    this.#child = child;
    return await child.exited;
  }

  /** Waits for a phase. @returns false when the fleet ended, or left, without it */
  async reached(phase: FleetPhase): Promise<boolean> {
    const wanted = PHASES.indexOf(phase);
    for (;;) {
      await Bun.sleep(POLL_MS);
      if (this.#child !== undefined && hasEnded(this.#child)) return false;
      const current = PHASES.indexOf(lastPhase(this.#options.out));
      if (current >= wanted) return current === wanted;
    }
  }

  /** The agents' processes, which the coordinator has started. */
  agents(): readonly KnownProcess[] {
    if (this.#child === undefined || hasEnded(this.#child)) return [];
    return childPids(this.#child.pid).map((pid) => ({ role: 'agent', pid }));
  }
}

/** Packs the records for keeping; the report reads them as well. */
export function compressRecords(folder: string): void {
  for (const name of ['server.jsonl', 'fleet.jsonl']) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
    rmSync(path);
  }
}

function lastPhase(folder: string): FleetPhase {
  const path = join(folder, 'fleet.jsonl');
  if (!existsSync(path)) return 'climb';
  const size = statSync(path).size;
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  const file = openSync(path, 'r');
  readSync(file, tail, 0, tail.length, size - tail.length);
  closeSync(file);
  for (const line of tail.toString().trimEnd().split('\n').reverse()) {
    const record = parsed(line);
    if (record?.record === 'fleet-sample') return record.phase;
  }
  return 'climb';
}

/** The first line of a tail is cut, the last may be half written. */
function parsed(line: string): FleetRecord | undefined {
  try {
    return JSON.parse(line) as FleetRecord;
  } catch {
    return undefined;
  }
}
