/** `holdfast fleet status`, `set` and `stop`: control of a run from another shell. */
import { Command } from 'commander';
import type { FleetStatus } from '../fleet/coordinator/status.ts';
import { CONTROL_PORT } from '../fleet/settings/settings.ts';
import { findTokenOf } from '../host/access/left-token.ts';
import { AnswerError, ask, readAnswer, readRefusal } from '../host/foreign/ask.ts';
import { isPort } from './admin-client.ts';
import { CliError } from './cli-error.ts';
import { fleetStatus, STATUS_BYTES_MAX } from './fleet-answers.ts';
import { statusText, summaryText } from './fleet-text.ts';
import { print, printJson } from './output.ts';
import {
  addTokenOptions,
  readToken,
  type TokenOptions,
  type TokenSource,
  tokenPlaces,
} from './token-options.ts';

interface ControlOptions extends TokenOptions {
  readonly control?: string;
  readonly controlPort: string;
  readonly json?: boolean;
}

/** Also of `holdfast fleet run`, which wants it of whoever controls it. */
export const CONTROL_TOKEN: TokenSource = {
  flag: '--control-token',
  variable: 'HOLDFAST_FLEET_CONTROL_TOKEN',
  what: 'What whoever controls the run must present',
};

/** Setting targets tries a session with each first, which takes 5 s when one is silent. */
const TIMEOUT_MS = 30_000;

export function fleetStatusCommand(): Command {
  const command = new Command('status')
    .description('Show how a running fleet stands, all agents together and each.')
    .addHelpText('after', '\nExample:\n  holdfast fleet status --json')
    .action(async (options: ControlOptions) => {
      await show(await callControl(options, '/status'), options, statusText);
    });
  return addControlOptions(command);
}

export function fleetSetCommand(): Command {
  const command = new Command('set')
    .description('Change a running fleet: "connections N", "rate R" or "target URL …".')
    .argument('<setting>', 'connections, rate or target.')
    .argument('<values...>', 'A number, or one URL or several.')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast fleet set connections 20000\n  holdfast fleet set rate 500\n' +
        '  holdfast fleet set target http://10.0.0.2:8500 http://10.0.0.3:8500',
    )
    .action(async (setting: string, values: readonly string[], options: ControlOptions) => {
      const status = await callControl(options, '/set', changeOf(setting, values));
      await show(status, options, summaryText);
    });
  return addControlOptions(command);
}

export function fleetStopCommand(): Command {
  const command = new Command('stop')
    .description('End a running fleet in order: sessions leave, and it gives its verdict.')
    .addHelpText('after', '\nExample:\n  holdfast fleet stop')
    .action(async (options: ControlOptions) => {
      await show(await callControl(options, '/stop', {}), options, summaryText);
    });
  return addControlOptions(command);
}

function addControlOptions(command: Command): Command {
  command
    .option('--control <url>', 'Control address of the run, instead of a local port.')
    .option('--control-port <port>', 'Control port of a run on this host.', String(CONTROL_PORT));
  return addTokenOptions(command, CONTROL_TOKEN).option('--json', 'Print the answer as JSON.');
}

function changeOf(setting: string, values: readonly string[]): object {
  const [value = '', ...others] = values;
  switch (setting) {
    case 'target':
      return { target: values };
    case 'connections':
    case 'rate':
      if (others.length === 0 && /^\d[\d_]*(\.\d+)?$/.test(value)) {
        return { [setting]: Number(value.replaceAll('_', '')) };
      }
      throw new CliError(`"${values.join(' ')}" is no value for ${setting}; give one number.`);
    default:
      throw new CliError(`"${setting}" cannot be set; connections, rate and target can.`);
  }
}

async function show(
  status: FleetStatus,
  { json }: ControlOptions,
  text: (status: FleetStatus) => string,
): Promise<void> {
  if (json) await printJson(status);
  else await print(text(status));
}

async function callControl(
  options: ControlOptions,
  path: string,
  body?: object,
): Promise<FleetStatus> {
  const url = controlUrl(options);
  const token = readToken(CONTROL_TOKEN, options) ?? findTokenOf('fleet-control', url);
  const response = await request(url + path, token, body);
  if (response.ok) return await statusIn(response, url);
  const refusal = await readRefusal(response);
  if (response.status === 401) {
    throw new CliError(
      `The run wants its control token: ask as the user who runs it, or give it with ` +
        `${tokenPlaces(CONTROL_TOKEN)}.`,
    );
  }
  if (refusal !== undefined) throw new CliError(`The run refused: ${refusal}`);
  throw new CliError(
    `${url} is not the control API of a run (HTTP ${response.status}): correct the address.`,
  );
}

async function statusIn(response: Response, url: string): Promise<FleetStatus> {
  try {
    return await readAnswer(response, fleetStatus, STATUS_BYTES_MAX);
  } catch (cause) {
    const why = cause instanceof AnswerError ? cause.message : 'its answer broke off';
    throw new CliError(`${url} is not the control API of a run (${why}): correct the address.`, {
      cause,
    });
  }
}

function controlUrl({ control, controlPort }: ControlOptions): string {
  if (control === undefined) {
    if (isPort(controlPort)) return `http://127.0.0.1:${controlPort}`;
    throw new CliError(`--control-port is "${controlPort}"; it must be a port such as 8700.`);
  }
  if (/^https?:/.test(control) && URL.canParse(control)) return control.replace(/\/+$/, '');
  throw new CliError(`--control is "${control}"; it must be a URL such as http://127.0.0.1:8700.`);
}

async function request(
  url: string,
  token: string | undefined,
  body: object | undefined,
): Promise<Response> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const question = { headers: authorization, timeoutMs: TIMEOUT_MS };
    if (body === undefined) return await ask(url, question);
    const headers = { ...authorization, 'content-type': 'application/json' };
    return await ask(url, { ...question, body: JSON.stringify(body), headers });
  } catch (cause) {
    if ((cause as Error).name === 'TimeoutError') {
      throw new CliError(
        `The run at ${new URL(url).origin} gave no answer within ${TIMEOUT_MS / 1000} s: ask ` +
          'again with "holdfast fleet status", and look at the CPU of its host.',
        { cause },
      );
    }
    throw new CliError(
      `No run answers at ${new URL(url).origin}: start one with "holdfast fleet run", or name ` +
        'its control address with --control-port or --control.',
      { cause },
    );
  }
}
