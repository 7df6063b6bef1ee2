import { expect, test } from 'bun:test';
import { metricsPage, metricsPagePath } from '../../../scripts/metrics-docs.ts';
import { FakeNode } from '../../../test/support/fake-node.ts';
import { createMetrics, metrics } from './metrics.ts';

test('docs/METRICS.md is what scripts/metrics-docs.ts writes', async () => {
  expect(await Bun.file(metricsPagePath).text()).toBe(metricsPage());
});

test('every metric is exposed with its type', async () => {
  const text = await createMetrics(new FakeNode()).render();
  for (const { name, type } of metrics) {
    expect(text).toContain(`# TYPE ${name} ${type}\n`);
    expect(text).toMatch(new RegExp(`^${name}[ {]`, 'm'));
    expect(name.endsWith('_total')).toBe(type === 'counter');
  }
});

test('values come from the node; a worker that has not reported is left out', async () => {
  const text = await createMetrics(new FakeNode()).render();
  for (const line of [
    'websocket_connections 40',
    'holdfast_ready 1',
    'holdfast_sessions{worker="0",transport="polling"} 3',
    'holdfast_sessions{worker="0",transport="websocket"} 40',
    'holdfast_worker_up{worker="1"} 0',
    'holdfast_worker_restarts_total{worker="1"} 7',
    'holdfast_worker_event_loop_lag_seconds{worker="0"} 0.002',
    'holdfast_worker_collection_pause_seconds{worker="0"} 0.0125',
    'holdfast_worker_collections_total{worker="0"} 6',
    'holdfast_worker_collection_seconds_total{worker="0"} 0.048',
    'holdfast_worker_cpu_seconds_total{worker="0"} 1.5',
    'holdfast_deliveries_total{worker="0"} 800',
    'holdfast_hub_queue_bytes{worker="1"} 6',
    'holdfast_hub_frames_relayed_total 11',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  expect(text).not.toContain('holdfast_deliveries_total{worker="1"}');
});

test('scrapes do not add up, and registries are independent', async () => {
  const node = new FakeNode();
  const first = createMetrics(node);
  const second = createMetrics(node);
  await first.render();
  for (const text of [await first.render(), await second.render()]) {
    expect(text).toContain('holdfast_broadcasts_total{worker="0"} 20\n');
  }
});
