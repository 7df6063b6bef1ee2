/**
 * Writes docs/METRICS.md from the table of metrics. Run it after every change of a metric; a test
 * beside the table fails while the page is behind.
 */
import type { Metric } from '../src/server/controller/metric.ts';
import { metrics } from '../src/server/controller/metrics.ts';

export const metricsPagePath: URL = new URL('../docs/METRICS.md', import.meta.url);

export function metricsPage(): string {
  return `<!-- Written by scripts/metrics-docs.ts from src/server/controller/metrics.ts -->

# Metrics

\`GET /metrics\` on the admin port, in the text format of Prometheus. Workers report once a second,
so values are at most that old. Counters of a worker start again from 0 when the worker is started
again; \`rate()\` and \`increase()\` allow for that.

| metric | type | labels | meaning |
|---|---|---|---|
${metrics.map(row).join('\n')}
`;
}

function row({ name, type, labels, help }: Metric): string {
  const labelled = labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${type} | ${labelled} | ${help} |`;
}

if (import.meta.main) await Bun.write(metricsPagePath, metricsPage());
