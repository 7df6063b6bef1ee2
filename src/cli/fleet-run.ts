/** `holdfast fleet run`: loads a server, shows how it goes, and ends with a verdict. */
import { Command } from 'commander';
import { CLIENT_PROTOCOLS } from '../fleet/agent/contract.ts';
import type { FleetRun } from '../fleet/coordinator/fleet-run.ts';
import { agentsOf } from '../fleet/hosts/agents.ts';
import { HostsFile } from '../fleet/hosts/hosts-file.ts';
import { mixTexts, SCENARIOS } from '../fleet/settings/load.ts';
import {
  addressText,
  CONTROL_PORT,
  parseSettings,
  type RunFlags,
  type RunSettings,
} from '../fleet/settings/settings.ts';
import { isLoopback } from '../host/access/loopback.ts';
import type { FleetVerdict } from '../report/recording/record.ts';
import { CliError } from './cli-error.ts';
import { CONTROL_TOKEN } from './fleet-control.ts';
import { FleetProgress } from './fleet-progress.ts';
import { verdictText } from './fleet-text.ts';
import { told } from './fleet-told.ts';
import { print, printJson } from './output.ts';
import { StopSignals } from './stop-signals.ts';
import {
  addTokenOptions,
  readToken,
  type TokenOptions,
  type TokenSource,
} from './token-options.ts';

type RunOptions = RunFlags & TokenOptions & { readonly json?: boolean; readonly local?: boolean };

const AGENT_TOKEN: TokenSource = {
  flag: '--token',
  variable: 'HOLDFAST_FLEET_TOKEN',
  what: 'Token of those agents',
};
const ADMIN_TOKEN: TokenSource = {
  flag: '--admin-token',
  variable: 'HOLDFAST_ADMIN_TOKEN',
  what: 'Admin token of that node',
};

export function fleetRunCommand(): Command {
  const command = new Command('run')
    .description('Load a server with connections, hold them, and judge how it went.')
    .requiredOption('--target <url>', 'Server to load; repeatable, used in turn.', collect)
    .option('--connections <n>', 'Connections to hold.', '1000')
    .option('--rate <n>', 'Connections opened, and closed at the end, in one second.', '500')
    .option('--hold <seconds>', 'How long to hold them.', '30')
    .option(
      '--protocol <names>',
      `${CLIENT_PROTOCOLS.join(', ')}, or several by weight.`,
      'socket-io',
    )
    .option('--auth <json>', 'What sessions present.', '{"token":"user-{n}"}')
    .option('--out <folder>', 'Record the run there, for "holdfast report".')
    .option('--json', 'Print the verdict as JSON.');
  addAgentOptions(command);
  addLoadOptions(command);
  addControlOptions(command);
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast fleet run --target http://127.0.0.1:8500 --connections 5000\n' +
        '  holdfast fleet run --target ws://10.0.0.2:8080/ws --protocol websocket \\\n' +
        '    --agent 10.0.0.3 --agent 10.0.0.4 --token-file fleet.token --connections 100000\n' +
        '  holdfast fleet run --target http://127.0.0.1:8500?room=match:42 \\\n' +
        '    --protocol socket-io=50,sse=30,poll=20 --scenario broadcast\n\n' +
        'The exit code is 0 only when the run passed.',
    )
    .action(async ({ json, ...flags }: RunOptions) => {
      const verdict = await told(() =>
        conduct(parseSettings({ ...flags, ...tokensIn(flags), ...foundAgents(flags) })),
      );
      if (json) await printJson(verdict);
      else await print(verdictText(verdict));
      if (verdict.verdict === 'passed') return;
      const why = verdict.findings[0]?.text ?? 'See the findings.';
      const word = verdict.verdict === 'void' ? 'is void' : 'failed';
      throw new CliError(`The run ${word}: ${why}`);
    });
}

