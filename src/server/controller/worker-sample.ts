/**
 * What a worker says of itself, judged before it is believed: it runs the app, which may do
 * anything. What is no number would be an error of `/metrics` and of the record for all workers.
 */

import type { WorkerSample } from '../links/bus/sample.ts';

/** Whether it is what the worker of this number may say. */
export function isSampleOf(worker: number, value: unknown): value is WorkerSample {
  if (!isRecord(value) || value['worker'] !== worker) return false;
  const { pid, startedAtMs, gauges, counters, refusals } = value;
  return areNumbers({ pid, startedAtMs }) && [gauges, counters, refusals].every(areNumbers);
}

function areNumbers(values: unknown): boolean {
  return isRecord(values) && Object.values(values).every((one) => Number.isFinite(one));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
