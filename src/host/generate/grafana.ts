/**
 * A dashboard of Grafana on a node's metrics: from what clients see, over what the workers do, to
 * what bounds them. Panels of what the config does not use are left out.
 */

import type { Config } from '../config/schema.ts';

interface Panel {
  readonly title: string;
  readonly unit: 'short' | 's' | 'bytes' | 'percentunit' | 'ops';
  /** Expressions by the name that their curves have. */
  readonly curves: Readonly<Record<string, string>>;
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** The form of dashboards of Grafana 10 and 11; later ones read it, too. */
const SCHEMA_VERSION = 39;
const COLUMNS = 24;
const PANEL_WIDTH = 8;
const PANEL_HEIGHT = 8;
const SOURCE = { type: 'prometheus', uid: '${source}' };
const HERE = 'job="holdfast",instance=~"$instance"';

/** @returns JSON that Grafana imports as it is */
export function grafanaText(config: Config): string {
  const dashboard = {
    uid: 'holdfast',
    title: 'Holdfast',
    tags: ['holdfast'],
    timezone: 'browser',
    schemaVersion: SCHEMA_VERSION,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables() },
    panels: laidOut([CLIENTS, WORKERS, ...featureRows(config)]),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function variables(): readonly object[] {
  return [
    { name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
    {
      name: 'instance',
      label: 'Node',
      type: 'query',
      datasource: SOURCE,
      query: { query: 'label_values(holdfast_ready, instance)', refId: 'instance' },
      refresh: 2,
      multi: true,
      includeAll: true,
      allValue: '.*',
      current: { text: 'All', value: '$__all' },
    },
  ];
}

/** Three panels beside each other, each row under its title. */
function laidOut(rows: readonly Row[]): readonly object[] {
  const found: object[] = [];
  const perLine = COLUMNS / PANEL_WIDTH;
  let y = 0;
  for (const { title, panels } of rows) {
    const gridPos = { x: 0, y, w: COLUMNS, h: 1 };
    found.push({ id: found.length + 1, type: 'row', title, collapsed: false, gridPos, panels: [] });
    y += 1;
    for (const [at, panel] of panels.entries()) {
      const x = (at % perLine) * PANEL_WIDTH;
      const line = Math.floor(at / perLine) * PANEL_HEIGHT;
      const place = { x, y: y + line, w: PANEL_WIDTH, h: PANEL_HEIGHT };
      found.push(timeSeries(found.length + 1, panel, place));
    }
    y += Math.ceil(panels.length / perLine) * PANEL_HEIGHT;
  }
  return found;
}

function timeSeries(id: number, { title, unit, curves }: Panel, gridPos: object): object {
  return {
    id,
    type: 'timeseries',
    title,
    gridPos,
    datasource: SOURCE,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: Object.entries(curves).map(([legendFormat, expr], at) => ({
      refId: String.fromCodePoint('A'.charCodeAt(0) + at),
      datasource: SOURCE,
      expr,
      legendFormat,
    })),
  };
}

function sum(metric: string, by?: string): string {
  const grouped = by === undefined ? '' : ` by (${by})`;
  return `sum${grouped} (${metric}{${HERE}})`;
}

function rate(metric: string, by?: string): string {
  const grouped = by === undefined ? '' : ` by (${by})`;
  return `sum${grouped} (rate(${metric}{${HERE}}[$__rate_interval]))`;
}

function each(metric: string): string {
  return `${metric}{${HERE}}`;
}

const WORKER = '{{instance}} worker {{worker}}';

const CLIENTS: Row = {
  title: 'Clients',
  panels: [
    {
      title: 'Sessions by transport',
      unit: 'short',
      curves: {
        '{{transport}}': sum('holdfast_sessions', 'transport'),
        capacity: sum('holdfast_session_capacity'),
      },
    },
    {
      title: 'WebSocket connections by node',
      unit: 'short',
      curves: { '{{instance}}': sum('websocket_connections', 'instance') },
    },
    {
      title: 'Sessions that come and go in a second',
      unit: 'ops',
      curves: {
        opened: rate('holdfast_sessions_opened_total'),
        ended: rate('holdfast_sessions_closed_total'),
        'handshakes refused': rate('holdfast_handshakes_refused_total'),
      },
    },
    {
      title: 'Refused, cut, dropped or held up in a second',
      unit: 'ops',
      curves: { '{{outcome}}: {{reason}}': rate('holdfast_refusals_total', 'outcome, reason') },
    },
    {
      title: 'Deliveries in a second',
      unit: 'ops',
      curves: { deliveries: rate('holdfast_deliveries_total') },
    },
    {
      title: 'Events and broadcasts in a second',
      unit: 'ops',
      curves: {
        'events of clients': rate('holdfast_events_received_total'),
        broadcasts: rate('holdfast_broadcasts_total'),
        'errors of the app': rate('holdfast_handler_errors_total'),
      },
    },
  ],
};

const WORKERS: Row = {
  title: 'Workers',
  panels: [
    {
      title: 'CPU, in cores',
      unit: 'short',
      curves: {
        [WORKER]: rate('holdfast_worker_cpu_seconds_total', 'instance, worker'),
        '{{instance}} controller': rate('holdfast_controller_cpu_seconds_total', 'instance'),
      },
    },
    {
      title: 'Lateness of the event loop',
      unit: 's',
      curves: { [WORKER]: each('holdfast_worker_event_loop_lag_seconds') },
    },
    {
      title: 'Memory',
      unit: 'bytes',
      curves: {
        [WORKER]: each('holdfast_worker_rss_bytes'),
        '{{instance}} controller': each('holdfast_controller_rss_bytes'),
      },
    },
    {
      title: 'What waits for clients, of what may',
      unit: 'percentunit',
      curves: {
        [WORKER]:
          `${each('holdfast_worker_held_bytes')} / ` + each('holdfast_worker_memory_budget_bytes'),
      },
    },
    {
      title: 'Open files',
      unit: 'short',
      curves: { [WORKER]: each('holdfast_worker_open_files') },
    },
    {
      title: 'Starts and stalls in ten minutes',
      unit: 'short',
      curves: {
        'started again': `sum (increase(${each('holdfast_worker_restarts_total')}[10m]))`,
        'stood still': `sum (increase(${each('holdfast_worker_stalls_total')}[10m]))`,
      },
    },
    {
      title: 'Frames between workers in a second',
      unit: 'ops',
      curves: {
        relayed: rate('holdfast_hub_frames_relayed_total'),
        dropped: rate('holdfast_hub_frames_dropped_total'),
        refused: rate('holdfast_bus_refused_total'),
      },
    },
    {
      title: 'Requests passed on between workers in a second',
      unit: 'ops',
      curves: { 'passed on': rate('holdfast_requests_forwarded_total') },
    },
    {
      title: 'Collection pauses',
      unit: 's',
      curves: { [WORKER]: each('holdfast_worker_collection_pause_seconds') },
    },
  ],
};

function featureRows({ hookUrl, rooms }: Config): readonly Row[] {
  const rows: Row[] = [];
  if (Object.values(rooms).some(({ history }) => history !== undefined)) {
    rows.push({
      title: 'History and recovery',
      panels: [
        {
          title: 'Kept',
          unit: 'bytes',
          curves: {
            history: sum('holdfast_history_bytes'),
            recovery: sum('holdfast_recovery_bytes'),
          },
        },
        {
          title: 'Clients that came back in a second',
          unit: 'ops',
          curves: {
            'given all': rate('holdfast_sessions_recovered_total'),
            'not given all, {{reason}}': rate('holdfast_sessions_unrecovered_total', 'reason'),
          },
        },
        {
          title: 'Sessions cut off that wait for their client',
          unit: 'short',
          curves: { waiting: sum('holdfast_recovery_cut_sessions') },
        },
      ],
    });
  }
  if (hookUrl !== undefined) {
    const seconds = rate('holdfast_hook_request_seconds_total');
    rows.push({
      title: 'Hooks',
      panels: [
        {
          title: 'Requests in a second',
          unit: 'ops',
          curves: { '{{call}}': rate('holdfast_hook_requests_total', 'call') },
        },
        {
          title: 'Time of a request',
          unit: 's',
          curves: { mean: `${seconds} / ${rate('holdfast_hook_requests_total')}` },
        },
        {
          title: 'Under way and waiting',
          unit: 'short',
          curves: {
            'under way': sum('holdfast_hook_calls_in_flight'),
            waiting: sum('holdfast_hook_calls_waiting'),
          },
        },
      ],
    });
  }
  return rows;
}
