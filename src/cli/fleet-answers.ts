/** The form of what a run of the fleet answers, checked before a command shows it. */
import { z } from 'zod';
import type { FleetStatus } from '../fleet/coordinator/status.ts';

/** A thousand agents and all names of failures take a third of it. */
export const STATUS_BYTES_MAX = 1_048_576;

const AGENTS_MAX = 4_096;
const TARGETS_MAX = 4_096;
const NAMES_MAX = 4_096;
const BROADCASTS_MAX = 1_024;
const TEXT_CHARACTERS_MAX = 4_096;

const text = z.string().max(TEXT_CHARACTERS_MAX);
const number = z.number();
const byName = z.record(text, number).refine((counts) => Object.keys(counts).length <= NAMES_MAX);
const percentiles = z
  .object({ count: number, p50: number, p90: number, p99: number, p999: number, max: number })
  .optional();
const latencies = z.object({ connect: percentiles, delivery: percentiles, echo: percentiles });

export const fleetStatus: z.ZodType<FleetStatus> = z.object({
  run: text,
  phase: z.enum(['climb', 'hold', 'leave', 'done']),
  elapsedSeconds: number,
  secondsLeft: number.nullable(),
  targets: z.array(text).max(TARGETS_MAX),
  wanted: number,
  rate: number,
  measuredRate: number,
  open: number,
  connecting: number,
  established: number,
  left: number,
  failures: byName,
  losses: byName,
  deliveriesPerSecond: number,
  echoesPerSecond: number,
  latencies: z.custom<FleetStatus['latencies']>((value) => latencies.safeParse(value).success),
  broadcasts: z
    .array(
      z.object({
        sequence: number,
        atMs: number,
        sessions: number,
        received: number,
        tookMs: number,
      }),
    )
    .max(BROADCASTS_MAX),
  agents: z
    .array(
      z.object({
        name: text,
        pid: number.nullable(),
        lost: text.nullable(),
        open: number,
        connecting: number,
        capacity: number,
        cpuShare: number,
        rssBytes: number,
        loopLagMs: number,
      }),
    )
    .max(AGENTS_MAX),
});
