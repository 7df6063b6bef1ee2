/**
 * The admin API of a Holdfast node, as far as the fleet needs it: whether it is the node under
 * test, how full it is, and sending a broadcast.
 */

import { z } from 'zod';
import { findTokenOf } from '../../host/access/left-token.ts';
import { ask, readAnswer, readStart } from '../../host/foreign/ask.ts';
import { FleetError } from '../settings/fleet-error.ts';
import type { ResolvedTarget } from '../settings/target.ts';

/** Where a node's admin API is unless it was told otherwise. */
const DEFAULT_ADMIN = 'http://127.0.0.1:8600';
const PROBE_TIMEOUT_MS = 2_000;
const SEND_TIMEOUT_MS = 30_000;
/** A node of the most workers tells of itself in a tenth of it. */
const ANSWER_BYTES_MAX = 1_048_576;
const WORKERS_MAX = 65_536;
/** What is shown of an answer that refuses a broadcast. */
const REFUSAL_BYTES_SHOWN = 200;

export const BROADCAST_EVENT = 'fleet';

export interface NodeLoad {
  readonly connections: number;
  readonly capacity: number;
}

const count = z.int().min(0);
const nodeLoad = z.object({
  connections: count,
  capacity: count,
  missing: z.array(count).max(WORKERS_MAX).optional(),
});
const nodePorts = z.object({
  nodes: z.array(z.object({ publicPort: count })).max(WORKERS_MAX),
  workers: z.array(z.object({ port: count.nullable() })).max(WORKERS_MAX),
});

/** How a broadcast reaches the server. */
export interface BroadcastWay {
  /** @throws Error that says why the server did not take it */
  send(text: string): Promise<void>;
}

export class HoldfastNode implements BroadcastWay {
  readonly url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.url = url;
    this.#token = token ?? findTokenOf('admin', url);
  }

  /**
   * The node on this host that listens on the target's port, when the default admin port leads to
   * it.
   */
  static async discover(
    targets: readonly ResolvedTarget[],
    token: string | undefined,
  ): Promise<HoldfastNode | undefined> {
    if (!targets.every(({ isLoopback }) => isLoopback)) return undefined;
    const node = new HoldfastNode(DEFAULT_ADMIN, token);
    try {
      const ports = await node.#ports();
      return targets.every(({ port }) => ports.includes(port)) ? node : undefined;
    } catch {
      return undefined;
    }
  }

  /** @throws FleetError when there is no such node, or it wants another token */
  async check(): Promise<void> {
    let response: Response;
    try {
      response = await this.#get('/load');
    } catch (cause) {
      throw new FleetError(`No Holdfast node answers at ${this.url}: correct --admin.`, { cause });
    }
    if (response.status === 401) {
      throw new FleetError(
        `The node at ${this.url} wants its admin token: give it with --admin-token-file or ` +
          'HOLDFAST_ADMIN_TOKEN.',
      );
    }
    if ((await loadIn(response)) === undefined) {
      throw new FleetError(`${this.url} is not the admin API of a Holdfast node: correct --admin.`);
    }
  }

  /** @returns undefined when the node does not tell, or not of all its workers */
  async load(): Promise<NodeLoad | undefined> {
    try {
      const load = await loadIn(await this.#get('/load'));
      return (load?.missing ?? []).length === 0 ? load : undefined;
    } catch {
      return undefined;
    }
  }

  async send(text: string): Promise<void> {
    const response = await ask(`${this.url}/send`, {
      headers: { ...this.#headers(), 'content-type': 'application/json' },
      body: JSON.stringify({ event: BROADCAST_EVENT, args: [text] }),
      timeoutMs: SEND_TIMEOUT_MS,
    });
    await expectTaken(response, this.url);
  }

  async #ports(): Promise<readonly number[]> {
    const response = await this.#get('/process');
    const { nodes, workers } = await readAnswer(response, nodePorts, ANSWER_BYTES_MAX);
    return [
      ...nodes.map(({ publicPort }) => publicPort),
      ...workers.flatMap(({ port }) => (port === null ? [] : [port])),
    ];
  }

  #get(path: string): Promise<Response> {
    return ask(this.url + path, { headers: this.#headers(), timeoutMs: PROBE_TIMEOUT_MS });
  }

  #headers(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }
}

/** Any other server: a URL that broadcasts the text which is posted to it. */
export class BroadcastUrl implements BroadcastWay {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async send(text: string): Promise<void> {
    const response = await ask(this.#url, {
      headers: { 'content-type': 'text/plain' },
      body: text,
      timeoutMs: SEND_TIMEOUT_MS,
    });
    await expectTaken(response, this.#url);
  }
}

async function expectTaken(response: Response, url: string): Promise<void> {
  if (response.ok) {
    // To its end, so that the connection serves the next broadcast; whatever it says, it was taken.
    await readStart(response, ANSWER_BYTES_MAX);
    return;
  }
  const text = await readStart(response, REFUSAL_BYTES_SHOWN);
  throw new Error(`${url} answered HTTP ${response.status}: ${text.trim()}`);
}

async function loadIn(response: Response): Promise<z.infer<typeof nodeLoad> | undefined> {
  if (!response.ok) return undefined;
  return await readAnswer(response, nodeLoad, ANSWER_BYTES_MAX).catch(() => undefined);
}
