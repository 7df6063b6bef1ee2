/**
 * Alerts of Prometheus on a node's metrics: what an operator must know before clients say it, each
 * with what to do. Thresholds follow the config where it has any; what it does not use is not
 * watched.
 */

import { isLoopback } from '../access/loopback.ts';
import type { Config } from '../config/schema.ts';
import { comment, GenerateError } from './deployment.ts';
import { authority } from './front.ts';

interface Alert {
  readonly name: string;
  readonly expression: string;
  /** How long it must hold; at once without. */
  readonly lasts?: string;
  readonly severity: 'critical' | 'warning';
  /** What is wrong, in one clause; the node is said before it. */
  readonly what: string;
  readonly advice: string;
}

/** Of the sessions; more that do not answer have a cause in common. */
const LOST_SHARE = 0.05;
/** Below so many clients, shares say nothing. */
const CLIENTS_LEAST = 100;
const LAG_LEAST_S = 1;
/** Late by a quarter of what clients may take, the worker itself may be why they are late. */
const LAG_SHARE = 1 / 4;

/** @throws GenerateError when the admin port is not known */
export function prometheusText(config: Config): string {
  const alerts = [...nodeAlerts(), ...workerAlerts(config), ...featureAlerts(config)];
  const groups = [{ name: 'holdfast', rules: alerts.map(ruleOf) }];
  return `${scrapeComment(config)}\n${Bun.YAML.stringify({ groups }, null, 2)}\n`;
}

function ruleOf({ name, expression, lasts, severity, what, advice }: Alert): object {
  return {
    alert: name,
    expr: expression,
    ...(lasts === undefined ? {} : { for: lasts }),
    labels: { severity },
    annotations: { summary: `{{ $labels.instance }}: ${what}`, description: advice },
  };
}

function scrapeComment(config: Config): string {
  const { adminHost, adminPort, adminToken, adminTlsCert } = config;
  if (adminPort === 0) {
    throw new GenerateError('`adminPort` is 0, which is another port at each start: set it.');
  }
  const isAny = ['::', '0.0.0.0'].includes(adminHost);
  const target = isAny ? `NODE:${adminPort}` : authority(adminHost, adminPort);
  const lines = [
    comment(
      'Alerts for Holdfast; written by "holdfast generate prometheus". Name this file in ' +
        'rule_files of prometheus.yml, and have the node scraped there:',
    ),
    '#   scrape_configs:',
    '#     - job_name: holdfast',
    ...(adminTlsCert === undefined ? [] : ['#       scheme: https']),
    ...(adminToken === undefined
      ? []
      : ['#       authorization: { credentials_file: /etc/prometheus/holdfast.token }']),
    `#       static_configs: [{ targets: ["${target}"] }]`,
  ];
  return isLoopback(adminHost)
    ? [
        ...lines,
        comment('The admin port is on loopback: only a Prometheus on the same host comes in.'),
      ].join('\n')
    : lines.join('\n');
}

function nodeAlerts(): readonly Alert[] {
  const sessions = 'sum by (instance) (holdfast_sessions)';
  return [
    {
      name: 'HoldfastDown',
      expression: 'up{job="holdfast"} == 0',
      lasts: '1m',
      severity: 'critical',
      what: 'does not answer',
      advice: 'Look whether the node runs, and whether Prometheus may reach its admin port.',
    },
    {
      name: 'HoldfastNotReady',
      expression: 'holdfast_ready == 0',
      lasts: '1m',
      severity: 'critical',
      what: 'takes no sessions',
      advice: 'It is full, stops, or its workers do not start: see its log and "holdfast status".',
    },
    {
      name: 'HoldfastNearlyFull',
      expression: `${sessions} / sum by (instance) (holdfast_session_capacity) > 0.85`,
      lasts: '5m',
      severity: 'warning',
      what: 'more than 85 % of its places are taken',
      advice: 'Add nodes or workers, or raise what bounds it ("holdfast doctor" says what does).',
    },
    {
      name: 'HoldfastRefusesClients',
      expression: `${refusals('atCapacity', '5m')} > 0`,
      severity: 'critical',
      what: 'refuses clients for want of places',
      advice: 'Add nodes or workers, or raise what bounds it ("holdfast doctor" says what does).',
    },
    {
      name: 'HoldfastClientsLost',
      expression:
        `${refusals('pingTimeout', '5m')} > ${LOST_SHARE} * ${sessions} ` +
        `and ${sessions} > ${CLIENTS_LEAST}`,
      severity: 'critical',
      what: 'clients do not answer its pings',
      advice: 'A network between has failed, or a proxy in front cuts what is silent too soon.',
    },
    {
      name: 'HoldfastConnectionsFell',
      expression:
        'sum by (instance) (websocket_connections) < 0.7 * ' +
        'sum by (instance) (websocket_connections offset 5m) ' +
        `and sum by (instance) (websocket_connections offset 5m) > ${CLIENTS_LEAST}`,
      severity: 'warning',
      what: 'has lost a third of its connections in five minutes',
      advice: 'See whether a worker, a proxy or a network between has failed.',
    },
    {
      name: 'HoldfastLogLost',
      expression: 'increase(holdfast_controller_log_lines_lost_total[10m]) > 0',
      severity: 'warning',
      what: 'cannot write its log',
      advice: 'The disk is full, or who reads the log does not keep up.',
    },
  ];
}

