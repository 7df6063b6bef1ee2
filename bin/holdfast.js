#!/usr/bin/env node
/**
 * The launcher: finds the Bun that npm installed for this package and runs `src/cli/main.ts` on it.
 *
 * It is the only file that Node.js runs, so it is plain JavaScript. The launcher stays as the
 * parent: it passes SIGINT and SIGTERM on and ends the way the command ended.
 */

import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { devNull } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = new URL('../src/cli/main.ts', import.meta.url);

/** Until Bun's install script has run, `bun.exe` is a stub of a few hundred bytes. */
const STUB_MAX_BYTES = 1024 * 1024;

/**
 * Nothing of the folder that the command is typed in: its `bunfig.toml` and `tsconfig.json` could
 * run code and its `.env` set our variables. `src/host/foreign/bun-command.ts` does the same for
 * workers and agents.
 */
const CLOSED_FLAGS = [`--config=${devNull}`, '--no-env-file', `--tsconfig-override=${devNull}`];

const bun = process.versions.bun ? process.execPath : findBun();
if (bun === undefined) {
  console.error(
    'holdfast: its Bun runtime is not installed; run `npm install` again, optional packages too.',
  );
  process.exit(1);
}
run(bun, [...CLOSED_FLAGS, fileURLToPath(MAIN), ...process.argv.slice(2)]);

/** The path of a Bun that can be run, wherever npm has put (or hoisted) the packages. */
function findBun() {
  const manifest = resolveFrom(import.meta.url, 'bun/package.json');
  if (manifest === undefined) return undefined;
  const installed = join(dirname(manifest), 'bin', 'bun.exe');
  return [installed, ...platformBinaries(manifest)].find(isBinary);
}

/** Where npm leaves the binary of this platform when install scripts are switched off. */
function platformBinaries(bunManifest) {
  const { optionalDependencies = {} } = createRequire(bunManifest)(bunManifest);
  return Object.keys(optionalDependencies).flatMap((name) => {
    const manifest = resolveFrom(bunManifest, `${name}/package.json`);
    if (manifest === undefined) return [];
    const folder = join(dirname(manifest), 'bin');
    return [join(folder, 'bun'), join(folder, 'bun.exe')];
  });
}

function resolveFrom(origin, specifier) {
  try {
    return createRequire(origin).resolve(specifier);
  } catch {
    return undefined;
  }
}

function isBinary(path) {
  return existsSync(path) && statSync(path).size > STUB_MAX_BYTES;
}

function run(bun, args) {
  const child = spawn(bun, args, { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the whole process group, so the child may see a signal twice.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`holdfast: ${bun} does not start (${error.message}); run \`npm install\` again.`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
