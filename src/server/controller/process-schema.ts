/** The form of what a node says of itself and its workers, as commands and other nodes judge it. */
import { z } from 'zod';
import type { ProcessReport } from './admin-reports.ts';
import type { BrokerState } from './node-view.ts';

const NODES_MAX = 1_024;
const WORKERS_MAX = 65_536;
const TEXT_CHARACTERS_MAX = 1_024;

const text = z.string().max(TEXT_CHARACTERS_MAX);
const number = z.number();
const known = number.nullable();

export const processReport: z.ZodType<ProcessReport> = z.object({
  nodes: z
    .array(
      z.object({
        id: text,
        host: text,
        pid: number,
        ready: z.boolean(),
        // A newer node may have more states.
        broker: z.custom<BrokerState>((value) => text.safeParse(value).success).default('embedded'),
        publicPort: number,
        workers: number,
        connections: number,
        capacity: number,
        uptimeMs: number,
        rssBytes: number,
      }),
    )
    .max(NODES_MAX),
  workers: z
    .array(
      z.object({
        node: text,
        index: number,
        pid: known,
        state: z.custom<ProcessReport['workers'][number]['state']>(
          (value) => text.safeParse(value).success,
        ),
        restarts: number,
        port: known,
        uptimeMs: known,
        rssBytes: known,
        heapBytes: known,
        loopLagMaxMs: known,
        collections: known,
        collectionPauseMaxMs: known,
        cpuMs: known,
        sampleAgeMs: known,
      }),
    )
    .max(WORKERS_MAX),
  bus: z.object({
    framesRelayed: number,
    bytesRelayed: number,
    framesDropped: number,
    queueBytes: z.array(number).max(WORKERS_MAX),
    interestEntries: number,
  }),
  missingNodes: z.array(text).max(NODES_MAX),
});
