/**
 * The form of each record, checked: a line of a log is text that anybody may have changed, and what
 * draws charts from it must be able to rely on its shape.
 *
 * The types are those of `record.ts`; the compiler holds both together. Fields that this version
 * does not know are left out, so that a later one may add some.
 */

import { z } from 'zod';
import type {
  FleetEvent,
  FleetHeader,
  FleetSample,
  FleetVerdict,
  KernelMemory,
  ServerHeader,
  ServerSample,
} from './record.ts';

/** The first moment that a date cannot write with four digits: the year 10000. */
const MOMENTS_END_MS = 253_402_300_800_000;

const number: z.ZodNumber = z.number();
/** Milliseconds since 1970, of a time that can be written as a date. */
export const moment: z.ZodNumber = z.number().min(0).lt(MOMENTS_END_MS);
const byWorker = z.array(number.nullable());
const byName = z.record(z.string(), number);
const settings = z.record(z.string(), z.unknown());

const machine = z.object({
  hostname: z.string(),
  kernel: z.string(),
  cpu: z.string(),
  cores: number,
  memoryBytes: number,
  kind: z.string(),
  runtime: z.string(),
  holdfast: z.string(),
});

const percentiles = z
  .object({ count: number, p50: number, p90: number, p99: number, p999: number, max: number })
  .optional();

export const kernelMemory: z.ZodType<KernelMemory> = z.object({
  slabBytes: number,
  socketBufferBytes: number,
  tcpSockets: number,
  timeWaitSockets: number,
  availableBytes: number,
  totalBytes: number,
});

export const serverHeader: z.ZodType<ServerHeader> = z.object({
  record: z.literal('server'),
  version: number,
  atMs: moment,
  machine,
  settings,
  workers: number,
  capacity: number,
});

export const serverSample: z.ZodType<ServerSample> = z.object({
  record: z.literal('server-sample'),
  atMs: moment,
  sessions: byWorker,
  cpuMs: byWorker,
  rssBytes: byWorker,
  heapBytes: byWorker,
  loopLagMs: byWorker,
  collectionMs: byWorker,
  collections: byWorker,
  restarts: number,
  controller: z.object({ cpuMs: number, rssBytes: number }),
  counters: z.object({ opened: number, closed: number, refused: number, deliveries: number }),
  kernel: kernelMemory.optional(),
});

export const fleetHeader: z.ZodType<FleetHeader> = z.object({
  record: z.literal('fleet'),
  version: number,
  atMs: moment,
  machine,
  settings,
  agents: z.array(z.string()),
});

export const fleetSample: z.ZodType<FleetSample> = z.object({
  record: z.literal('fleet-sample'),
  atMs: moment,
  phase: z.enum(['climb', 'hold', 'leave', 'done']),
  wanted: number,
  open: number,
  connecting: number,
  established: number,
  left: number,
  failures: byName,
  losses: byName,
  deliveries: number,
  echoesSent: number,
  echoesAnswered: number,
  connectLatency: percentiles,
  deliveryLatency: percentiles,
  echoLatency: percentiles,
  agents: z.object({
    open: z.array(number),
    cpuMs: z.array(number),
    rssBytes: z.array(number),
    loopLagMs: z.array(number),
  }),
});

export const fleetEvent: z.ZodType<FleetEvent> = z.object({
  record: z.literal('fleet-event'),
  atMs: moment,
  what: z.enum(['phase', 'broadcast', 'set', 'storm', 'agent', 'note']),
  text: z.string(),
});

export const fleetVerdict: z.ZodType<FleetVerdict> = z.object({
  record: z.literal('fleet-verdict'),
  atMs: moment,
  verdict: z.enum(['passed', 'failed', 'void']),
  findings: z.array(
    z.object({ name: z.string(), text: z.string(), advice: z.string().optional() }),
  ),
  connectionsAsked: number,
  connectionsHeldMax: number,
  heldSeconds: number,
  lost: number,
  failed: number,
  broadcasts: z.array(
    z.object({
      sequence: number,
      atMs: moment,
      sessions: number,
      received: number,
      tookMs: number,
    }),
  ),
  connectLatency: percentiles,
  deliveryLatency: percentiles,
  echoLatency: percentiles,
});
