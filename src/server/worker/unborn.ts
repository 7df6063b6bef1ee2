/**
 * A worker that takes no sessions yet ends with its controller.
 *
 * One that serves goes on alone when its controller is gone, and looks for that itself. One that
 * still loads its app may stand in a loop that never ends, where nothing of ours is called any
 * more, and the watch that would kill it is gone as well. So the kernel is asked to. It is told
 * here by the process itself, since a flag of Bun that does the like (`--no-orphans`) cannot be
 * taken back once the worker serves. That costs a worker 0.1 MB of its own, and 1 MB of pages that
 * all of them share.
 */

import { openCLibrary } from './door/c-library.ts';

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const NONE = 0;

/**
 * Does nothing where there is no such call: there only a worker whose loop stands is left over.
 *
 * @returns takes it back: the worker serves
 */
export async function endWithController(): Promise<() => void> {
  const library = await openCLibrary({
    // Variadic: what is not given is not read for this one.
    prctl: { args: ['i32', 'u64'], returns: 'i32' },
  });
  library?.symbols.prctl(PR_SET_PDEATHSIG, SIGKILL);
  return () => {
    library?.symbols.prctl(PR_SET_PDEATHSIG, NONE);
    library?.close();
  };
}