function addAgentOptions(command: Command): void {
  command.option('--agent <address>', 'Host and port of an agent; repeatable.', collect);
  command.option('--local', 'Agents of this host, though "fleet hosts" has started others.');
  addTokenOptions(command, AGENT_TOKEN)
    .option('--processes <n>', 'Local agents to start at least, without --agent.', '1')
    .option('--source <address>', 'Local address to connect from; repeatable.', collect)
    .option('--coalesce <ms>', 'Let messages gather so long before an agent reads them.');
}

function addLoadOptions(command: Command): void {
  command
    .option('--scenario <name>', `What sessions do in hold: ${SCENARIOS.join(', ')}.`)
    .option('--broadcast-rate <n>', 'Broadcasts in one second of hold.')
    .option('--broadcasts <n>', 'Broadcasts at the end of hold, each waited for.')
    .option('--echo-rate <n>', 'Echoes in one second, of all sessions together.')
    .option('--echo-event <name>', 'Event that the server acknowledges.', 'echo')
    .option('--churn <percent>', 'Sessions that leave and come back in one minute.')
    .option('--jitter [every/away]', 'Cut sessions every so many seconds for some (15/2).')
    .option('--storm <seconds>', 'All reconnect at once, every so many seconds of hold.')
    .option('--payload <bytes>', 'Padding of broadcasts and echoes.', '64')
    .option('--admin <url>', 'Admin address of the Holdfast node under load.');
  addTokenOptions(command, ADMIN_TOKEN).option(
    '--broadcast-url <url>',
    'For another server: broadcasts are posted there.',
  );
}

function addControlOptions(command: Command): void {
  command
    .option('--control-port <port>', 'Port of the control API.', String(CONTROL_PORT))
    .option('--control-host <address>', 'Address of the control API.', '127.0.0.1');
  addTokenOptions(command, CONTROL_TOKEN)
    .option('--no-leave', 'Cut the connections at the end instead of closing them at the rate.')
    .option('--stall <seconds>', 'Give up the climb when no session came for so long.', '25');
}

/** Each is that of the flag, the file or the environment; undefined replaces an empty flag. */
function tokensIn(options: TokenOptions): Pick<RunFlags, 'token' | 'adminToken' | 'controlToken'> {
  return {
    token: readToken(AGENT_TOKEN, options),
    adminToken: readToken(ADMIN_TOKEN, options),
    controlToken: readToken(CONTROL_TOKEN, options),
  };
}

/**
 * Of hosts that were started, when none is named and those of this host are not wanted. To others,
 * a target on loopback is one of their own.
 */
function foundAgents({ agent, source, local, target }: RunOptions): Pick<RunFlags, 'found'> {
  const isHere = target.some(
    (url) => URL.canParse(url) && isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, '')),
  );
  if (agent !== undefined || source !== undefined || local === true || isHere) return {};
  return { found: agentsOf(new HostsFile().read()) };
}

async function conduct(settings: RunSettings): Promise<FleetVerdict> {
  const fleet = await import('../fleet/coordinator/fleet-run.ts');
  const progress = new FleetProgress(process.stderr);
  const signals = StopSignals.ofProcess();
  let run: FleetRun | undefined;
  try {
    run = await fleet.FleetRun.prepare(settings, {
      onSecond: (status) => progress.second(status),
      onEvent: (event) => progress.event(event),
    });
    progress.line(openingText(run, settings));
    const { stop, force } = signals;
    void stop.then(() => run?.stop());
    void force.then(() => run?.stop());
    return await run.run();
  } finally {
    progress.end();
    signals.dispose();
    await run?.end();
  }
}

function openingText(run: FleetRun, { control, mix }: RunSettings): string {
  const address = addressText({ host: control.host, port: run.controlPort });
  const { recordPath, controlTokenPath } = run;
  const record = recordPath === undefined ? '' : ` It is recorded in ${recordPath}.`;
  const token = controlTokenPath === undefined ? '' : ` Its token is in ${controlTokenPath}.`;
  const agents = run.agents === 1 ? '1 agent' : `${run.agents} agents`;
  const spoken = mixTexts(mix).join(', ');
  return `The run begins with ${agents} (${spoken}); control it at http://${address}.${token}${record}`;
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
