/** Runs the work of a process so that nothing it started outlives it, whatever ends it. */

import type { Children } from '../measure/children.ts';

export interface Work {
  readonly children: Children;
  /**
   * @param isEnding whether a signal has come: nothing more is to be begun then
   * @returns the exit code
   */
  run(isEnding: () => boolean): Promise<number>;
  /** Called last. @returns false when something is left behind, which is a failure */
  tidy?(): boolean;
}

/** As a shell has it for a command that Ctrl-C ended. */
export const INTERRUPTED = 130;

/** Ends the process with the code of the work, or that of a failure or a signal. */
export async function runUntilEnd(work: Work): Promise<never> {
  let ending: Promise<never> | undefined;
  const end = (code: number): Promise<never> => {
    ending ??= (async () => {
      await work.children.stopAll();
      process.exit(work.tidy?.() === false ? 1 : code);
    })();
    return ending;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void end(INTERRUPTED));
  }
  try {
    return await end(await work.run(() => ending !== undefined));
  } catch (error) {
    // When a signal ends the work, what it was waiting for fails as well.
    if (ending === undefined) {
      console.error(`million: ${error instanceof Error ? error.message : String(error)}`);
    }
    return await end(1);
  }
}
