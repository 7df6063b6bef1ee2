/** The way to other nodes, as Prometheus sees it. */

import type { ClusterFigures } from '../links/broker/cluster-figures.ts';
import type { StreamFigures } from '../links/broker/node-stream.ts';
import type { ForeignFigures } from '../links/broker/redis-broker.ts';
import type { RedisFigures } from '../links/redis/figures.ts';
import { type Metric, ofNode } from './metric.ts';

export const brokerMetrics: readonly Metric[] = [
  {
    name: 'holdfast_broker_connected',
    type: 'gauge',
    help: '1 while messages are exchanged with other nodes as they should be, 0 while not.',
    labels: [],
    *read(view) {
      const { state } = view.broker();
      if (state !== 'embedded') yield { labels: {}, value: state === 'connected' ? 1 : 0 };
    },
  },
  {
    name: 'holdfast_broker_fault',
    type: 'gauge',
    help: '1 for what is wrong with the way to other nodes, while it is.',
    labels: ['fault'],
    *read(view) {
      const { fault } = view.broker();
      if (fault !== undefined) yield { labels: { fault }, value: 1 };
    },
  },
  ofCluster('holdfast_broker_nodes', 'gauge', 'Other nodes that are there.', 'peers'),
  ofCluster(
    'holdfast_broker_peer_keys',
    'gauge',
    'Namespaces, rooms and users that other nodes want to hear of, each node counted.',
    'peerKeys',
  ),
  ofCluster(
    'holdfast_broker_said_total',
    'counter',
    'Messages sent to other nodes; one to all of them counts once.',
    'messages',
  ),
  ofCluster('holdfast_broker_heard_total', 'counter', 'Messages of other nodes.', 'heard'),
  ofCluster(
    'holdfast_broker_lost_total',
    'counter',
    'Messages of other nodes that did not arrive, as the next one showed.',
    'lost',
  ),
  ofCluster(
    'holdfast_broker_refused_total',
    'counter',
    'Messages that were not sent to other nodes, since `brokerQueueBytes` waited already.',
    'refused',
  ),
  ofCluster(
    'holdfast_broker_waiting_bytes',
    'gauge',
    'What waits to be taken by Redis.',
    'waitingBytes',
  ),
  ofCluster(
    'holdfast_broker_payloads_total',
    'counter',
    'Messages of Redis that nodes send each other: many of theirs in one.',
    'payloads',
  ),
  ofCluster('holdfast_broker_bytes_total', 'counter', 'Their bytes.', 'bytes'),
  ofCluster(
    'holdfast_broker_malformed_total',
    'counter',
    'Messages of other nodes that could not be read.',
    'malformed',
  ),
  ofStream('holdfast_stream_written_total', 'counter', 'Entries written.', 'written'),
  ofStream('holdfast_stream_read_total', 'counter', 'Entries read.', 'read'),
  ofStream(
    'holdfast_stream_lost_total',
    'counter',
    'Entries of other nodes that were gone before this one read them.',
    'lost',
  ),
  ofStream(
    'holdfast_stream_refused_total',
    'counter',
    'Entries that were not written, since `brokerQueueBytes` waited already.',
    'refused',
  ),
  ofStream(
    'holdfast_stream_waiting_bytes',
    'gauge',
    'What waits to be written to the stream.',
    'waitingBytes',
  ),
  ofStream(
    'holdfast_stream_malformed_total',
    'counter',
    'Entries that could not be read.',
    'malformed',
  ),
  ofForeign(
    'holdfast_foreign_heard_total',
    'counter',
    'Messages of Socket.IO servers and emitters that were taken.',
    'heard',
  ),
  ofForeign(
    'holdfast_foreign_said_total',
    'counter',
    'Messages said to Socket.IO servers.',
    'published',
  ),
  ofForeign(
    'holdfast_foreign_failed_total',
    'counter',
    'Messages to Socket.IO servers that Redis did not take.',
    'failed',
  ),
  ofForeign(
    'holdfast_foreign_malformed_total',
    'counter',
    'Messages of Socket.IO servers and emitters that were not understood.',
    'malformed',
  ),
  ofForeign(
    'holdfast_foreign_unanswered_total',
    'counter',
    'Questions of Socket.IO servers that were not answered, so that they time out.',
    'unanswered',
  ),
  ofForeign(
    'holdfast_foreign_room_channels',
    'gauge',
    'Rooms whose own channels are subscribed to, for what Socket.IO servers say to them.',
    'roomChannels',
  ),
  ofForeign(
    'holdfast_foreign_rooms_unheard',
    'gauge',
    'Rooms whose own channels are not heard, since they are too many.',
    'roomsUnheard',
  ),
  ofRedis('holdfast_redis_commands_total', 'Commands sent to Redis.', 'commands'),
  ofRedis('holdfast_redis_sent_bytes_total', 'What their arguments hold, about.', 'bytesSent'),
  ofRedis('holdfast_redis_heard_total', 'Messages that Redis has brought.', 'messagesHeard'),
  ofRedis(
    'holdfast_redis_reconnects_total',
    'How often all connections were there again after a loss.',
    'reconnects',
  ),
  {
    name: 'holdfast_redis_faults_total',
    type: 'counter',
    help: 'How often something began to be wrong with Redis.',
    labels: ['fault'],
    *read(view) {
      const faults = Object.entries(view.broker().redis?.faults ?? {});
      for (const [fault, value] of faults) yield { labels: { fault }, value };
    },
  },
];

function ofForeign(
  name: string,
  type: Metric['type'],
  help: string,
  figure: keyof ForeignFigures,
): Metric {
  return ofNode(name, type, help, (view) => view.broker().foreign?.[figure]);
}

function ofRedis(
  name: string,
  help: string,
  figure: Exclude<keyof RedisFigures, 'faults'>,
): Metric {
  return ofNode(name, 'counter', help, (view) => view.broker().redis?.[figure]);
}

function ofCluster(
  name: string,
  type: Metric['type'],
  help: string,
  figure: keyof ClusterFigures,
): Metric {
  return ofNode(name, type, help, (view) => view.broker().cluster?.[figure]);
}

function ofStream(
  name: string,
  type: Metric['type'],
  help: string,
  figure: keyof StreamFigures,
): Metric {
  return ofNode(name, type, help, (view) => view.broker().stream?.[figure]);
}
