/**
 * Alerts of Prometheus and the dashboard of Grafana: they ask for metrics and reasons that there
 * are, Prometheus itself takes them, and alerts are raised when they should be.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requirement } from '../../../test/support/requires.ts';
import { REASONS } from '../../server/core/limits/reasons.ts';
import { loadConfig } from '../config/load.ts';
import { grafanaText } from './grafana.ts';
import { prometheusText } from './prometheus.ts';

setDefaultTimeout(20_000);

const promtool = requirement('promtool');
const METRICS = readFileSync(join(import.meta.dir, '../../../docs/METRICS.md'), 'utf8');
const SECRET = 'a-secret-of-thirty-two-and-some-more';

type Env = Readonly<Record<string, string>>;
/** All that is watched. */
const FULL: Env = {
  HOLDFAST_HOOK_URL: 'http://127.0.0.1:9000/hook',
  HOLDFAST_HOOK_SECRET: SECRET,
  HOLDFAST_ROOMS: '{"match:*":{"history":{"messages":10}}}',
};

interface Rule {
  readonly alert: string;
  readonly expr: string;
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

const alertsText = (env: Env = {}): string => prometheusText(loadConfig({ env }));

function rulesOf(env: Env = {}): readonly Rule[] {
  const { groups } = Bun.YAML.parse(alertsText(env)) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

function panelsOf(env: Env = {}): readonly Panel[] {
  const { panels } = JSON.parse(grafanaText(loadConfig({ env }))) as {
    readonly panels: readonly Panel[];
  };
  return panels;
}

const queriesOf = (env: Env = {}): readonly string[] =>
  panelsOf(env).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

const EXPRESSIONS = [...rulesOf(FULL).map(({ expr }) => expr), ...queriesOf(FULL)];

test('all metrics and reasons exist', () => {
  const names = EXPRESSIONS.flatMap((one) => one.match(/\b(holdfast|websocket)_\w+/g) ?? []);
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => !METRICS.includes(`\`${name}\``))).toEqual([]);
  const reasons = EXPRESSIONS.flatMap((one) => [...one.matchAll(/reason="(\w+)"/g)]);
  expect(reasons.filter(([, reason = '']) => !Object.hasOwn(REASONS, reason))).toEqual([]);
});

test('what the config does not use is not watched', () => {
  const names = (env: Env): string =>
    rulesOf(env)
      .map(({ alert }) => alert)
      .join();
  expect(names(FULL)).toContain('HoldfastHooksFail,HoldfastHistoryDropped');
  expect(names({})).not.toMatch(/Hooks|History/);
  expect(queriesOf({}).join()).not.toMatch(/_hook_|_history_/);
});

test('lateness is measured by the heartbeat', () => {
  const expression = (env: Env): string | undefined =>
    rulesOf(env).find(({ alert }) => alert === 'HoldfastWorkerLate')?.expr;
  expect(expression({})).toEndWith('> 5');
  expect(expression({ HOLDFAST_PING_TIMEOUT_MS: '1000' })).toEndWith('> 1');
});

test('the comment says how the node is scraped, without its secret', () => {
  const env = { HOLDFAST_ADMIN_HOST: '::', HOLDFAST_ADMIN_TOKEN: SECRET };
  const text = alertsText(env);
  expect(text).toContain('"NODE:8600"');
  expect(text).toContain('credentials_file');
  expect(text).not.toContain(SECRET);
  expect(alertsText({ HOLDFAST_ADMIN_HOST: '::1' })).toContain('"[::1]:8600"');
  expect(() => alertsText({ HOLDFAST_ADMIN_PORT: '0' })).toThrow('`adminPort` is 0');
});

test('panels have ids of their own and lie side by side', () => {
  const panels = panelsOf(FULL);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(cells.every((cell) => Number.parseInt(cell, 10) < 24)).toBe(true);
});

