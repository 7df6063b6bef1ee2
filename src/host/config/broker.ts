/** What the config says of the broker: how nodes find each other, and what goes between them. */
import { z } from 'zod';
import { readBrokerUrl } from './broker-url.ts';
import { key } from './keys.ts';

export const BROKER_MODES = ['pubsub', 'sharded', 'streams'] as const;
export type BrokerMode = (typeof BROKER_MODES)[number];

export interface BrokerConfig {
  readonly broker: string;
  readonly brokerMode: BrokerMode;
  readonly brokerPrefix: string;
  readonly brokerCaFile?: string | undefined;
  readonly brokerSocketIo: boolean;
  readonly brokerQueueBytes: number;
  readonly brokerStream: string;
  readonly brokerStreamLength: number;
  readonly brokerStreamReads: number;
}

/** The broker of one node by itself. */
export const EMBEDDED = 'embedded';

const MIB = 1 << 20;
const NAME_RULE = 'letters, digits and any of ".:_-", 1 to 100 of them';
const name = z.string().regex(/^[\w.:-]{1,100}$/);

export const brokerShape: { [K in keyof BrokerConfig]-?: z.ZodType<BrokerConfig[K]> } = {
  broker: key(
    z
      .string()
      .default(EMBEDDED)
      .refine((url) => url === EMBEDDED || 'url' in readBrokerUrl(url)),
    'What links nodes: the URL of a Redis or Valkey, a Cluster of them or their Sentinels; ' +
      '`embedded` is a single node. Safer as a variable or in the file where it has a password, ' +
      'since every user of the host can see flags.',
    {
      allowed:
        '"embedded", or a URL such as "redis://10.0.0.5:6379", ' +
        '"redis-cluster://10.0.0.5,10.0.0.6" or "redis-sentinel://10.0.0.5,10.0.0.6/name", with ' +
        '`rediss` for TLS',
      isSecret: true,
    },
  ),
  brokerMode: key(
    z.enum(BROKER_MODES).default('pubsub'),
    'How messages go: `pubsub` at most once; `sharded` likewise, by the sharded pub/sub of Redis ' +
      '7, for a Cluster; `streams` by a stream, from which nodes that were cut off go on. Also ' +
      "which of Socket.IO's own Redis adapters is understood.",
  ),
  brokerPrefix: key(
    name.default('socket.io'),
    'Begins the names of channels and keys, so that several clusters can share one Redis; the ' +
      "`key` or `channelPrefix` of Socket.IO's adapters and emitters.",
    { allowed: NAME_RULE },
  ),
  brokerCaFile: key(
    z.string().min(1).optional(),
    'File with certificates, in PEM form, by one of which that of Redis is signed; without it ' +
      'those that the system trusts.',
    { isPath: true },
  ),
  brokerSocketIo: key(
    z.boolean().default(true),
    'Exchanges everything with Socket.IO servers that have its Redis adapter, and takes what its ' +
      'emitters say. Where only nodes of Holdfast are on that Redis, `false` saves them the work.',
  ),
  brokerQueueBytes: key(
    z
      .int()
      .min(0)
      .max(4096 * MIB)
      .default(64 * MIB),
    'What may wait for other nodes while Redis cannot be reached; `0` refuses it at once. The ' +
      'sessions of this node have it, but what rooms with `history` keep waits for them as well.',
    {
      limit: {
        seen: 'other nodes miss it; `POST /send` answers 503',
        counted: 'holdfast_broker_refused_total',
      },
    },
  ),
  brokerStream: key(
    name.default('socket.io'),
    "Name of the stream of `brokerMode: streams`; the `streamName` of Socket.IO's adapter.",
    { allowed: NAME_RULE },
  ),
  brokerStreamLength: key(
    z.int().min(100).max(100_000_000).default(10_000),
    'Entries that a stream keeps, about: nodes that were cut off, and those that start, find no ' +
      'more than these. Also of the stream in which rooms with `history` keep it for all nodes.',
    { limit: { seen: 'who comes back is told that not all is kept' } },
  ),
  brokerStreamReads: key(
    z.int().min(1).max(10_000).default(100),
    'Entries that a node reads from a stream at once.',
  ),
};
