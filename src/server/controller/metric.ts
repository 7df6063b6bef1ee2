/** One metric of a node, and how most of them are read. */

import type { WorkerCounters, WorkerGauges } from '../links/bus/sample.ts';
import type { NodeView, WorkerView } from './node-view.ts';

export interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly labels: readonly string[];
  /** The values of this moment; those that are not known yet are left out. */
  read(view: NodeView): Iterable<Reading>;
}

export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One figure of the node, without labels; left out while there is none. */
export function ofNode(
  name: string,
  type: Metric['type'],
  help: string,
  valueOf: (view: NodeView) => number | undefined,
): Metric {
  return {
    name,
    type,
    help,
    labels: [],
    *read(view) {
      const value = valueOf(view);
      if (value !== undefined) yield { labels: {}, value };
    },
  };
}

export function perWorker(
  name: string,
  type: Metric['type'],
  help: string,
  valueOf: (worker: WorkerView, view: NodeView) => number | undefined,
): Metric {
  return {
    name,
    type,
    help,
    labels: ['worker'],
    *read(view) {
      for (const worker of view.workers()) {
        const value = valueOf(worker, view);
        if (value !== undefined) yield { labels: { worker: `${worker.index}` }, value };
      }
    },
  };
}

export function ofGauge(name: string, help: string, key: keyof WorkerGauges): Metric {
  return perWorker(name, 'gauge', help, (worker) => worker.sample?.gauges[key]);
}

export function ofCounter(name: string, help: string, key: keyof WorkerCounters): Metric {
  return perWorker(name, 'counter', help, (worker) => worker.sample?.counters[key]);
}

/** Of each worker a counter for each value of a label. */
export function ofCounters<Value extends string>(
  name: string,
  help: string,
  label: string,
  keys: Readonly<Record<Value, keyof WorkerCounters>>,
): Metric {
  const entries = Object.entries(keys) as [Value, keyof WorkerCounters][];
  return {
    name,
    type: 'counter',
    help,
    labels: ['worker', label],
    *read(view) {
      for (const { index, sample } of view.workers()) {
        if (!sample) continue;
        for (const [value, key] of entries) {
          yield { labels: { worker: `${index}`, [label]: value }, value: sample.counters[key] };
        }
      }
    },
  };
}

export function sum(
  workers: readonly WorkerView[],
  valueOf: (worker: WorkerView) => number,
): number {
  return workers.reduce((total, worker) => total + valueOf(worker), 0);
}