describe.skipIf(!promtool.available)(promtool.title('Prometheus takes'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-prometheus-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function expectGood(verb: readonly string[], name: string, text: string): Promise<void> {
    writeFileSync(join(folder, name), text);
    const child = Bun.spawn([promtool.path, ...verb, join(folder, name)], {
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const said = (await child.stdout.text()) + (await child.stderr.text());
    expect({ code: await child.exited, said }).toEqual({ code: 0, said: expect.any(String) });
  }

  test('the alerts', () => expectGood(['check', 'rules'], 'alerts.yaml', alertsText(FULL)));

  test('the queries of the dashboard', async () => {
    const rules = queriesOf(FULL).map((expr, at) => ({
      record: `query_${at}`,
      expr: expr.replaceAll('$__rate_interval', '1m'),
    }));
    const text = Bun.YAML.stringify({ groups: [{ name: 'dashboard', rules }] });
    await expectGood(['check', 'rules'], 'queries.yaml', text);
  });

  test('and raises alerts for a node that fails, and none for one that is well', async () => {
    writeFileSync(join(folder, 'raised.yaml'), alertsText(FULL));
    const well = (values: Readonly<Record<string, string>>) =>
      Object.entries(values).map(([series, all]) => ({ series, values: all }));
    const labels = (node: string): string => `instance="${node}",job="holdfast"`;
    const of = (node: string, worker = '0'): string => `${labels(node)},worker="${worker}"`;
    const input = well({
      [`up{${labels('well')}}`]: '1x20',
      [`holdfast_ready{${labels('well')}}`]: '1x20',
      [`holdfast_sessions{${of('well')},transport="websocket"}`]: '500x20',
      [`holdfast_session_capacity{${of('well')}}`]: '1000x20',
      [`websocket_connections{${labels('well')}}`]: '500x20',
      [`holdfast_worker_up{${of('well')}}`]: '1x20',
      [`holdfast_worker_event_loop_lag_seconds{${of('well')}}`]: '0.01x20',
      [`holdfast_refusals_total{${of('well')},outcome="refused",reason="atCapacity"}`]: '0x20',
      [`holdfast_refusals_total{${of('well')},outcome="cut",reason="pingTimeout"}`]: '0+1x20',
      [`up{${labels('gone')}}`]: '1x10 0x10',
      [`holdfast_sessions{${of('full')},transport="websocket"}`]: '990x20',
      [`holdfast_session_capacity{${of('full')}}`]: '1000x20',
      [`holdfast_refusals_total{${of('full')},outcome="refused",reason="atCapacity"}`]: '0+5x20',
      [`websocket_connections{${labels('fallen')}}`]: '900x16 100x4',
      [`holdfast_worker_up{${of('dead', '3')}}`]: '1x10 0x10',
    });
    const raised = (alertname: string, instances: readonly object[]) => ({
      eval_time: '20m',
      alertname,
      exp_alerts: instances.map((exp_labels) => ({ exp_labels })),
    });
    const expected: Readonly<Record<string, readonly object[]>> = {
      HoldfastDown: [{ severity: 'critical', instance: 'gone', job: 'holdfast' }],
      HoldfastNearlyFull: [{ severity: 'warning', instance: 'full' }],
      HoldfastRefusesClients: [{ severity: 'critical', instance: 'full' }],
      HoldfastConnectionsFell: [{ severity: 'warning', instance: 'fallen' }],
      HoldfastWorkerDown: [
        { severity: 'critical', instance: 'dead', job: 'holdfast', worker: '3' },
      ],
    };
    const annotated = rulesOf(FULL).map(({ alert }) => raised(alert, expected[alert] ?? []));
    // Labels are what is compared; the words come from the rules themselves.
    const words = new Map(
      (Bun.YAML.parse(alertsText(FULL)) as { groups: { rules: Annotated[] }[] }).groups
        .flatMap(({ rules }) => rules)
        .map(({ alert, annotations }) => [alert, annotations]),
    );
    const tests = annotated.map((one) => ({
      ...one,
      exp_alerts: one.exp_alerts.map(({ exp_labels }) => ({
        exp_labels,
        exp_annotations: filled(words.get(one.alertname), exp_labels),
      })),
    }));
    const text = Bun.YAML.stringify({
      rule_files: ['raised.yaml'],
      evaluation_interval: '1m',
      tests: [{ interval: '1m', input_series: input, alert_rule_test: tests }],
    });
    await expectGood(['test', 'rules'], 'test.yaml', text);
  });
});

interface Annotated {
  readonly alert: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** As Prometheus fills labels in. */
function filled(
  annotations: Readonly<Record<string, string>> = {},
  labels: object,
): Readonly<Record<string, string>> {
  const byName = labels as Readonly<Record<string, string>>;
  return Object.fromEntries(
    Object.entries(annotations).map(([name, text]) => [
      name,
      text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_all, label: string) => byName[label] ?? ''),
    ]),
  );
}
