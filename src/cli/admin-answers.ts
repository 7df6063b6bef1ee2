/**
 * The form of what a node answers, checked before a command shows it: another program may have the
 * port, or a node of another version. What a newer one says beside it stays in the answer.
 */
import { z } from 'zod';
import type { LoadReport } from '../server/controller/admin-reports.ts';
import type { SendReceipt, WorkerProfile } from '../server/controller/node-view.ts';

/** A node of the most workers takes a tenth of it. */
export const REPORT_BYTES_MAX = 1_048_576;
/** What a node itself passes on at most, and a little about it. */
export const PROFILE_BYTES_MAX: number = (32 << 20) + 65_536;

const WORKERS_MAX = 65_536;
const TEXT_CHARACTERS_MAX = 1_024;

const text = z.string().max(TEXT_CHARACTERS_MAX);
const number = z.number();
const known = number.nullable();
const transports = z.object({ polling: number, websocket: number, sse: number, stream: number });

export const loadReport: z.ZodType<LoadReport> = z.object({
  connections: number,
  capacity: number,
  transports,
  workers: z
    .array(
      z.object({
        index: number,
        pid: known,
        port: known,
        connections: number,
        capacity: number,
        transports,
        sampleAgeMs: known,
      }),
    )
    .max(WORKERS_MAX),
  missing: z.array(number).max(WORKERS_MAX),
});

export const sendReceipt: z.ZodType<SendReceipt> = z.object({
  accepted: z.literal(true),
  id: text,
});

const moments = {
  startTime: number,
  endTime: number,
  samples: z.array(number),
  timeDeltas: z.array(number),
};
const usage = z.object({
  wallMs: number,
  mainThreadCpuMs: number,
  otherThreadsCpuMs: number,
  collections: number,
  collectionMs: number,
});

/** What it takes to write a profile down: DevTools may make more of it than this version does. */
const profileToKeep = z.object({
  profile: z.object({
    ...moments,
    nodes: z.array(z.object({ id: number, children: z.array(number).optional() })),
  }),
  usage: z.object({ wallMs: number, mainThreadCpuMs: number }),
});

/** What it takes to sum one up. */
const profileToSumUp = z.object({
  worker: number,
  pid: number,
  root: z.string(),
  profile: z.object({
    ...moments,
    nodes: z.array(
      z.object({
        id: number,
        callFrame: z.object({
          functionName: z.string(),
          scriptId: z.string(),
          url: z.string(),
          lineNumber: number,
        }),
      }),
    ),
  }),
  usage,
  survivors: z
    .object({
      objects: number,
      bytes: number,
      collectionMs: number,
      kinds: z.array(z.object({ name: z.string(), objects: number })),
    })
    .optional(),
});

export const keptProfile: z.ZodType<WorkerProfile> = z.custom<WorkerProfile>(
  (value) => profileToKeep.safeParse(value).success,
);

export function canBeSummedUp(profile: WorkerProfile): boolean {
  return profileToSumUp.safeParse(profile).success;
}
