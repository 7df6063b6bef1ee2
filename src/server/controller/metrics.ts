/**
 * What Prometheus sees of a node: one table of metrics, each read from the NodeView when a scrape
 * asks. Nothing is counted here; workers count, and their samples carry the numbers.
 *
 * docs/METRICS.md is written from the same table by scripts/metrics-docs.ts.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import { HOOK_COUNTERS } from '../core/limits/hook-counters.ts';
import { REASONS, type Reason } from '../core/limits/reasons.ts';
import { knownCounts } from '../core/limits/refusals.ts';
import { sessionsByTransport } from '../links/bus/sample.ts';
import { brokerMetrics } from './broker-metrics.ts';
import { type Metric, ofCounter, ofCounters, ofGauge, ofNode, perWorker, sum } from './metric.ts';
import type { NodeView } from './node-view.ts';
import { stateMetrics } from './state-metrics.ts';

export interface Metrics {
  readonly contentType: string;
  /** The exposition text of this moment. */
  render(): Promise<string>;
}

export function createMetrics(view: NodeView): Metrics {
  // A registry of our own: prom-client's default one belongs to the whole process.
  const registry = new Registry();
  for (const metric of metrics) register(registry, metric, view);
  return { contentType: registry.contentType, render: () => registry.metrics() };
}

function register(registry: Registry, metric: Metric, view: NodeView): void {
  const { name, help } = metric;
  const options = { name, help, labelNames: [...metric.labels], registers: [registry] };
  if (metric.type === 'gauge') {
    const gauge: Gauge = new Gauge({
      ...options,
      collect() {
        gauge.reset();
        for (const { labels, value } of metric.read(view)) gauge.set(labels, value);
      },
    });
  } else {
    const counter: Counter = new Counter({
      ...options,
      collect() {
        counter.reset();
        for (const { labels, value } of metric.read(view)) counter.inc(labels, value);
      },
    });
  }
}

