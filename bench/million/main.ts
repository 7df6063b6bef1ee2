/**
 * `npm run million`: holds a million sessions on this machine, server and fleet together.
 *
 *     doctor --apply ─► run.ts, in a network namespace where one can be made ─► undo
 *
 * This process raises the kernel's settings and puts them back, whatever happens in between.
 */

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Children } from '../measure/children.ts';
import { runCommand } from './commands.ts';
import { Namespace } from './namespace.ts';
import { parseOptions } from './options.ts';
import { say } from './say.ts';
import { Tuning } from './tuning.ts';
import { INTERRUPTED, runUntilEnd } from './until-end.ts';

/** For the server and all agents to end in order. */
const RUN_STOP_TIMEOUT_MS = 120_000;

const options = parseOptions(process.argv);
const children = new Children();
const tuning = new Tuning();

let namespace: Namespace | undefined;

await runUntilEnd({ children, run: conduct, tidy });

/** @returns the exit code: 0 when all that the run is to show was shown */
async function conduct(isEnding: () => boolean): Promise<number> {
  const { out } = options;
  if (existsSync(out)) throw new Error(`${out} exists: choose another --out.`);
  mkdirSync(out, { recursive: true });
  await tune();
  if (isEnding()) return INTERRUPTED;
  // Where it is not named, its name holds the time, which is another one there.
  const isNamed = process.argv.some((word) => /^--out(=|$)/.test(word));
  const command = [
    ...[process.execPath, join(import.meta.dir, 'run.ts')],
    ...process.argv.slice(2),
    ...(isNamed ? [] : ['--out', out]),
  ];
  const stopTimeoutMs = RUN_STOP_TIMEOUT_MS;
  const made = Namespace.make(options.connections);
  if (typeof made === 'string') {
    say(`no network namespace for the run: ${made}`);
    return await runCommand(command, children, { stopTimeoutMs });
  }
  namespace = made;
  const { prefix, env } = made;
  say(`in a network namespace; from another shell: ${prefix.join(' ')} npx holdfast fleet status`);
  return await runCommand([...prefix, ...command], children, { env, stopTimeoutMs });
}

/** @returns whether all is as it was */
function tidy(): boolean {
  namespace?.remove();
  return tuning.undo();
}

/** Kernel settings through the doctor; without root the run goes on with what there is. */
async function tune(): Promise<void> {
  if (process.getuid?.() !== 0) {
    say('not root: kernel settings stay as they are; "holdfast doctor" says what they allow');
    return;
  }
  say('kernel settings through holdfast doctor --apply');
  await tuning.apply(options.connections, children, join(options.out, 'doctor.txt'));
}
