/**
 * The process of an agent, started by `holdfast fleet`. It prints one JSON line with its port when
 * it listens; one that was started for a single run ends with the process that started it.
 */

import { readFileSync } from 'node:fs';
import { Agent } from './agent.ts';
import { serveAgent } from './agent-server.ts';
import { AGENT_TOKEN_VARIABLE } from './contract.ts';

/** Where the system does not tell. */
const OPEN_FILES_FALLBACK = 10_240;

const { env } = process;
const listen = env['HOLDFAST_AGENT_LISTEN'] ?? '127.0.0.1:0';
const split = listen.lastIndexOf(':');
const token = env[AGENT_TOKEN_VARIABLE];
if (!token) throw new Error(`an agent is started by \`holdfast fleet\`, not by hand`);

const agent = new Agent(openFileLimit());
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

function openFileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? OPEN_FILES_FALLBACK);
  } catch {
    return OPEN_FILES_FALLBACK;
  }
}
