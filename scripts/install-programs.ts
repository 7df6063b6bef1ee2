/**
 * Installs the programs that test files ask for through `test/support/requires.ts`.
 *
 * Only as root and where there is `apt-get`: a container or a CI machine. Anywhere else, and when
 * the installation fails, one line says what is missing and the tests that need it skip themselves.
 */

import { readFileSync } from 'node:fs';
import { PROGRAMS, type ProgramName, requirement } from '../test/support/requires.ts';

/** Another installation on the machine, such as an unattended upgrade, may hold apt's lock. */
const APT_LOCK_TIMEOUT_SECONDS = 120;

/** Chromium and what it depends on is 120 MB to download; a slow mirror must not hang a CI job. */
const APT_TIMEOUT_MS = 10 * 60_000;

export function installPrograms(testFiles: readonly string[]): void {
  const missing = neededPrograms(testFiles).filter((name) => !requirement(name).available);
  if (missing.length === 0) return;
  if (canInstall()) {
    apt('update');
    for (const name of missing) {
      apt('install', '-y', '--no-install-recommends', PROGRAMS[name].package);
    }
  }
  for (const { available, reason } of missing.map(requirement)) {
    if (!available) console.log(`Tests are skipped: ${reason}`);
  }
}

function neededPrograms(testFiles: readonly string[]): readonly ProgramName[] {
  const text = testFiles.map((file) => readFileSync(file, 'utf8')).join('\n');
  return Object.keys(PROGRAMS)
    .map((name) => name as ProgramName)
    .filter((name) => text.includes(`requirement('${name}')`));
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && Bun.which('apt-get') !== null;
}

function apt(...args: readonly string[]): void {
  const command = `apt-get ${args.join(' ')}`;
  console.log(`${command} …`);
  const run = Bun.spawnSync(
    ['apt-get', '-qq', '-o', `DPkg::Lock::Timeout=${APT_LOCK_TIMEOUT_SECONDS}`, ...args],
    {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: APT_TIMEOUT_MS,
    },
  );
  if (run.success) return;
  const lastWords = run.stderr.toString().trim().split('\n').at(-1);
  console.log(`${command} failed (${run.signalCode ?? run.exitCode}): ${lastWords}`);
}
