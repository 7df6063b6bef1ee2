/**
 * The kernel's settings of a run: raised through `holdfast doctor`, and put back at its end.
 *
 * Where the doctor has raised settings before the run, they are what the operator wants of the
 * host: they stay, as does what the run has added to them.
 */

import { existsSync } from 'node:fs';
import { undo } from '../../src/host/doctor/apply.ts';
import { STATE_FILE } from '../../src/host/doctor/saved-state.ts';
import { HostFiles } from '../../src/host/machine/host-files.ts';
import type { Children } from '../measure/children.ts';
import { holdfast, runCommand } from './commands.ts';

export class Tuning {
  #isOurs = false;

  /** Its exit code is not asked for: it also says what is left to wish for, such as open files. */
  async apply(connections: number, children: Children, outputFile: string): Promise<void> {
    if (existsSync(STATE_FILE)) {
      console.error('An earlier "holdfast doctor --apply" stands, so settings are not put back.');
    } else {
      this.#isOurs = true;
    }
    const numbers = ['--connections', String(connections), '--with-fleet'];
    await runCommand(holdfast('doctor', ...numbers, '--apply'), children, { outputFile });
  }

  /**
   * In one go and in this process, so that no second Ctrl-C cuts it.
   * @returns whether settings are as they were
   */
  undo(): boolean {
    if (!this.#isOurs || !existsSync(STATE_FILE)) return true;
    this.#isOurs = false;
    const run = (command: readonly string[]): boolean => Bun.spawnSync([...command]).success;
    const changes = undo(new HostFiles(), run);
    const all = [...(changes?.settings ?? []), ...(changes?.files ?? [])];
    for (const { name, done } of all) console.error(`${name}: ${done}`);
    if (all.every(({ isDone }) => isDone)) return true;
    console.error('Not everything was put back: run "holdfast doctor --undo" as root.');
    return false;
  }
}