export const metrics: readonly Metric[] = [
  ofNode('websocket_connections', 'gauge', 'WebSocket connections of the node.', (view) =>
    sum(view.workers(), (worker) => worker.sample?.gauges.websocketSessions ?? 0),
  ),
  ofNode('holdfast_ready', 'gauge', '1 while the node takes sessions, otherwise 0.', (view) =>
    Number(view.isReady()),
  ),
  ofNode(
    'holdfast_start_time_seconds',
    'gauge',
    'When the node started, in seconds since 1970.',
    (view) => view.startedAtMs / 1000,
  ),
  {
    name: 'holdfast_sessions',
    type: 'gauge',
    help: 'Sessions by the transport that carries them now.',
    labels: ['worker', 'transport'],
    *read(view) {
      for (const { index, sample } of view.workers()) {
        if (!sample) continue;
        for (const [transport, value] of Object.entries(sessionsByTransport(sample.gauges))) {
          yield { labels: { worker: `${index}`, transport }, value };
        }
      }
    },
  },
  ofGauge('holdfast_session_capacity', 'The most sessions the worker takes.', 'capacity'),
  ofGauge('holdfast_rooms', 'Rooms with members on the worker.', 'rooms'),
  ofGauge('holdfast_users', 'Users with sessions on the worker.', 'users'),
  ofGauge('holdfast_edge_sockets', 'Sockets held for sessions of other workers.', 'edgeSockets'),
  ofGauge('holdfast_free_places', 'Sessions that the worker would take now.', 'freePlaces'),
  ofGauge('holdfast_worker_open_files', 'Files that the worker has open.', 'openFiles'),
  ofGauge(
    'holdfast_connections_without_session',
    'Connections of clients that are no WebSocket: polls that wait, and strangers.',
    'strangers',
  ),
  {
    name: 'holdfast_sessions_address_share',
    type: 'gauge',
    help:
      'Of the sessions, the part that comes from the address, or the ten addresses, with most; ' +
      'near 1 behind a proxy that `trustedProxies` does not name. Estimated where there are many.',
    labels: ['worker', 'addresses'],
    *read(view) {
      for (const { index, sample } of view.workers()) {
        if (!sample) continue;
        const { topAddressShare, topTenAddressesShare } = sample.gauges;
        yield { labels: { worker: `${index}`, addresses: '1' }, value: topAddressShare };
        yield { labels: { worker: `${index}`, addresses: '10' }, value: topTenAddressesShare };
      }
    },
  },
  ofGauge('holdfast_worker_rss_bytes', 'Resident memory of the worker.', 'rssBytes'),
  ofGauge('holdfast_worker_heap_bytes', 'JavaScript heap of the worker.', 'heapBytes'),
  perWorker(
    'holdfast_worker_event_loop_lag_seconds',
    'gauge',
    'The longest delay of a timer in the last second.',
    (worker) => worker.sample && worker.sample.gauges.loopLagMaxMs / 1000,
  ),
  perWorker(
    'holdfast_worker_collection_pause_seconds',
    'gauge',
    'The longest garbage collection in the last second that the schedule `gc` began; 0 if none.',
    (worker) => worker.sample && worker.sample.gauges.collectionPauseMaxMs / 1000,
  ),
  ofCounter(
    'holdfast_worker_collections_total',
    'Garbage collections that the schedule `gc` began; those of the runtime itself cannot be seen.',
    'collections',
  ),
  perWorker(
    'holdfast_worker_collection_seconds_total',
    'counter',
    'How long these collections stopped the worker.',
    (worker) => worker.sample && worker.sample.counters.collectionMicroseconds / 1e6,
  ),
  perWorker(
    'holdfast_worker_up',
    'gauge',
    '1 while the worker runs and answers, otherwise 0.',
    (worker) => Number(worker.state === 'running'),
  ),
  perWorker(
    'holdfast_worker_sample_age_seconds',
    'gauge',
    'How long ago the worker reported; it does so once a second while its event loop turns.',
    ({ lastSampleAtMs }) =>
      lastSampleAtMs === undefined ? undefined : (Date.now() - lastSampleAtMs) / 1000,
  ),
  perWorker(
    'holdfast_worker_stalls_total',
    'counter',
    'How often the event loop of the worker stood still for long.',
    (worker) => worker.stalls,
  ),
  perWorker(
    'holdfast_worker_restarts_total',
    'counter',
    'How often the worker was started again.',
    (worker) => worker.restarts,
  ),
  perWorker(
    'holdfast_worker_cpu_seconds_total',
    'counter',
    'CPU time of the worker, user and system.',
    (worker) => worker.sample && worker.sample.counters.cpuMicroseconds / 1e6,
  ),
  ofCounter('holdfast_sessions_opened_total', 'Sessions opened.', 'sessionsOpened'),
  ofCounter('holdfast_sessions_closed_total', 'Sessions ended.', 'sessionsClosed'),
  ofCounter('holdfast_handshakes_refused_total', 'Handshakes refused.', 'handshakesRefused'),
  {
    name: 'holdfast_refusals_total',
    type: 'counter',
    help: 'What the worker refused, cut, dropped or held up, by reason.',
    labels: ['worker', 'outcome', 'reason'],
    *read(view) {
      for (const { index, sample } of view.workers()) {
        for (const [reason, value] of Object.entries(knownCounts(sample?.refusals))) {
          const { outcome } = REASONS[reason as Reason];
          yield { labels: { worker: `${index}`, outcome, reason }, value };
        }
      }
    },
  },
  ofCounter(
    'holdfast_requests_forwarded_total',
    'Requests passed on to the worker that owns their session.',
    'requestsForwarded',
  ),
  ofCounter(
    'holdfast_requests_answered_total',
    'Polls, and requests with packets, of sessions that were answered here.',
    'requestsAnswered',
  ),
  ofCounter('holdfast_events_received_total', 'Events that clients sent.', 'eventsReceived'),
  ofCounter('holdfast_broadcasts_total', 'Broadcasts that the worker delivered.', 'broadcasts'),
  ofCounter(
    'holdfast_deliveries_total',
    'Events handed to connections, broadcasts counted once per recipient.',
    'deliveries',
  ),
  ofCounter('holdfast_handler_errors_total', 'Handlers of the app that threw.', 'handlerErrors'),
  ofCounter(
    'holdfast_bus_frames_received_total',
    'Frames that came to the worker over the bus.',
    'busFramesReceived',
  ),
  ofCounter(
    'holdfast_bus_refused_total',
    'Messages of the worker that its full bus queue refused.',
    'busDropped',
  ),
  ofGauge(
    'holdfast_worker_bus_queue_bytes',
    'Bytes that wait in the worker to leave for the controller.',
    'busQueueBytes',
  ),
  ofGauge('holdfast_worker_held_bytes', 'Bytes that wait for clients of the worker.', 'heldBytes'),
  ofGauge(
    'holdfast_worker_memory_budget_bytes',
    'The most that may wait for clients of the worker.',
    'memoryBudgetBytes',
  ),
  ofCounters(
    'holdfast_hook_requests_total',
    'Requests to the backend of hooks by what was asked, second tries included; those that ' +
      'failed are in `holdfast_refusals_total`, outcome `failed`.',
    'call',
    HOOK_COUNTERS,
  ),
  perWorker(
    'holdfast_hook_request_seconds_total',
    'counter',
    'How long these requests took, until their answer or failure.',
    (worker) => worker.sample && worker.sample.counters.hookMicroseconds / 1e6,
  ),
  ofGauge('holdfast_hook_calls_in_flight', 'Hooks under way.', 'hookCallsInFlight'),
  ofGauge('holdfast_hook_calls_waiting', 'Hooks that wait for their turn.', 'hookCallsWaiting'),
  ofGauge(
    'holdfast_hook_circuit_open',
    '1 while the backend of hooks is left alone, since it failed time after time, otherwise 0.',
    'hookCircuitOpen',
  ),
  {
    name: 'holdfast_hub_queue_bytes',
    type: 'gauge',
    help: 'Bytes that wait in the controller for the worker.',
    labels: ['worker'],
    *read(view) {
      for (const [index, value] of view.hub().queueBytes.entries()) {
        yield { labels: { worker: `${index}` }, value };
      }
    },
  },
  ofNode(
    'holdfast_hub_frames_relayed_total',
    'counter',
    'Frames that the controller passed to workers.',
    (view) => view.hub().framesRelayed,
  ),
  ofNode(
    'holdfast_hub_bytes_relayed_total',
    'counter',
    'Bytes that the controller passed to workers.',
    (view) => view.hub().bytesRelayed,
  ),
  ofNode(
    'holdfast_hub_frames_dropped_total',
    'counter',
    'Frames dropped: their worker took none, and too many of their sender waited.',
    (view) => view.hub().framesDropped,
  ),
  ofNode(
    'holdfast_hub_interest_entries',
    'gauge',
    'Pairs of a worker and a room or user it wants messages for.',
    (view) => view.hub().interestEntries,
  ),
  ...stateMetrics,
  ...brokerMetrics,
  ofCounter(
    'holdfast_log_lines_lost_total',
    'Lines that the worker logged and the controller did not take.',
    'logLinesLost',
  ),
  ofNode(
    'holdfast_controller_log_lines_lost_total',
    'counter',
    'Lines of the log that could not be written, as on a full disk.',
    (view) => view.log().linesLost,
  ),
  perWorker(
    'holdfast_app_output_dropped_total',
    'counter',
    'Characters that the app printed on the worker beyond what is logged.',
    ({ index, sample }, view) =>
      (sample?.counters.appOutputDropped ?? 0) + (view.log().outputDropped.get(index) ?? 0),
  ),
  ofNode('holdfast_controller_rss_bytes', 'gauge', 'Resident memory of the controller.', () =>
    process.memoryUsage.rss(),
  ),
  ofNode(
    'holdfast_controller_cpu_seconds_total',
    'counter',
    'CPU time of the controller, user and system.',
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  ),
];
