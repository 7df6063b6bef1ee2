/** The JSON of `GET /load` and `GET /process`: how full the node is, and how it stands. */
import type { TransportName } from '../core/app/app.ts';
import { sessionCount, sessionsByTransport } from '../links/bus/sample.ts';
import { sum } from './metric.ts';
import type { BrokerState, HubView, NodeView, WorkerState, WorkerView } from './node-view.ts';

/** A session counts as a connection of the transport that carries it now. */
export interface LoadReport {
  readonly connections: number;
  readonly capacity: number;
  readonly transports: Transports;
  /** Workers that the sums do not hold as they are now: without a sample, or with an old one. */
  readonly missing: readonly number[];
  readonly workers: readonly WorkerLoad[];
}

export type Transports = Readonly<Record<TransportName, number>>;

export interface WorkerLoad {
  readonly index: number;
  readonly pid: number | null;
  readonly port: number | null;
  readonly connections: number;
  readonly capacity: number;
  readonly transports: Transports;
  /** How old these figures are; null where there are none, and zeros stand for them. */
  readonly sampleAgeMs: number | null;
}

/** A worker says how it stands once a second; what is older than this is no longer so. */
const SAMPLE_OLD_MS = 5_000;

/** Null is what is not known: a worker that is not running, or has not reported yet. */
export interface ProcessReport {
  readonly nodes: readonly NodeProcess[];
  readonly workers: readonly WorkerProcessReport[];
  readonly bus: HubView;
  /** Ids of other nodes that did not answer. */
  readonly missingNodes: readonly string[];
}

export interface NodeProcess {
  readonly id: string;
  /** Under which other hosts reach it. */
  readonly host: string;
  readonly pid: number;
  readonly ready: boolean;
  /** Whether it exchanges messages with other nodes; `embedded` for one by itself. */
  readonly broker: BrokerState;
  readonly publicPort: number;
  readonly workers: number;
  readonly connections: number;
  readonly capacity: number;
  readonly uptimeMs: number;
  readonly rssBytes: number;
}

export interface WorkerProcessReport {
  readonly node: string;
  readonly index: number;
  readonly pid: number | null;
  readonly state: WorkerState;
  readonly restarts: number;
  readonly port: number | null;
  readonly uptimeMs: number | null;
  readonly rssBytes: number | null;
  readonly heapBytes: number | null;
  readonly loopLagMaxMs: number | null;
  /** Of the garbage collections that the schedule `gc` began. */
  readonly collections: number | null;
  readonly collectionPauseMaxMs: number | null;
  readonly cpuMs: number | null;
  readonly sampleAgeMs: number | null;
}

export function loadReport(view: NodeView, nowMs: number): LoadReport {
  const workers = view.workers().map((worker) => workerLoad(worker, nowMs));
  const total = (valueOf: (worker: WorkerLoad) => number): number =>
    workers.reduce((sum, worker) => sum + valueOf(worker), 0);
  return {
    connections: total(({ connections }) => connections),
    capacity: total(({ capacity }) => capacity),
    transports: {
      polling: total(({ transports }) => transports.polling),
      websocket: total(({ transports }) => transports.websocket),
      sse: total(({ transports }) => transports.sse),
      stream: total(({ transports }) => transports.stream),
    },
    missing: workers.filter(isMissing).map(({ index }) => index),
    workers,
  };
}

function isMissing({ sampleAgeMs }: WorkerLoad): boolean {
  return sampleAgeMs === null || sampleAgeMs > SAMPLE_OLD_MS;
}

function sampleAge({ sample, lastSampleAtMs }: WorkerView, nowMs: number): number | null {
  return sample === undefined || lastSampleAtMs === undefined ? null : nowMs - lastSampleAtMs;
}

function workerLoad(worker: WorkerView, nowMs: number): WorkerLoad {
  const { index, pid, port, sample } = worker;
  return {
    index,
    pid: pid ?? null,
    port: port ?? null,
    connections: sessionCount(sample?.gauges),
    capacity: sample?.gauges.capacity ?? 0,
    transports: sessionsByTransport(sample?.gauges),
    sampleAgeMs: sampleAge(worker, nowMs),
  };
}

export function processReport(view: NodeView, nowMs: number): ProcessReport {
  const workers = view.workers();
  const node: NodeProcess = {
    id: view.nodeId,
    pid: process.pid,
    host: view.host,
    ready: view.isReady(),
    broker: view.broker().state,
    publicPort: view.publicPort,
    workers: workers.length,
    connections: sum(workers, ({ sample }) => sessionCount(sample?.gauges)),
    capacity: sum(workers, ({ sample }) => sample?.gauges.capacity ?? 0),
    uptimeMs: nowMs - view.startedAtMs,
    rssBytes: process.memoryUsage.rss(),
  };
  return {
    nodes: [node],
    workers: workers.map((worker) => workerProcess(worker, view.nodeId, nowMs)),
    bus: view.hub(),
    missingNodes: [],
  };
}

/** The report of one node with those of the others behind it. */
export function withOthers(
  own: ProcessReport,
  others: {
    readonly reports: readonly ProcessReport[];
    readonly missingNodes: readonly string[];
  } = {
    reports: [],
    missingNodes: [],
  },
): ProcessReport {
  const { reports, missingNodes } = others;
  return {
    nodes: [...own.nodes, ...reports.flatMap(({ nodes }) => nodes)],
    workers: [...own.workers, ...reports.flatMap(({ workers }) => workers)],
    bus: own.bus,
    missingNodes,
  };
}

function workerProcess(worker: WorkerView, node: string, nowMs: number): WorkerProcessReport {
  const { index, pid, state, restarts, port, sample } = worker;
  return {
    node,
    index,
    pid: pid ?? null,
    state,
    restarts,
    port: port ?? null,
    uptimeMs: sample ? nowMs - sample.startedAtMs : null,
    rssBytes: sample?.gauges.rssBytes ?? null,
    heapBytes: sample?.gauges.heapBytes ?? null,
    loopLagMaxMs: sample?.gauges.loopLagMaxMs ?? null,
    collections: sample?.counters.collections ?? null,
    collectionPauseMaxMs: sample?.gauges.collectionPauseMaxMs ?? null,
    cpuMs: sample ? sample.counters.cpuMicroseconds / 1000 : null,
    sampleAgeMs: sampleAge(worker, nowMs),
  };
}
