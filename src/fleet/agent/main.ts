/**
 * The process of an agent, started by `holdfast fleet`. It prints one JSON line with its port when
 * it listens; one that was started for a single run ends with the process that started it.
 */

import { ownOpenFileLimit } from '../../host/machine/process-limits.ts';
import { Agent } from './agent.ts';
import { serveAgent } from './agent-server.ts';
import { AGENT_TOKEN_VARIABLE } from './contract.ts';

const { env } = process;
const listen = env['HOLDFAST_AGENT_LISTEN'] ?? '127.0.0.1:0';
const split = listen.lastIndexOf(':');
const token = env[AGENT_TOKEN_VARIABLE];
if (!token) throw new Error(`an agent is started by \`holdfast fleet\`, not by hand`);

const agent = new Agent(ownOpenFileLimit());
const server = serveAgent(agent, {
  host: listen.slice(0, split).replace(/^\[|\]$/g, ''),
  port: Number(listen.slice(split + 1)),
  token,
});
agent.start();
process.stdout.write(`${JSON.stringify({ port: server.port, pid: process.pid })}\n`);

process.on('SIGTERM', leave);
process.on('SIGINT', leave);
if (env['HOLDFAST_AGENT_CHILD'] === '1') process.stdin.on('end', leave).resume();

function leave(): void {
  agent.stop();
  process.exit(0);
}
