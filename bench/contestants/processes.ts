/**
 * What contestants that are programs of their own need: a port that is free, an answer to wait
 * for, the processes under a process.
 */

import type { Child } from '../measure/children.ts';
import { hasEnded } from '../measure/children.ts';
import { START_TIMEOUT_MS } from '../measure/limits.ts';

export { childPids } from '../measure/process-tree.ts';

const READY_POLL_MS = 50;
/** A program that takes a request and never answers it must not hold up the waiting for it. */
const REQUEST_TIMEOUT_MS = 2_000;

/** A port that was free a moment ago, for programs that cannot take port 0 and say which it is. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: '0.0.0.0', port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/**
 * Waits until `url` answers 200.
 * @param saidBefore where the program wrote why it ended; completes "… ended before it was ready;"
 * @throws Error when the program ends first or takes over `START_TIMEOUT_MS`
 */
export async function answers(
  url: string,
  child: Child,
  program: string,
  saidBefore: () => string,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (hasEnded(child)) throw new Error(`${program} ended before it was ready; ${saidBefore()}`);
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const response = await fetch(url, { signal }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200) return;
    await Bun.sleep(READY_POLL_MS);
  }
  throw new Error(`${program} was not ready in ${START_TIMEOUT_MS} ms`);
}
