/**
 * The run itself, once the kernel is ready for it.
 *
 *     server ─► fleet (climb, hold, broadcast, leave) ─► report
 *        └─ memory of every process: empty, held, after, left
 *
 * Everything it starts ends with it. The run is kept in one folder: the records of server and
 * fleet, memory.json, summary.json, report.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Children } from '../measure/children.ts';
import { holdfast, runCommand } from './commands.ts';
import { compressRecords, FleetWatch } from './fleet-watch.ts';
import { type MemoryPhase, readMemory } from './memory.ts';
import { furnishNamespace } from './namespace.ts';
import { parseOptions } from './options.ts';
import { say } from './say.ts';
import { startServer, type TestedServer } from './servers.ts';
import { summarize, summaryText } from './summary.ts';
import { runUntilEnd } from './until-end.ts';

/** Rest of a started, still empty server before its memory is read. */
const SETTLE_MS = 5_000;
/** Memory is read this far into the hold, when collectors have done their work. */
const HELD_MS = 10_000;
/** Rest after the last session left, for collectors and allocators. */
const LEFT_SETTLE_MS = 5_000;

const options = parseOptions(process.argv);
const children = new Children();

await runUntilEnd({ children, run });

/** @returns the exit code: 0 when all that the run is to show was shown */
async function run(): Promise<number> {
  const startedAtMs = Date.now();
  furnishNamespace();
  say(`starting the server: ${options.server}`);
  const server = await startServer(options, children);
  await Bun.sleep(SETTLE_MS);
  const memory = new MemoryLog(options.out);
  memory.add(readMemory('empty', await server.processes()));

  const watch = new FleetWatch(options, server, children);
  const { connections, protocol, rate } = options;
  say(`starting the fleet: ${connections} sessions of ${protocol}, ${rate} a second at most`);
  const finished = watch.run();
  if (await watch.reached('hold')) {
    await Bun.sleep(Math.min(HELD_MS, (options.hold * 1000) / 2));
    memory.add(readMemory('held', [...(await server.processes()), ...watch.agents()]));
  }
  if (await watch.reached('leave')) {
    const processes = [...(await server.processes()), ...watch.agents()];
    memory.add(readMemory('after the broadcast', processes));
  }
  await finished;
  await Bun.sleep(LEFT_SETTLE_MS);
  memory.add(readMemory('left', await server.processes()));
  await server.stop();
  return await finish(startedAtMs, server, memory.phases);
}

async function finish(
  startedAtMs: number,
  server: TestedServer,
  memory: readonly MemoryPhase[],
): Promise<number> {
  const seconds = Math.round((Date.now() - startedAtMs) / 1000);
  const summary = summarize(options, server.hasRecord, memory, seconds);
  writeFileSync(join(options.out, 'summary.json'), `${JSON.stringify(summary, undefined, 2)}\n`);
  compressRecords(options.out);
  say('drawing the report');
  const drawn = await runCommand(holdfast('report', options.out), children);
  console.log(summaryText(summary));
  return drawn === 0 && summary.verdict === 'passed' ? 0 : 1;
}

/** Kept after each reading, so that a run that ends early has what there was. */
class MemoryLog {
  readonly phases: MemoryPhase[] = [];
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, 'memory.json');
  }

  add(phase: MemoryPhase): void {
    this.phases.push(phase);
    writeFileSync(this.#path, JSON.stringify(this.phases, undefined, 1));
  }
}
