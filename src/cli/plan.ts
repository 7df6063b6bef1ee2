/** `holdfast plan`: what hosts a number of connections needs, by the figures of measured runs. */
import { Command } from 'commander';
import { CONNECTIONS_MAX, makePlan, PlanError, type PlanRequest } from '../host/figures/plan.ts';
import { WORKER_FILES_RESERVE } from '../host/figures/plan-node.ts';
import { CliError } from './cli-error.ts';
import { print, printJson } from './output.ts';
import { planText } from './plan-text.ts';

interface PlanOptions {
  readonly connections: string;
  readonly perNode?: string;
  readonly cores?: string;
  readonly memory?: string;
  readonly openFiles?: string;
  readonly broadcastRate: string;
  readonly churn: string;
  readonly json?: boolean;
}

const CORES_MAX = 4_096;
const OPEN_FILES_MAX = 1_073_741_816;
const BROADCASTS_MAX = 1_000_000;
const CHURN_MAX = 100_000;

export function planCommand(): Command {
  return new Command('plan')
    .description('Say what hosts a number of connections needs, by measured figures.')
    .requiredOption('--connections <count>', 'Connections to hold, all nodes together.')
    .option('--per-node <count>', 'Connections on one node, at most.')
    .option('--cores <count>', 'Cores of a host (default: 8).')
    .option('--memory <size>', 'Memory of a host, such as 16GiB (default: 15GiB).')
    .option('--open-files <count>', 'Open-file limit of a worker, where it cannot be raised.')
    .option('--broadcast-rate <number>', 'Messages to everybody in one second.', '0')
    .option('--churn <percent>', 'Percent of the clients that come back in one minute.', '0')
    .option('--json', 'Print the plan as JSON.')
    .addHelpText(
      'after',
      '\nWithout --per-node, a node gets what the host that --cores and --memory describe\n' +
        'has room for, or 200,000 connections when neither is given.\n' +
        '\nExamples:\n  holdfast plan --connections 1000000\n' +
        '  holdfast plan --connections 1000000 --cores 16 --memory 32GiB ' +
        '--broadcast-rate 0.5 --churn 5',
    )
    .action(async (options: PlanOptions) => {
      const plan = planFor(requestOf(options));
      if (options.json) await printJson(plan);
      else await print(planText(plan));
    });
}

function planFor(request: PlanRequest): ReturnType<typeof makePlan> {
  try {
    return makePlan(request);
  } catch (error) {
    if (error instanceof PlanError) throw new CliError(error.message);
    throw error;
  }
}

function requestOf(options: PlanOptions): PlanRequest {
  const { connections, perNode, cores, memory, openFiles, broadcastRate, churn } = options;
  const optional = <T>(text: string | undefined, read: (text: string) => T): T | undefined =>
    text === undefined ? undefined : read(text);
  return {
    connections: whole('--connections', connections, 1, CONNECTIONS_MAX),
    perNode: optional(perNode, (text) => whole('--per-node', text, 1, CONNECTIONS_MAX)),
    cores: optional(cores, (text) => whole('--cores', text, 1, CORES_MAX)),
    memoryBytes: optional(memory, memorySize),
    openFiles: optional(openFiles, (text) =>
      whole('--open-files', text, WORKER_FILES_RESERVE + 1, OPEN_FILES_MAX),
    ),
    broadcastsPerSecond: number('--broadcast-rate', broadcastRate, BROADCASTS_MAX),
    churnPercentPerMinute: number('--churn', churn, CHURN_MAX),
  };
}

/** Thousands may stand apart: `1,000,000` and `1_000_000`. */
function whole(flag: string, text: string, lowest: number, highest: number): number {
  const plain = /^\d{1,3}([,_]\d{3})+$/.test(text) ? text.replaceAll(/[,_]/g, '') : text;
  const value = /^\d+$/.test(plain) ? Number(plain) : Number.NaN;
  if (value >= lowest && value <= highest) return value;
  throw new CliError(
    `${flag} is "${text}"; it must be a whole number from ${lowest} to ${highest}.`,
  );
}

function number(flag: string, text: string, highest: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value <= highest) return value;
  throw new CliError(`${flag} is "${text}"; it must be a number from 0 to ${highest}.`);
}

const UNITS: Readonly<Record<string, number>> = {
  mb: 1e6,
  mib: 2 ** 20,
  gb: 1e9,
  gib: 2 ** 30,
  tb: 1e12,
  tib: 2 ** 40,
};

function memorySize(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text) ?? [];
  const bytes = Number(amount) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
  if (bytes > 0) return bytes;
  throw new CliError(`--memory is "${text}"; it must be a size such as 16GiB, 64GB or 512MiB.`);
}
