/**
 * The system's ssh, for one script on one host: it asks nobody anything, ends in bounded time, and
 * what it prints is bounded. The script comes by standard input, so that nothing in it is seen in a
 * list of processes, on neither host; only judged names are arguments.
 */

import type { Destination } from './destination.ts';

const CONNECT_SECONDS = 10;
const OUTPUT_BYTES_MAX = 65_536;

/** Whatever the configuration of the user says beside. */
const OPTIONS: readonly string[] = [
  'BatchMode=yes',
  `ConnectTimeout=${CONNECT_SECONDS}`,
  'ConnectionAttempts=1',
  'ServerAliveInterval=5',
  'ServerAliveCountMax=3',
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
  // A connection that stays behind for others would keep our pipes open.
  'ControlMaster=no',
  'ControlPath=none',
  'RemoteCommand=none',
  'RequestTTY=no',
  'LogLevel=ERROR',
];

export interface SshAnswer {
  /** Of the script; 255 when ssh itself failed, null when it was ended. */
  readonly code: number | null;
  readonly out: string;
  /** The last line of standard error, or why there is none; a clause for parentheses. */
  readonly reason: string;
}

/** How ssh is started on this host. */
export interface SshProgram {
  readonly path: string;
  /** In place of the user's own configuration. */
  readonly config: string | undefined;
}

/** Runs a script of `sh` there. */
export async function runThere(
  ssh: SshProgram,
  destination: Destination,
  script: string,
  timeoutMs: number,
): Promise<SshAnswer> {
  const child = Bun.spawn([...commandOf(ssh, destination), '--', destination.login, 'sh -s'], {
    stdio: [new Blob([script]), 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const [out, err] = await Promise.all([bounded(child.stdout), bounded(child.stderr)]);
  await child.exited;
  const said = err.trim().split('\n').at(-1)?.trim() ?? '';
  const isEnded = child.signalCode !== null;
  const silent = isEnded ? `no answer within ${timeoutMs / 1_000} s` : `code ${child.exitCode}`;
  return { code: child.exitCode, out, reason: said === '' ? silent : said };
}

/** The name or address that ssh connects to, which its configuration may say. */
export async function addressOf(ssh: SshProgram, destination: Destination): Promise<string> {
  const child = Bun.spawn([...commandOf(ssh, destination), '-G', '--', destination.login], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: CONNECT_SECONDS * 1_000,
  });
  const text = await bounded(child.stdout);
  await child.exited;
  return /^hostname (\S+)$/m.exec(text)?.[1] ?? destination.host;
}

function commandOf({ path, config }: SshProgram, { port }: Destination): readonly string[] {
  return [
    path,
    '-T',
    ...(config === undefined ? [] : ['-F', config]),
    ...OPTIONS.flatMap((option) => ['-o', option]),
    ...(port === undefined ? [] : ['-p', String(port)]),
  ];
}

/** The first of it; the rest is read and thrown away, since who writes it would wait. */
async function bounded(output: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of output) {
    if (text.length < OUTPUT_BYTES_MAX) text += decoder.decode(chunk, { stream: true });
  }
  return text.slice(0, OUTPUT_BYTES_MAX);
}
