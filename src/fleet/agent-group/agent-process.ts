/**
 * The process of an agent, as its parent sees it. It ends when its standard input does, so that
 * none outlives who started it, whatever ends that.
 */

import { ownCommand } from '../../host/foreign/bun-command.ts';
import { HostFiles } from '../../host/machine/host-files.ts';
import { portHolder } from '../../host/machine/port-holders.ts';
import { AGENT_TOKEN_VARIABLE } from '../agent/contract.ts';
import { FleetError } from '../settings/fleet-error.ts';
import { type AgentAddress, addressText } from '../settings/settings.ts';

const START_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 3_000;
/** Characters of what an agent prints about errors. */
const ERRORS_KEPT = 8_192;
/** Of the line that says why, which goes into a sentence and a record. */
const REASON_CHARACTERS_MAX = 400;
/** What an agent says first has some forty. */
const LINE_CHARACTERS_MAX = 4_096;

/**
 * What Bun does for memory in the background, whenever the event loop rests: a tenth of the CPU of
 * an agent with many connections, which has nothing to give back. It collects by itself.
 */
const WITHOUT_BACKGROUND_WORK = { MIMALLOC_SCAVENGER: '0', BUN_GC_TIMER_DISABLE: '1' };

export interface AgentProcess {
  readonly pid: number;
  readonly port: number;
  /** Says how it ended, with what it printed of an error. */
  readonly exited: Promise<string>;
  /** Ends it, gently at first. */
  end(): Promise<void>;
}

/**
 * @param address with port 0 for any free port
 * @param prefix goes before its command
 * @throws FleetError when it does not listen
 */
export async function startAgentProcess(
  address: AgentAddress,
  token: string,
  prefix: readonly string[] = [],
): Promise<AgentProcess> {
  const child = Bun.spawn([...prefix, ...ownCommand().words, 'agent'], {
    env: {
      ...withoutTokens(process.env),
      ...WITHOUT_BACKGROUND_WORK,
      [AGENT_TOKEN_VARIABLE]: token,
      HOLDFAST_AGENT_LISTEN: addressText(address),
      HOLDFAST_AGENT_CHILD: '1',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A Ctrl-C in the terminal is for the coordinator, which still wants to hear from its agents.
    detached: true,
  });
  const errors = endOf(child.stderr);
  const port = await portOf(child.stdout);
  if (port === undefined) {
    child.kill('SIGKILL');
    const said = reasonIn(await errors) ?? 'it gave no reason';
    const isTaken = /EADDRINUSE|in use/.test(said);
    const reason = isTaken ? portHolder(new HostFiles(), address.port) : said;
    throw new FleetError(`The agent cannot listen at ${addressText(address)} (${reason}).`);
  }
  return {
    pid: child.pid,
    port,
    exited: child.exited.then(async () => {
      const how = String(child.signalCode ?? `code ${child.exitCode}`);
      const reason = reasonIn(await errors);
      return reason === undefined ? how : `${how}: ${reason}`;
    }),
    async end() {
      await child.stdin.end();
      const isEnded = await Promise.race([
        child.exited.then(() => true),
        Bun.sleep(END_TIMEOUT_MS).then(() => false),
      ]);
      if (!isEnded) child.kill('SIGKILL');
      await child.exited;
    },
  };
}

/** Of those that its parent got, an agent needs none. */
function withoutTokens(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^HOLDFAST_\w*TOKEN$/.test(name)),
  );
}

/** The last of what is printed, once no more comes. */
async function endOf(output: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of output) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-ERRORS_KEPT);
  }
  return text;
}

/** The line that names an error, else the last one; undefined when nothing was printed. */
function reasonIn(errors: string): string | undefined {
  // Before an error, Bun prints the lines of source where it was thrown, by their numbers.
  const lines = errors
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^\d+ \|/.test(line));
  const named = lines.find((line) => /EADDRINUSE|EACCES|EADDRNOTAVAIL|error|panic/i.test(line));
  const reason = named ?? lines.at(-1);
  if (reason === undefined || reason.length <= REASON_CHARACTERS_MAX) return reason;
  return `${reason.slice(0, REASON_CHARACTERS_MAX)}…`;
}

/** Reads on and throws it away: what nobody reads fills the pipe, and its writer waits. */
async function discard(reader: { read(): Promise<{ readonly done: boolean }> }): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // A pipe that breaks has no more to say.
  }
}

/** The port in the first line that an agent prints; undefined when there is no such line. */
async function portOf(output: ReadableStream<Uint8Array>): Promise<number | undefined> {
  const reader = output.getReader();
  const decoder = new TextDecoder();
  const deadline = Bun.sleep(START_TIMEOUT_MS).then(() => ({ done: true, value: undefined }));
  let text = '';
  while (!text.includes('\n')) {
    const { done, value } = await Promise.race([reader.read(), deadline]);
    if (done || text.length > LINE_CHARACTERS_MAX) return undefined;
    text += decoder.decode(value, { stream: true });
  }
  void discard(reader);
  const port = Number(/^\{"port":(\d{1,5}),/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535 ? port : undefined;
}
