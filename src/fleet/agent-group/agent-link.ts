/**
 * The coordinator's end of one agent: sends it orders, keeps its last sample, and knows when it is
 * lost. At most one request is under way; an order that comes meanwhile replaces the one that
 * waits, since each says the whole state.
 */

import { AnswerError, ask, readAnswer, readRefusal } from '../../host/foreign/ask.ts';
import { foreignJson } from '../../host/foreign/parsed.ts';
import { type AgentOrder, type AgentSample, ORDER_TIMEOUT_MS } from '../agent/contract.ts';
import { ClockOffset, wallClockMs } from '../settings/clock.ts';
import { FleetError } from '../settings/fleet-error.ts';
import { counted } from '../settings/numbers.ts';
import { agentSample, SAMPLE_BYTES_MAX } from './sample-schema.ts';

/** An agent that gives no answer for so long is lost; its sessions may be, too. */
const LOST_AFTER_MS = 10_000;
const START_ONE = 'start one there with "holdfast fleet agent", or correct --agent';

export interface AgentEnd {
  /** `host:port` as given, or `local 3`. */
  readonly name: string;
  readonly url: string;
  readonly token: string;
  /** Whether it runs on this host and by this host's clock. */
  readonly isLocal: boolean;
  /** What to do when it does not answer; without it, what whoever named it can do. */
  readonly advice?: string | undefined;
}

export class AgentLink {
  readonly name: string;
  readonly isLocal: boolean;
  readonly #end: AgentEnd;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock = new ClockOffset();
  readonly #json = foreignJson();
  #capacity = 0;
  #pid: number | undefined;
  /** Of the agent's answers to this run; see `AgentSample`. */
  #beginning: string | undefined;
  #sample: AgentSample | undefined;
  #answeredAtMs = performance.now();
  #longestLagMs = 0;
  /** Until it answers again. */
  #silent: string | undefined;
  /** For the rest of the run, whatever it answers. */
  #broken: string | undefined;
  #isGone = false;
  #waiting: AgentOrder | undefined;
  #sending: Promise<void> | undefined;

