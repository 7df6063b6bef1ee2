/**
 * Clients that pages load from the server itself: the small one, and the builds of Socket.IO's,
 * under the names that they have with Socket.IO's own server, and the source maps that those name.
 */

import { ServedFiles } from '../core/app/served-files.ts';

const SMALL_CLIENT = '/holdfast.js';

/** What builds it is loaded by workers that are asked for it. */
const smallClient = async (): Promise<Uint8Array<ArrayBuffer>> =>
  await (await import('./client-build.ts')).buildClient();

const BUILDS = [
  'socket.io.js',
  'socket.io.min.js',
  'socket.io.esm.min.js',
  'socket.io.msgpack.min.js',
] as const;

/** The builds and their maps, as the package has them in `dist/`. */
export const SOCKET_IO_BUILDS: readonly string[] = BUILDS.flatMap((build) => [
  build,
  `${build}.map`,
]);

const HEADERS = {
  'cache-control': 'public, max-age=3600',
  // Pages of other origins load them too: a module script needs the first, an isolated page both.
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
};

/** @param path where Socket.IO clients connect, `/socket.io/` */
export function clientFiles(path: string): ServedFiles {
  // The package exports not all of them under a name, so they are found beside its description.
  const description = import.meta.resolve('socket.io-client/package.json');
  const files = SOCKET_IO_BUILDS.map((name) => {
    return [`${path}${name}`, Bun.fileURLToPath(new URL(`dist/${name}`, description))];
  });
  const all = { ...Object.fromEntries(files), [SMALL_CLIENT]: smallClient };
  return new ServedFiles(all, { headers: HEADERS });
}
