/**
 * The programs that system tests drive and npm does not install: browsers, proxies, Redis.
 *
 * A test file asks for one with a literal name, in the file itself: `scripts/test.ts` reads the
 * text of the test files to learn what to install before it runs them. Where a program is missing
 * all the same, the test is skipped and its name says why:
 *
 * ```ts
 * const chromium = requirement('chromium');
 * test.skipIf(!chromium.available)(chromium.title('a browser votes'), async () => {
 *   await playwright.launch({ executablePath: chromium.path });
 * });
 * ```
 */

interface Program {
  /** The Debian package that brings it. */
  readonly package: string;
  /** The names it goes by, the likeliest first. */
  readonly commands: readonly string[];
}

export type ProgramName =
  | 'chromium'
  | 'haproxy'
  | 'nginx'
  | 'promtool'
  | 'python3'
  | 'redis'
  | 'sshd'
  | 'systemd-analyze';

export const PROGRAMS: Readonly<Record<ProgramName, Program>> = {
  chromium: { package: 'chromium', commands: ['chromium', 'chromium-browser', 'google-chrome'] },
  haproxy: { package: 'haproxy', commands: ['haproxy'] },
  nginx: { package: 'nginx', commands: ['nginx'] },
  promtool: { package: 'prometheus', commands: ['promtool'] },
  python3: { package: 'python3', commands: ['python3'] },
  redis: { package: 'redis-server', commands: ['redis-server', 'valkey-server'] },
  sshd: { package: 'openssh-server', commands: ['sshd'] },
  'systemd-analyze': { package: 'systemd', commands: ['systemd-analyze'] },
};

export interface Requirement {
  readonly available: boolean;
  /** Where the program is; empty when it is missing. */
  readonly path: string;
  /** One sentence that says what is missing and how to get it; empty when nothing is. */
  readonly reason: string;
  /** The name of a test, with the reason when the test is going to be skipped. */
  title(name: string): string;
}

export function requirement(name: ProgramName): Requirement {
  const program = PROGRAMS[name];
  const path = findCommand(program.commands);
  const reason = path === '' ? `${name} is not installed: apt-get install ${program.package}` : '';
  return {
    available: path !== '',
    path,
    reason,
    title: (test) => (reason === '' ? test : `${test} (${reason})`),
  };
}

/** Debian keeps servers in the `sbin` folders, which are not on the `PATH` of a plain user. */
function findCommand(commands: readonly string[]): string {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin`;
  for (const command of commands) {
    const path = Bun.which(command, { PATH });
    if (path !== null) return path;
  }
  return '';
}
