/**
 * `holdfast fleet agent`: waits for orders on a client host until it is stopped. The agent is a
 * process of its own, which loads none of what a command line needs and leaves its memory to
 * connections.
 */
import { Command, Option } from 'commander';
import { isLoopback } from '../config/loopback.ts';
import { type AgentProcess, startAgentProcess } from '../fleet/agent-process.ts';
import { FleetError } from '../fleet/fleet-error.ts';
import { AGENT_PORT, type AgentAddress, addressText, parseAddress } from '../fleet/settings.ts';
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
    .option('--json', 'When ready, print one line of JSON with the port.')
    .addHelpText('after', '\nExample:\n  HOLDFAST_FLEET_TOKEN=… holdfast fleet agent')
    .action(async (options: AgentOptions) => {
      const { address, token } = readOptions(options);
      const signals = new StopSignals(process, () => performance.now());
      try {
        const agent = await startAgentProcess(address, token);
        announce(agent, address, options.json === true);
        const isStopped = await Promise.race([
          signals.stop.then(() => true),
          agent.exited.then(() => false),
        ]);
        if (!isStopped) throw new CliError('The agent ended by itself: see what it printed above.');
        await agent.end();
      } finally {
        signals.dispose();
      }
    });
}

function readOptions({ listen, token }: AgentOptions): { address: AgentAddress; token: string } {
  try {
    const address = parseAddress('--listen', listen, AGENT_PORT);
    if (token !== undefined) return { address, token };
    if (isLoopback(address.host)) return { address, token: 'loopback' };
  } catch (error) {
    if (error instanceof FleetError) throw new CliError(error.message, { cause: error });
    throw error;
  }
  throw new CliError(
    'Everyone who reaches this port could give orders: give a --token (or HOLDFAST_FLEET_TOKEN), ' +
      'or listen on 127.0.0.1.',
  );
}

function announce({ port, pid }: AgentProcess, { host }: AgentAddress, isJson: boolean): void {
  const text = `The agent waits for orders at ${addressText({ host, port })}. Ctrl-C stops it.`;
  console.log(isJson ? JSON.stringify({ host, port, pid }) : text);
}
