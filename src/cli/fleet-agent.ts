/**
 * `holdfast fleet agent`: waits for orders on a client host until it is stopped. The agent is a
 * process of its own, which loads none of what a command line needs and leaves its memory to
 * connections.
 */
import { Command } from 'commander';
import { type AgentProcess, startAgentProcess } from '../fleet/agent-group/agent-process.ts';
import { FleetError } from '../fleet/settings/fleet-error.ts';
import {
  AGENT_PORT,
  type AgentAddress,
  addressText,
  parseAddress,
} from '../fleet/settings/settings.ts';
import { type LeftToken, leaveToken } from '../host/access/left-token.ts';
import { isLoopback } from '../host/access/loopback.ts';
import { makeToken } from '../host/access/token.ts';
import { printable } from '../host/foreign/printable.ts';
import { CliError } from './cli-error.ts';
import { print, printJson } from './output.ts';
import { StopSignals } from './stop-signals.ts';
import {
  addTokenOptions,
  readToken,
  type TokenOptions,
  type TokenSource,
  tokenPlaces,
} from './token-options.ts';

interface AgentOptions extends TokenOptions {
  readonly listen: string;
  readonly json?: boolean;
}

const TOKEN: TokenSource = {
  flag: '--token',
  variable: 'HOLDFAST_FLEET_TOKEN',
  what: 'What whoever gives orders must present',
};

export function fleetAgentCommand(): Command {
  const command = new Command('agent')
    .description('Wait for the orders of "holdfast fleet run --agent" on another host.')
    .option('--listen <address>', 'Address and port to listen on.', `0.0.0.0:${AGENT_PORT}`);
  return addTokenOptions(command, TOKEN)
    .option('--json', 'When ready, print one line of JSON: the port, and where its token lies.')
    .addHelpText(
      'after',
      '\nExample:\n  HOLDFAST_FLEET_TOKEN=… holdfast fleet agent\n\n' +
        'On loopback it makes a token when none is given, and leaves it where only\n' +
        '"holdfast fleet run" of the same user finds it.',
    )
    .action(async (options: AgentOptions) => {
      const { address, token } = readOptions(options);
      const ownToken = token ?? makeToken();
      const signals = StopSignals.ofProcess();
      let left: LeftToken | undefined;
      try {
        const agent = await startAgent(address, ownToken);
        if (token === undefined) left = await leave(agent, address, ownToken);
        // As a node does, it serves where nobody hears this.
        announce(agent, address, left?.path, options.json === true).catch(() => {});
        const how = await Promise.race([signals.stop.then(() => undefined), agent.exited]);
        if (how !== undefined) throw new CliError(`The agent ended by itself (${how}).`);
        await agent.end();
      } finally {
        signals.dispose();
        left?.remove();
      }
    });
}

/** @returns no token when one is to be made, which will do where only this host reaches the port */
function readOptions(options: AgentOptions): { address: AgentAddress; token: string | undefined } {
  const token = readToken(TOKEN, options);
  try {
    const address = parseAddress('--listen', options.listen, AGENT_PORT);
    if (token !== undefined || isLoopback(address.host)) return { address, token };
  } catch (error) {
    if (error instanceof FleetError) throw new CliError(error.message, { cause: error });
    throw error;
  }
  throw new CliError(
    `Everyone who reaches this port could give orders: give a token (${tokenPlaces(TOKEN)}), or ` +
      'listen on 127.0.0.1.',
  );
}

async function startAgent(address: AgentAddress, token: string): Promise<AgentProcess> {
  try {
    return await startAgentProcess(address, token);
  } catch (error) {
    if (error instanceof FleetError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

async function leave(
  agent: AgentProcess,
  { host }: AgentAddress,
  token: string,
): Promise<LeftToken> {
  try {
    return leaveToken({ of: 'fleet-agent', port: agent.port, host }, token);
  } catch (cause) {
    await agent.end();
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    throw new CliError(
      `No token can be left for commands (${code}): give one with ${tokenPlaces(TOKEN)}.`,
      { cause },
    );
  }
}

/** @param tokenFile where its token lies, when it is one that it made */
async function announce(
  { port, pid }: AgentProcess,
  { host }: AgentAddress,
  tokenFile: string | undefined,
  isJson: boolean,
): Promise<void> {
  const left = tokenFile === undefined ? '' : ` Its token is in ${tokenFile}.`;
  const text = `The agent waits for orders at ${addressText({ host, port })}.${left}`;
  // Where a token was given, JSON leaves the field out.
  if (isJson) await printJson({ host, port, pid, tokenFile });
  else await print(printable(`${text} Ctrl-C stops it.`));
}
