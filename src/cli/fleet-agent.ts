/**
 * `holdfast fleet agent`: waits for orders on a client host until it is stopped. The agent is a
 * process of its own, which loads none of what a command line needs and leaves its memory to
 * connections.
 */
import { Command, Option } from 'commander';
import { type AgentProcess, startAgentProcess } from '../fleet/agent-group/agent-process.ts';
import { FleetError } from '../fleet/settings/fleet-error.ts';
import {
  AGENT_PORT,
  type AgentAddress,
  addressText,
  parseAddress,
} from '../fleet/settings/settings.ts';
import { isLoopback } from '../host/config/loopback.ts';
import { CliError } from './cli-error.ts';
import { StopSignals } from './stop-signals.ts';

interface AgentOptions {
  readonly listen: string;
  readonly token?: string;
  readonly json?: boolean;
}

export function fleetAgentCommand(): Command {
  return new Command('agent')
    .description('Wait for the orders of "holdfast fleet run --agent" on another host.')
    .option('--listen <address>', 'Address and port to listen on.', `0.0.0.0:${AGENT_PORT}`)
    .addOption(
      new Option('--token <token>', 'What whoever gives orders must present.').env(
        'HOLDFAST_FLEET_TOKEN',
      ),
    )
    .option('--json', 'When ready, print one line of JSON with the port, and a token if it is new.')
    .addHelpText('after', '\nExample:\n  HOLDFAST_FLEET_TOKEN=… holdfast fleet agent')
    .action(async (options: AgentOptions) => {
      const { address, token } = readOptions(options);
      const ownToken = token ?? crypto.randomUUID();
      const signals = new StopSignals(process, () => performance.now());
      try {
        const agent = await startAgentProcess(address, ownToken);
        const made = token === undefined ? ownToken : undefined;
        announce(agent, address, made, options.json === true);
        const how = await Promise.race([signals.stop.then(() => undefined), agent.exited]);
        if (how !== undefined) throw new CliError(`The agent ended by itself (${how}).`);
        await agent.end();
      } finally {
        signals.dispose();
      }
    });
}

/** @returns no token when one is to be made up, which will do where all who give orders see it */
function readOptions(options: AgentOptions): { address: AgentAddress; token: string | undefined } {
  // An empty variable is how a shell leaves one out.
  const token = options.token === '' ? undefined : options.token;
  try {
    const address = parseAddress('--listen', options.listen, AGENT_PORT);
    if (token !== undefined || isLoopback(address.host)) return { address, token };
  } catch (error) {
    if (error instanceof FleetError) throw new CliError(error.message, { cause: error });
    throw error;
  }
  throw new CliError(
    'Everyone who reaches this port could give orders: give a --token (or HOLDFAST_FLEET_TOKEN), ' +
      'or listen on 127.0.0.1.',
  );
}

/** @param made the token, when nobody else knows it yet */
function announce(
  { port, pid }: AgentProcess,
  { host }: AgentAddress,
  made: string | undefined,
  isJson: boolean,
): void {
  const flag = made === undefined ? '' : ` with --token ${made}`;
  const text = `The agent waits for orders at ${addressText({ host, port })}${flag}.`;
  // Without a token that was made up, JSON leaves the field out.
  console.log(
    isJson ? JSON.stringify({ host, port, pid, token: made }) : `${text} Ctrl-C stops it.`,
  );
}