function workerAlerts({ pingTimeoutMs }: Config): readonly Alert[] {
  const lag = Math.max(LAG_LEAST_S, (pingTimeoutMs / 1_000) * LAG_SHARE);
  const of = 'worker {{ $labels.worker }}';
  return [
    {
      name: 'HoldfastWorkerDown',
      expression: 'holdfast_worker_up == 0',
      lasts: '30s',
      severity: 'critical',
      what: `${of} does not run`,
      advice: 'The log of the node says why it ended, and why it does not start.',
    },
    {
      name: 'HoldfastWorkerRestarts',
      expression: 'increase(holdfast_worker_restarts_total[10m]) > 2',
      severity: 'warning',
      what: `${of} was started again and again`,
      advice: 'The app throws where nobody catches, or memory is short: see the log.',
    },
    {
      name: 'HoldfastWorkerStalls',
      expression: 'increase(holdfast_worker_stalls_total[10m]) > 0',
      severity: 'warning',
      what: `${of} stood still`,
      advice: 'The app computes for long in one turn: take a profile ("holdfast profile").',
    },
    {
      name: 'HoldfastWorkerLate',
      expression: `min_over_time(holdfast_worker_event_loop_lag_seconds[1m]) > ${lag}`,
      severity: 'warning',
      what: `${of} is late all the time`,
      advice: 'It has more to do than one core does: add workers, or profile ("holdfast profile").',
    },
    {
      name: 'HoldfastMemoryBudget',
      expression: 'holdfast_worker_held_bytes / holdfast_worker_memory_budget_bytes > 0.8',
      lasts: '2m',
      severity: 'warning',
      what: `${of} holds 80 % of what may wait for clients`,
      advice: 'Clients read more slowly than is said to them: say less, or raise the budget.',
    },
    {
      name: 'HoldfastMessagesDropped',
      expression:
        'increase(holdfast_bus_refused_total[5m]) > 0 or ' +
        'increase(holdfast_hub_frames_dropped_total[5m]) > 0',
      severity: 'critical',
      what: 'messages between workers are dropped',
      advice: 'More is said than workers take from each other: say less, or to fewer at once.',
    },
    {
      name: 'HoldfastHandlersFail',
      expression:
        'sum by (instance) (rate(holdfast_handler_errors_total[5m])) > ' +
        '0.01 * sum by (instance) (rate(holdfast_events_received_total[5m]))',
      lasts: '5m',
      severity: 'warning',
      what: 'more than 1 % of the events end in an error of the app',
      advice: 'The log has the errors, each with the name of its event.',
    },
  ];
}

/** Of what the config makes use of. */
function featureAlerts({ hookUrl, rooms }: Config): readonly Alert[] {
  const alerts: Alert[] = [];
  if (hookUrl !== undefined) {
    alerts.push({
      name: 'HoldfastHooksFail',
      expression: 'max by (instance) (holdfast_hook_circuit_open) == 1',
      lasts: '1m',
      severity: 'critical',
      what: 'the backend of its hooks fails',
      advice: 'See whether hookUrl answers; the log says what came of the last calls.',
    });
  }
  if (Object.values(rooms).some(({ history }) => history !== undefined)) {
    alerts.push({
      name: 'HoldfastHistoryDropped',
      expression:
        'increase(holdfast_history_dropped_total[10m]) > 0 or ' +
        'increase(holdfast_recovery_dropped_total[10m]) > 0',
      severity: 'warning',
      what: 'less is kept for clients that come back than the rooms say',
      advice: 'Raise historyBudgetBytes or recoveryBudgetBytes, or keep less.',
    });
  }
  return alerts;
}

function refusals(reason: string, within: string): string {
  return `sum by (instance) (increase(holdfast_refusals_total{reason="${reason}"}[${within}]))`;
}
