/** `holdfast start`: runs a node until it is told to stop. */
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../host/config/schema.ts';
import { printable, printableJson, printableLines } from '../host/foreign/printable.ts';
import type { RunningNode } from '../server/controller/node.ts';
import type { Log } from '../server/core/log/log.ts';
import { CliError } from './cli-error.ts';
import { addConfigOptions, configOf } from './config-options.ts';
import { createLog } from './log.ts';
import { LogSink, toDescriptor } from './log-sink.ts';
import { StopSignals } from './stop-signals.ts';

/** How long the end waits for the last lines of the log, behind which somebody may be slow. */
const LAST_LINES_MS = 1_000;

const STDOUT = 1;
const ANNOUNCED_MAX_BYTES = 65_536;

type StartOptions = { readonly config?: string; readonly json?: boolean } & Readonly<
  Record<string, string | boolean | undefined>
>;

export function startCommand(): Command {
  const command = new Command('start')
    .description('Run a node: a controller with its workers.')
    .option('--json', 'When ready, print one line of JSON with the ports.');
  return addConfigOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast start\n  holdfast start --app app.ts --port 80 --workers 4\n' +
        '  HOLDFAST_ADMIN_PORT=9000 holdfast start --config holdfast.yaml\n\n' +
        'All keys with their bounds are in docs/CONFIG.md.',
    )
    .action(async ({ config: file, json, ...flags }: StartOptions) => {
      const config = configOf(file, flags);
      const log = createLog(config);
      void warnOfMachine(config, log);
      const { startNode } = await import('../server/controller/node.ts');
      const signals = StopSignals.ofProcess();
      const out = new LogSink(toDescriptor(STDOUT), ANNOUNCED_MAX_BYTES);
      try {
        await runUntilStopped({
          start: (stopAsked) => startNode(config, log, stopAsked),
          announce: (node) =>
            out.write(`${printableLines(json ? readyJson(node) : readyText(node, config))}\n`),
          signals,
          log,
        });
      } finally {
        await log.flush(LAST_LINES_MS);
      }
    });
}

/** Loaded beside the start and not awaited: it must not be what a start waits for. */
async function warnOfMachine(config: Config, log: Log): Promise<void> {
  const warning = await import('./start-warning.ts').catch(() => undefined);
  warning?.warnOfMachine(config, log);
}

export interface Run {
  /** Gives up and undoes what it has done when it is asked to stop. */
  readonly start: (stopAsked: AbortSignal) => Promise<RunningNode>;
  /** Called once, when the node is ready. */
  readonly announce: (node: RunningNode) => void;
  readonly signals: StopSignals;
  readonly log: Log;
}

/** @throws CliError when the node had to be stopped by force */
export async function runUntilStopped({ start, announce, signals, log }: Run): Promise<void> {
  try {
    const stopAsked = new AbortController();
    void signals.stop.then(() => stopAsked.abort());
    const node = await startOrStop(start(stopAsked.signal), signals);
    if (node === undefined) return;
    if (!signals.isStopAsked) announce(node);
    await signals.stop;
    log.info('stopping');
    const stopped = node.stop();
    void signals.force.then(() => node.stop(0));
    if (await stopped) return;
  } finally {
    signals.dispose();
  }
  throw new CliError('Workers did not stop in time and were killed; see shutdownTimeoutMs.');
}

/** @returns `undefined` when the node did not start because it was told to stop */
async function startOrStop(
  starting: Promise<RunningNode>,
  signals: StopSignals,
): Promise<RunningNode | undefined> {
  try {
    return await starting;
  } catch (error) {
    if (signals.isStopAsked) return undefined;
    throw error;
  }
}

function readyJson({ publicPort, adminPort, workerCount }: RunningNode): string {
  return printableJson({ publicPort, adminPort, workers: workerCount, pid: process.pid });
}

export function readyText(node: RunningNode, config: Config): string {
  const url = urlOf(config.host, node.publicPort, config.tlsCert !== undefined);
  const lines = [
    `Holdfast ${packageJson.version} takes sessions.`,
    `  Socket.IO  ${url}${config.path}`,
    ...(config.plainClients ? [`  plain      ${plainText(url, config.plainPath)}`] : []),
    `  admin API  ${urlOf(config.adminHost, node.adminPort, config.adminTlsCert !== undefined)}`,
    `  workers    ${node.workerCount}`,
    appText(config, url),
    'Ctrl-C stops it.',
  ];
  return lines.join('\n');
}

/** What takes the events of clients. */
function appText({ app, hookUrl }: Config, url: string): string {
  if (app !== undefined) return `  app        ${printable(app)}`;
  if (hookUrl === undefined) return `  demo       ${url}/`;
  // A query may hold what is nobody's business.
  const { origin, pathname } = new URL(hookUrl);
  return `  hooks      ${printable(origin + pathname)}`;
}

/** Where clients without Socket.IO connect. */
function plainText(url: string, path: string): string {
  return `${url}${path}ws, ${path}sse, ${path}poll`;
}

function urlOf(host: string, port: number, isTls: boolean): string {
  const isAny = host === '0.0.0.0' || host === '::';
  const isBare = host.includes(':') && !host.startsWith('[');
  const name = isAny ? 'localhost' : isBare ? `[${host}]` : host;
  return `${isTls ? 'https' : 'http'}://${name}:${port}`;
}
