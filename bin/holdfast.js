#!/usr/bin/env node
/**
 * The launcher: finds the Bun that npm installed for this package and runs `src/cli/main.ts` on it.
 *
 * It is the only file that Node.js runs, so it is plain JavaScript. The launcher stays as the
 * parent: it passes on whatever asks the command to stop, asks it itself when npm is gone, and ends
 * the way the command ended.
 */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, devNull } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = new URL('../src/cli/main.ts', import.meta.url);

/** Until Bun's install script has run, `bun.exe` is a stub of a few hundred bytes. */
const STUB_MAX_BYTES = 1024 * 1024;

/** Asks to stop; a terminal that is closed sends SIGHUP. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/** Ask for nothing. The first opens a debugger in Node.js; both end whoever does not listen. */
const IDLE_SIGNALS = ['SIGUSR1', 'SIGUSR2'];

const PARENT_CHECK_MS = 250;

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
  // The command asks itself to stop when the launcher that is named here is killed.
  const env = { ...process.env, HOLDFAST_LAUNCHER: String(process.pid) };
  const child = spawn(bun, args, { stdio: 'inherit', env });
  // A terminal sends Ctrl-C to the whole process group, so the child may see a signal twice.
  for (const signal of STOP_SIGNALS) process.on(signal, () => child.kill(signal));
  for (const signal of IDLE_SIGNALS) process.on(signal, () => {});
  if (process.env.npm_command !== undefined) whenOrphaned(() => child.kill('SIGTERM'));
  child.on('error', (error) => {
    console.error(`holdfast: ${bun} does not start (${error.message}); run \`npm install\` again.`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    // The first process of a container is not ended by its own signal.
    process.exitCode = 128 + (constants.signals[signal] ?? 0);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    process.exit();
  });
}

/**
 * npm starts commands through a shell, which does not pass on the signal that ends it. What is left
 * then would hold its ports, and nobody would know whom to stop.
 */
function whenOrphaned(stop) {
  const before = parents();
  const timer = setInterval(() => {
    if (parents() === before) return;
    clearInterval(timer);
    stop();
  }, PARENT_CHECK_MS);
}

/** The parent, and whose child that is if it is only the shell between npm and this process. */
function parents() {
  const parent = process.ppid;
  try {
    const isShell = /^[^\0]*sh\0-c\0/.test(readFileSync(`/proc/${parent}/cmdline`, 'utf8'));
    if (!isShell) return `${parent}`;
    const [, npm] = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${parent}/status`, 'utf8')) ?? [];
    return `${parent} ${npm}`;
  } catch {
    return `${parent}`;
  }
}
