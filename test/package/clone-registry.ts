/**
 * A package registry on loopback that has what the lockfile of this clone names, from the clone's
 * own `node_modules`: `npm install` of the packed package runs for real, needs no network, and gets
 * the versions that were tested.
 *
 * Only the binary of Bun is a stand-in, since copying its hundred megabytes around takes longer
 * than all the rest: a script that runs the Bun of the clone.
 */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/holdfast-process.ts';

/** What a registry says of one version. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

interface Published {
  readonly manifest: Manifest;
  /** Where it is installed; undefined for what belongs to other platforms. */
  readonly folder: string | undefined;
}

/** What `bun` has in place of a binary until its install script has run. */
const NO_BINARY = '#!/bin/sh\necho "The postinstall script of Bun was not run." >&2\nexit 1\n';

/** As large as `bin/holdfast.js` takes for a binary. */
const BINARY = `#!/bin/sh\nexec '${process.execPath}' "$@"\n${'#'.repeat(1024 * 1024)}\n`;

export class CloneRegistry implements AsyncDisposable {
  readonly #published: readonly Published[] = readPublished();
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-registry-'));
  readonly #server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => this.#answer(new URL(request.url)),
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #answer({ pathname, searchParams }: URL): Response {
    const name = decodeURIComponent(pathname.slice(1));
    const versions = this.#published.filter(({ manifest }) => manifest.name === name);
    const [first] = versions;
    if (first === undefined) return new Response('no such package', { status: 404 });
    const wanted = searchParams.get('tarball');
    if (wanted !== null) {
      const one = versions.find(({ manifest }) => manifest.version === wanted);
      return one?.folder === undefined
        ? new Response('no such version', { status: 404 })
        : new Response(this.#tarball(one.manifest, one.folder));
    }
    const documents = versions.map(({ manifest }) => {
      const tarball = `${this.url}${encodeURIComponent(name)}?tarball=${manifest.version}`;
      return [manifest.version, { ...manifest, dist: { tarball } }] as const;
    });
    return Response.json({
      name,
      'dist-tags': { latest: first.manifest.version },
      versions: Object.fromEntries(documents),
    });
  }

  #tarball(manifest: Manifest, installed: string): ReadableStream<Uint8Array> {
    const folder = this.#asPublished(manifest, installed);
    // Not compressed: npm takes it either way.
    const names = ['--transform', 's,^[.],package,', '--exclude', './node_modules'];
    const tar = ['tar', '--create', ...names, '--directory', folder, '.'];
    return Bun.spawn(tar, { stdout: 'pipe', stderr: 'inherit' }).stdout;
  }

  /** Bun's install script moves its binary from the package of the platform: this undoes it. */
  #asPublished({ name }: Manifest, installed: string): string {
    const isPlatform = name.startsWith('@oven/bun-');
    if (name !== 'bun' && !isPlatform) return installed;
    const folder = join(this.#folder, name);
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const texts = ['package.json', 'install.js'].filter((file) =>
      existsSync(join(installed, file)),
    );
    for (const file of texts) copyFileSync(join(installed, file), join(folder, file));
    const programs = isPlatform ? ['bun'] : ['bun.exe', 'bunx.exe'];
    for (const file of programs) {
      writeFileSync(join(folder, 'bin', file), isPlatform ? BINARY : NO_BINARY, { mode: 0o755 });
    }
    return folder;
  }
}

function readPublished(): readonly Published[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  return Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, locked]) => {
      const folder = join(ROOT, path);
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return existsSync(join(folder, 'package.json'))
        ? { manifest: readManifest(folder), folder }
        : { manifest: { ...locked, name, version: String(locked['version']) }, folder: undefined };
    });
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}
