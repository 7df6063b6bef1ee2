/**
 * Two nodes that know of each other, without a broker: real workers in processes of their own, and
 * this process in the place of both controllers. What a cluster would tell them is told here.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect as dial, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/host/config/load.ts';
import type { Config } from '../../src/host/config/schema.ts';
import { claimPublicPort } from '../../src/server/controller/public-port.ts';
import type { WorkerProcess } from '../../src/server/controller/supervisor.ts';
import { spawnWorker } from '../../src/server/controller/worker-process.ts';
import type { ClusterEvents, NodePlace } from '../../src/server/core/contracts/cluster.ts';
import type { WorkerReady } from '../../src/server/links/bus/bus-frame.ts';
import type { Hub } from '../../src/server/links/bus/hub.ts';
import type { WorkerSample } from '../../src/server/links/bus/sample.ts';
import { busSocketPath } from '../../src/server/links/bus/worker-settings.ts';
import { NodesService } from '../../src/server/links/nodes/nodes-service.ts';
import { newHub } from './new-hub.ts';
import { within } from './raw-deadline.ts';

const HOST = '127.0.0.1';
const SECRET = 'the secret of both nodes, 32 long';
const READY_TIMEOUT_MS = 45_000;
const STOP_TIMEOUT_MS = 15_000;
const PLACES = { openFiles: 4_000, connections: 3_000, sessions: 12_000 };
const MEMORY_BUDGET_BYTES = 64 * 2 ** 20;

export interface LinkedNodesOptions {
  /** Path of the app file. */
  readonly app: string;
  readonly config?: Partial<Config>;
  readonly workers?: number;
  /** What the second node believes to be the secret. */
  readonly otherSecret?: string;
}

/** One of them. */
export class LinkedNode {
  readonly number: number;
  readonly publicPort: number;
  /** What its workers and their app have said. */
  readonly lines: string[] = [];
  /** What its workers have told of themselves last. */
  readonly samples: Map<number, WorkerSample> = new Map();
  readonly ready: Map<number, WorkerReady> = new Map();
  readonly workers: readonly WorkerProcess[];
  readonly #folder: string;
  readonly #hub: Hub;
  readonly #claim: ReturnType<typeof claimPublicPort>;
  #others: readonly NodePlace[] = [];
  readonly #watching: ClusterEvents[] = [];

  constructor(number: number, secret: string, options: LinkedNodesOptions) {
    const { app, config = {}, workers = 1 } = options;
    this.number = number;
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-linked-'));
    this.#claim = claimPublicPort(HOST, 0);
    this.publicPort = this.#claim.port;
    const say = (text: string): void => void this.lines.push(text);
    this.#hub = newHub(
      {
        onReady: (worker, ready) => void this.ready.set(worker, ready),
        onFailed: (worker, reason) => say(`worker ${worker} failed: ${reason}`),
        onSample: (worker, sample) => void this.samples.set(worker, sample as WorkerSample),
      },
      { debug() {}, info: say, warn: say, error: say },
      {},
      1_000_000,
      number,
    );
    const cluster = {
      places: this.#others,
      watch: (events: ClusterEvents) => void this.#watching.push(events),
    };
    this.#hub.addService(new NodesService(cluster, this.#hub, workers, 0));
    this.#hub.listen(busSocketPath(this.#folder));
    const settings = {
      workerCount: workers,
      node: number,
      runDir: this.#folder,
      publicPort: this.publicPort,
      ownPort: 0,
      app,
      places: PLACES,
      memoryBudgetBytes: MEMORY_BUDGET_BYTES,
      historyEpoch: 'epoch',
      recoveryKey: Buffer.alloc(32, number).toString('base64url'),
      cluster: { secret, host: HOST, port: 0 },
      config: { ...loadConfig(), host: HOST, ...config },
    };
    this.workers = Array.from({ length: workers }, (_, worker) =>
      spawnWorker(
        { ...settings, worker },
        {
          line: (_level, message, fields) => say(`${message} ${JSON.stringify(fields ?? {})}`),
          text: (_output, text) => say(text),
          dropped: () => {},
        },
      ),
    );
    process.on('exit', this.#kill);
  }

  readonly #kill = (): void => {
    for (const worker of this.workers) worker.kill('SIGKILL');
  };

  get url(): string {
    return `http://${HOST}:${this.publicPort}`;
  }

  /** Where the other node reaches it. */
  get place(): NodePlace {
    const ports = this.workers.map((_, worker) => this.ready.get(worker)?.nodePort ?? 0);
    return { node: this.number, host: HOST, ports };
  }

  async isReady(): Promise<void> {
    const deadlineMs = performance.now() + READY_TIMEOUT_MS;
    while (this.ready.size < this.workers.length) {
      if (performance.now() > deadlineMs) {
        throw new Error(`node ${this.number} is not ready: ${this.lines.join('\n')}`);
      }
      await Bun.sleep(10);
    }
    this.#claim.release();
  }

  /** Its workers are told where other nodes are. */
  tell(others: readonly NodePlace[]): void {
    this.#others = others;
    for (const events of this.#watching) events.onPlaces?.(others);
  }

  /** The sum of a count that its workers tell of themselves. */
  sum(count: (sample: WorkerSample) => number): number {
    return [...this.samples.values()].reduce((sum, sample) => sum + count(sample), 0);
  }

  async stop(): Promise<void> {
    for (const worker of this.workers) worker.kill('SIGTERM');
    const ended = Promise.all(this.workers.map(({ exited }) => exited));
    await within(`node ${this.number} stops`, ended, STOP_TIMEOUT_MS).finally(this.#kill);
    this.#claim.release();
    this.#hub.close();
    rmSync(this.#folder, { recursive: true, force: true });
    process.off('exit', this.#kill);
  }
}

export class LinkedNodes implements AsyncDisposable {
  readonly one: LinkedNode;
  readonly other: LinkedNode;
  readonly #alternating: Server;
  #turn = 0;

  private constructor(options: LinkedNodesOptions) {
    this.one = new LinkedNode(1, SECRET, options);
    this.other = new LinkedNode(2, options.otherSecret ?? SECRET, options);
    this.#alternating = createServer((near) => {
      const far = dial(this.#next().publicPort, HOST);
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
    });
  }

  static async start(options: LinkedNodesOptions): Promise<LinkedNodes> {
    const nodes = new LinkedNodes(options);
    try {
      await Promise.all([nodes.one.isReady(), nodes.other.isReady()]);
      const { one, other } = nodes;
      one.tell([other.place]);
      other.tell([one.place]);
      await new Promise<void>((done) => nodes.#alternating.listen(0, HOST, done));
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
    return nodes;
  }

  /** A port whose connections go to the one and the other in turn. */
  get alternatingUrl(): string {
    return `http://${HOST}:${(this.#alternating.address() as { port: number }).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#alternating.close();
    await Promise.all([this.one.stop(), this.other.stop()]);
  }

  #next(): LinkedNode {
    return this.#turn++ % 2 === 0 ? this.one : this.other;
  }
}
