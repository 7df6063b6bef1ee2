/**
 * `npm run build:binary [-- FILE]`: all of Holdfast as one executable, for machines that have no
 * Node.js, no Bun and no packages. It goes to `build/holdfast` where no file is named.
 *
 *     sources, packages → one bundle, cut where modules are loaded late → bytecode ┐
 *     pages, clients for pages → as they are                                       ┴→ into Bun
 *
 * Modules find files beside themselves by `import.meta`. A bundle has no such places, but an
 * executable has files of its own, so those are laid out in it as they lie in the repository, and
 * each `import.meta` becomes the place that its module would have there. What runs from source
 * needs nothing for all that.
 */

import { mkdirSync } from 'node:fs';
import { devNull } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { BUILT_CLIENT, buildClient } from '../src/server/worker/client-build.ts';
import { SOCKET_IO_BUILDS } from '../src/server/worker/client-files.ts';

const ROOT = join(import.meta.dirname, '..');
/** Where an executable of Bun has its own files. */
const EMBEDDED_ROOT = '/$bunfs/root';
const MAIN = join(ROOT, 'src/cli/main.ts');
/** Loaded by its path as any app file, and nothing imports it. */
const DEMO = join(ROOT, 'src/pages/demo/app.ts');
/** A module that is only here: it imports the files, which is what embeds them. */
const FILE_LIST = join(ROOT, 'embedded-files.ts');
const PACKAGES = 'node_modules';

/** @returns the path of the executable */
async function buildBinary(outfile: string): Promise<string> {
  mkdirSync(dirname(outfile), { recursive: true });
  const client = Bun.fileURLToPath(BUILT_CLIENT);
  await Bun.build({
    entrypoints: [MAIN, DEMO, FILE_LIST],
    files: {
      [client]: await buildClient(),
      [FILE_LIST]: importsOf([client, ...pageFiles(), ...socketIoBuilds()]),
    },
    root: ROOT,
    naming: { asset: '[dir]/[name].[ext]' },
    target: 'bun',
    format: 'esm',
    // A worker loads a part of the whole, and must not pay for the rest.
    splitting: true,
    // Names are kept: logs and profiles have them.
    minify: { whitespace: true, syntax: true, identifiers: false },
    sourcemap: 'linked',
    bytecode: true,
    plugins: [{ name: 'places in the executable', setup: keepPlaces }],
    // Native code, which a report does without.
    external: ['@resvg/resvg-js'],
    compile: {
      outfile,
      // Nothing of the folder that it is started in; `ownCommand` names an app's tsconfig.json.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadPackageJson: false,
      autoloadTsconfig: true,
      execArgv: [`--tsconfig-override=${devNull}`],
    },
  });
  return outfile;
}

/** What lies among the sources and is no source: pages, styles, scripts of pages, pictures. */
function pageFiles(): readonly string[] {
  const all = [...new Bun.Glob('src/**/*').scanSync(ROOT)].toSorted();
  return all.filter((file) => !file.endsWith('.ts')).map((file) => join(ROOT, file));
}

function socketIoBuilds(): readonly string[] {
  const folder = join(ROOT, PACKAGES, 'socket.io-client/dist');
  return SOCKET_IO_BUILDS.map((name) => join(folder, name));
}

function importsOf(files: readonly string[]): string {
  const names = files.map((_, index) => `file${index}`);
  const lines = files.map(
    (file, index) => `import ${names[index]} from ${JSON.stringify(file)} with { type: 'file' };`,
  );
  return `${lines.join('\n')}\nexport const files = [${names.join()}];\n`;
}

function keepPlaces(build: Bun.PluginBuilder): void {
  build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => ({
    contents: withPlaces(await Bun.file(path).text(), relative(ROOT, path)),
    loader: 'ts',
  }));
}

/** @throws Error for what the executable has no place for */
function withPlaces(text: string, module: string): string {
  const place = join(EMBEDDED_ROOT, module);
  const literal = (value: string) => () => JSON.stringify(value);
  const changed = text
    .replaceAll(/\bimport\.meta\.url\b/g, literal(urlOf(place)))
    .replaceAll(/\bimport\.meta\.dirname\b/g, literal(dirname(place)))
    .replaceAll(/\bimport\.meta\.resolve\('([^']+)'\)/g, (_whole, name: string) =>
      JSON.stringify(urlOf(join(EMBEDDED_ROOT, PACKAGES, name))),
    );
  if (!/\bimport\.meta\b/.test(changed)) return changed;
  throw new Error(`${module} has an import.meta of which scripts/build-binary.ts knows nothing`);
}

function urlOf(path: string): string {
  return Bun.pathToFileURL(path).href;
}

if (import.meta.main) {
  const file = await buildBinary(resolve(process.argv[2] ?? join(ROOT, 'build', 'holdfast')));
  const megabytes = (Bun.file(file).size / 1_000_000).toFixed(0);
  console.log(`Wrote ${relative(process.cwd(), file)}, ${megabytes} MB.`);
}
