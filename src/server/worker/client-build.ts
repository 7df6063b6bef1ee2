/**
 * The small client (`src/client/`) as one minified module, as pages load it from a node.
 *
 * It is built where it is asked for first, by a process of Bun that is gone after some ten
 * milliseconds. So a clone needs no step before its start, nothing can be older than its sources,
 * and a worker keeps only the bytes: the bundler in its own process would leave 5 MB behind. The
 * executable has no sources: it holds what this has built for it.
 */

import { devNull } from 'node:os';
import { CLOSED_FLAGS } from '../../host/foreign/bun-command.ts';

const ENTRY = new URL('../../client/index.ts', import.meta.url);
/** Where the executable has it; `scripts/build-binary.ts` puts it there. */
export const BUILT_CLIENT: URL = new URL('../../client/holdfast.js', import.meta.url);

const TIMEOUT_MS = 10_000;

/** @throws Error with what Bun complains of, such as a lack of processes */
export async function buildClient(): Promise<Uint8Array<ArrayBuffer>> {
  if (Bun.isStandaloneExecutable) return await Bun.file(BUILT_CLIENT).bytes();
  const flags = ['--minify', '--target=browser', `--tsconfig-override=${devNull}`];
  const build = [process.execPath, ...CLOSED_FLAGS, 'build', ...flags, Bun.fileURLToPath(ENTRY)];
  const child = Bun.spawn(build, {
    env: {},
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: TIMEOUT_MS,
  });
  const [bytes, complaint, code] = await Promise.all([
    child.stdout.bytes(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code === 0) return bytes;
  throw new Error(`the client for pages could not be built: ${complaint.trim()}`);
}
