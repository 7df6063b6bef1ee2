/**
 * `npm run million`: holds a million sessions on this machine, server and fleet together.
 *
 *     doctor --apply ─► server ─► fleet: climb, hold, broadcast, leave ─► report ─► doctor --undo
 *                          └── memory of every process: empty, held, after the broadcast, left
 *
 * Everything it starts ends with it, and the kernel's settings are put back, whatever happens. The
 * run is kept in one folder: the records of server and fleet, memory.json, summary.json, report.
 */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Children } from '../children.ts';
import { holdfast, runCommand } from './commands.ts';
import { compressRecords, FleetWatch } from './fleet-watch.ts';
import { type MemoryPhase, readMemory } from './memory.ts';
import { type MillionOptions, parseOptions } from './options.ts';
import { startServer, type TestedServer } from './servers.ts';
import { summarize, summaryText } from './summary.ts';

/** Rest of a started, still empty server before its memory is read. */
const SETTLE_MS = 5_000;
/** Rest after the last session left, for collectors and allocators. */
const LEFT_SETTLE_MS = 5_000;

const options = parseOptions(process.argv);
const children = new Children();
let isTuned = false;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void end(130));
}

try {
  await end(await run());
} catch (error) {
  console.error(`million: ${error instanceof Error ? error.message : String(error)}`);
  await end(1);
}

async function run(): Promise<number> {
  const startedAtMs = Date.now();
  if (existsSync(options.out)) throw new Error(`${options.out} exists: choose another --out.`);
  mkdirSync(options.out, { recursive: true });
  await tune(options);
  say(`starting the server: ${options.server}`);
  const server = await startServer(options, children);
  await Bun.sleep(SETTLE_MS);
  const memory: MemoryPhase[] = [readMemory('empty', server.processes())];

  const watch = new FleetWatch(options, server, children);
  say(`starting the fleet: ${options.connections} sessions, ${options.rate} a second at most`);
  const finished = watch.run();
  await watch.reached('hold');
  await Bun.sleep(Math.min(10_000, (options.hold * 1000) / 2));
  memory.push(readMemory('held', [...server.processes(), ...watch.agents()]));
  await watch.reached('leave');
  memory.push(readMemory('after the broadcast', [...server.processes(), ...watch.agents()]));
  const code = await finished;
  await Bun.sleep(LEFT_SETTLE_MS);
  memory.push(readMemory('left', server.processes()));
  writeFileSync(join(options.out, 'memory.json'), JSON.stringify(memory, undefined, 1));
  await server.stop();

  await finish(startedAtMs, server, memory);
  return code;
}

async function finish(
  startedAtMs: number,
  server: TestedServer,
  memory: readonly MemoryPhase[],
): Promise<void> {
  const summary = summarize(options, server, memory, startedAtMs);
  writeFileSync(join(options.out, 'summary.json'), `${JSON.stringify(summary, undefined, 2)}\n`);
  compressRecords(options.out);
  say('drawing the report');
  await runCommand(holdfast('report', options.out), children);
  console.log(summaryText(summary));
}

/** Kernel settings through the doctor; without root the run goes on with what there is. */
async function tune({ connections }: MillionOptions): Promise<void> {
  const doctor = holdfast('doctor', '--connections', String(connections), '--with-fleet');
  if (process.getuid?.() !== 0) {
    say('not root: kernel settings stay as they are; "holdfast doctor" says what they allow');
    return;
  }
  say('kernel settings through holdfast doctor --apply');
  isTuned = true;
  // Its exit code says that something is left to wish for, such as the open-file limit.
  await runCommand([...doctor, '--apply'], children, join(options.out, 'doctor.txt'));
}

async function end(code: number): Promise<never> {
  await children.stopAll();
  if (isTuned) {
    isTuned = false;
    await runCommand(holdfast('doctor', '--undo'), new Children());
  }
  process.exit(code);
}

function say(text: string): void {
  console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);
}