  constructor(end: AgentEnd) {
    this.#end = end;
    this.name = end.name;
    this.isLocal = end.isLocal;
    this.#headers = {
      authorization: `Bearer ${end.token}`,
      'content-type': 'application/json',
    };
  }

  /** The last one of this run, however old; undefined before the first. */
  get sample(): AgentSample | undefined {
    return this.#sample;
  }

  /** Why the agent counts as lost; undefined while it answers and has kept its sessions. */
  get lost(): string | undefined {
    return this.#broken ?? this.#silent;
  }

  /** Connections that it can hold; 0 before it was greeted. */
  get capacity(): number {
    return this.#capacity;
  }

  get clockOffsetMs(): number {
    return this.isLocal ? 0 : this.#clock.offsetMs;
  }

  /** Asks for the first time, before anything is ordered. @throws FleetError */
  async greet(): Promise<void> {
    const { name, advice = START_ONE } = this.#end;
    let response: Response;
    try {
      response = await this.#request('/sample');
    } catch (cause) {
      throw new FleetError(`No agent answers at ${name} (${reasonOf(cause)}): ${advice}.`, {
        cause,
      });
    }
    if (response.status === 401) {
      await response.body?.cancel();
      throw new FleetError(
        `The agent at ${name} refuses the token: give its own with --token-file or ` +
          'HOLDFAST_FLEET_TOKEN.',
      );
    }
    const answer = await this.#firstSample(response);
    if (answer.open + answer.connecting > 0) {
      throw new FleetError(
        `The agent at ${name} is busy with another run (${answer.open} sessions): stop that run ` +
          'first, or wait half a minute.',
      );
    }
    // What it counted and how late it was before this run is of no matter to it.
    this.#capacity = answer.usage.capacity;
    this.#pid = answer.pid;
    this.#answeredAtMs = performance.now();
  }

  /** @throws FleetError when it is none */
  async #firstSample(response: Response): Promise<AgentSample> {
    const { name } = this.#end;
    let why = `HTTP ${response.status}`;
    try {
      if (response.ok) return await readAnswer(response, agentSample, SAMPLE_BYTES_MAX, this.#json);
      await response.body?.cancel();
    } catch (error) {
      why = reasonOf(error);
    }
    throw new FleetError(
      `What answers at ${name} is no agent of Holdfast (${why}): correct --agent, or start an ` +
        'agent of this version there.',
    );
  }

  /** @returns when an answer to this order, or to a later one, has come or failed to come */
  async order(order: AgentOrder): Promise<void> {
    if (this.#isGone) return;
    this.#waiting = order;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  /** The longest delay of the agent's loop since this was asked last, in milliseconds. */
  takeLongestLagMs(): number {
    const longest = this.#longestLagMs;
    this.#longestLagMs = 0;
    return longest;
  }

  /** The agent is lost for good, as its process has ended. */
  gone(reason: string): void {
    this.#isGone = true;
    this.#broken ??= reason;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting !== undefined && !this.#isGone) {
      const order = this.#waiting;
      this.#waiting = undefined;
      await this.#send(order);
    }
  }

  async #send(order: AgentOrder): Promise<void> {
    try {
      const sentAtMs = wallClockMs();
      const response = await this.#request('/order', JSON.stringify(order));
      if (!response.ok) {
        const why = (await readRefusal(response)) ?? `HTTP ${response.status}`;
        this.#silent = `it refused an order (${why})`;
        return;
      }
      const answer = await readAnswer(response, agentSample, SAMPLE_BYTES_MAX, this.#json);
      const other = this.#otherThanBefore(answer);
      if (other !== undefined) {
        this.gone(other);
        return;
      }
      this.#clock.observe(sentAtMs, wallClockMs(), answer.atMs);
      this.#take(answer);
    } catch (error) {
      if (error instanceof AnswerError) {
        this.#silent = `it gave no account of itself (${error.message})`;
        return;
      }
      const silentMs = performance.now() - this.#answeredAtMs;
      if (silentMs >= LOST_AFTER_MS) {
        const seconds = Math.round(silentMs / 1000);
        this.#silent = `it gave no answer for ${seconds} s (${reasonOf(error)})`;
      }
    }
  }

  /**
   * Whether its counters began anew since the last answer, which a process id alone does not tell:
   * in a container it may be the same after a restart. @returns what happened
   */
  #otherThanBefore({ pid, beginning }: AgentSample): string | undefined {
    this.#pid ??= pid;
    this.#beginning ??= beginning;
    if (pid !== this.#pid) return 'its process was replaced by another one';
    if (beginning === this.#beginning) return undefined;
    return 'it began anew: another coordinator gave it orders, or it was started again';
  }

  #take(sample: AgentSample): void {
    const { counters, usage } = sample;
    this.#sample = sample;
    this.#capacity = usage.capacity;
    this.#answeredAtMs = performance.now();
    this.#longestLagMs = Math.max(this.#longestLagMs, usage.loopLagMs);
    this.#silent = undefined;
    // They are no loss of the server's, and the run goes on without them.
    if (counters.dropped > 0) {
      this.#broken ??=
        `no order reached it for ${ORDER_TIMEOUT_MS / 1000} s, and it dropped ` +
        counted(counters.dropped, 'session');
    }
  }

  #request(path: string, body?: string): Promise<Response> {
    const question = { headers: this.#headers, timeoutMs: LOST_AFTER_MS };
    return ask(this.#end.url + path, body === undefined ? question : { ...question, body });
  }
}

function reasonOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (name === 'TimeoutError') return 'no answer in time';
  if (error instanceof AnswerError) return error.message;
  return typeof code === 'string' ? code : String(error);
}
