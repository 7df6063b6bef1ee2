/**
 * The form of what an agent answers, checked: it may be of another version, or be none. What it
 * says is added up, shown, recorded and asked of other agents, so each field has a bound. Agents
 * themselves do not load this.
 */

import { z } from 'zod';
import { type AgentCounters, type AgentSample, BROADCASTS_KEPT } from '../agent/contract.ts';
import { HISTOGRAM_BUCKETS, type HistogramData } from '../agent/histogram.ts';
import { CONNECTIONS_MAX } from '../settings/settings.ts';

/** Full histograms and all names take a quarter of it. */
export const SAMPLE_BYTES_MAX = 1_048_576;
/** An agent has up to `NAMES_MAX` (tally.ts) of failures and of losses. */
const NAMES_MAX = 256;
const NAME_CHARACTERS_MAX = 128;
const ID_CHARACTERS_MAX = 64;
/** The last moment that a date can hold. */
const MOMENTS_END_MS = 8.64e15;

const count: z.ZodInt = z.int().min(0);
const amount: z.ZodNumber = z.number().min(0);
const sessions: z.ZodInt = count.max(CONNECTIONS_MAX);
const id: z.ZodString = z.string().max(ID_CHARACTERS_MAX);
const byName = z
  .record(z.string().max(NAME_CHARACTERS_MAX), count)
  .refine((counts) => Object.keys(counts).length <= NAMES_MAX);
/** Read in one go, since there are thousands of numbers a second. */
const histogram = z.custom<HistogramData>(isHistogram);

const counters: z.ZodType<AgentCounters> = z.object({
  attempts: count,
  established: count,
  left: count,
  dropped: count,
  failures: byName,
  losses: byName,
  deliveries: count,
  deliveryBytes: count,
  duplicates: count,
  heartbeats: count,
  echoesSent: count,
  echoesAnswered: count,
});

export const agentSample: z.ZodType<AgentSample> = z.object({
  run: id,
  beginning: id,
  pid: count,
  atMs: amount.max(MOMENTS_END_MS),
  open: sessions,
  connecting: sessions,
  counters,
  broadcasts: z.array(z.object({ sequence: count, received: count })).max(BROADCASTS_KEPT),
  latencies: z.object({ connect: histogram, delivery: histogram, echo: histogram }),
  usage: z.object({
    cpuSeconds: amount,
    rssBytes: amount,
    loopLagMs: amount,
    openFileLimit: amount,
    capacity: sessions.min(1),
  }),
});

function isHistogram(data: unknown): boolean {
  if (!Array.isArray(data) || data.length % 2 !== 0 || data.length > 2 * HISTOGRAM_BUCKETS) {
    return false;
  }
  for (let i = 0; i < data.length; i += 2) {
    const bucket: unknown = data[i];
    const counted: unknown = data[i + 1];
    if (!isCount(bucket) || bucket >= HISTOGRAM_BUCKETS || !isCount(counted)) return false;
  }
  return true;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
