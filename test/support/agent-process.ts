/** The fleet's agent as a process of its own, started as the coordinator does. */

import {
  AGENT_TOKEN_VARIABLE,
  type AgentOrder,
  type AgentSample,
} from '../../src/fleet/agent/contract.ts';
import { within } from './raw-deadline.ts';

const MAIN = `${import.meta.dir}/../../src/cli/main.ts`;
const WAIT_MS = 20_000;
const POLL_MS = 10;

export interface AgentProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The limit of open files, soft and hard. */
  readonly openFiles?: number;
}

export class AgentProcess implements AsyncDisposable {
  readonly child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>;
  port = 0;
  readonly #token = 'a-token-of-a-test';

  private constructor({ env = {}, openFiles }: AgentProcessOptions) {
    const command = [process.execPath, MAIN, 'agent'];
    const limited = ['bash', '-c', `ulimit -n ${openFiles}; exec "$0" "$@"`, ...command];
    this.child = Bun.spawn(openFiles === undefined ? command : limited, {
      env: { PATH: process.env['PATH'], [AGENT_TOKEN_VARIABLE]: this.#token, ...env },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
  }

  /** Starts one, and waits until it listens. */
  static async start(options: AgentProcessOptions = {}): Promise<AgentProcess> {
    const agent = new AgentProcess(options);
    const reader = agent.child.stdout.getReader();
    const { value } = await within('the agent says its port', reader.read(), WAIT_MS);
    reader.releaseLock();
    const line = JSON.parse(new TextDecoder().decode(value)) as { port: number; pid: number };
    if (line.pid !== agent.child.pid) throw new Error(`the agent says it is process ${line.pid}`);
    agent.port = line.port;
    return agent;
  }

  order(order: AgentOrder): Promise<AgentSample> {
    return this.#ask('/order', { method: 'POST', body: JSON.stringify(order) });
  }

  sample(): Promise<AgentSample> {
    return this.#ask('/sample', {});
  }

  /** Samples until one is as it should be. */
  async until(what: string, condition: (sample: AgentSample) => boolean): Promise<AgentSample> {
    const endMs = performance.now() + WAIT_MS;
    for (;;) {
      const sample = await this.sample();
      if (condition(sample)) return sample;
      const { open, connecting, counters } = sample;
      const state = JSON.stringify({ open, connecting, ...counters });
      if (performance.now() > endMs) throw new Error(`not in time: ${what}; now ${state}`);
      await Bun.sleep(POLL_MS);
    }
  }

  /** The exit code, once it has ended by itself. */
  get exited(): Promise<number> {
    return within('the agent ends', this.child.exited, WAIT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child.exited;
  }

  async #ask(path: string, init: RequestInit): Promise<AgentSample> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, { ...init, headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as AgentSample;
  }
}
