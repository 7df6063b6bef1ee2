/**
 * What Kubernetes needs to run nodes: Deployment, Service, PodDisruptionBudget and
 * HorizontalPodAutoscaler. Written as values and not as text, so that no value of a config can be
 * more than a value.
 */

import { EMBEDDED } from '../config/broker.ts';
import type { Config } from '../config/schema.ts';
import { nodeNeeds, PLAN_BASIS } from '../figures/plan-node.ts';
import { SESSION_COST } from '../figures/session-cost.ts';
import {
  ADMIN_TOKEN,
  checkReachable,
  containerSettings,
  imageName,
  missingFiles,
} from './container.ts';
import { comment, GenerateError } from './deployment.ts';

export interface KubernetesOptions {
  /** The image that runs, such as `registry.example.com/holdfast:1`. */
  readonly image: string;
}

type Value = Readonly<Record<string, unknown>>;

const NAME = 'holdfast';
const SECRETS = 'holdfast-secrets';

/** WebSocket connections of a pod, on average, above which there are more pods. */
const CONNECTIONS_AVERAGE = 40_000;
/** What a pod has room for where nobody says: a quarter more, until others are there. */
const CONNECTIONS_USUAL = 50_000;
const CPU_PERCENT = 70;
const [PODS_LEAST, PODS_MOST] = [3, 20];
/** Cores of a pod where `workers` is `auto`: a pod sees all cores of its host. */
const WORKERS_USUAL = 2;
/** Until no proxy of the cluster sends new clients to a pod that is to end. */
const LEAVING_S = 5;
/** What the controller takes to end after it has killed workers that did not. */
const STOP_MARGIN_S = 10;
/** Of the memory; the rest is for what waits for clients, and for the app. */
const MEMORY_SHARE = 0.8;
const MEMORY_STEP = 256 * 2 ** 20;
/** Each scaling down cuts clients of one pod. */
const SCALE_DOWN_S = 600;
/** What `nobody` is in most images. */
const USER = 65_534;
const PRIVILEGED_PORTS = 1_024;

/** @throws GenerateError for a config that cannot work in a pod */
export function kubernetesText(config: Config, options: KubernetesOptions): string {
  refuse(config);
  const image = imageName(options.image);
  const { secrets } = environment(config);
  const head = comment(
    'Holdfast in Kubernetes; written by "holdfast generate kubernetes".',
    `The Secret ${SECRETS} has to be there, with: ${secrets.join(', ')}. kubectl create secret ` +
      `generic ${SECRETS} --from-literal=${ADMIN_TOKEN}=...`,
    ...missingFiles(config),
    'The autoscaler knows websocket_connections only where an adapter brings metrics of ' +
      `Prometheus to custom.metrics.k8s.io; Prometheus scrapes port ` +
      `${config.adminPort} with the admin token.`,
    linkWords(config),
  );
  const parts = [deployment(config, image), service(config), budget(), autoscaler()];
  return `${[head, ...parts.map(yaml)].join('\n---\n')}\n`;
}

function linkWords({ broker }: Config): string {
  return broker === EMBEDDED
    ? 'Without a broker pods are not linked: what is said on one is heard there, and clients ' +
        'that poll must reach the same pod again, which sessionAffinity is for. An ingress in ' +
        'front needs its own.'
    : 'Pods are linked by the broker, and reach each other at any port of their addresses; it ' +
        'and they belong into a network that others cannot reach.';
}

/** Anew each time: YAML would write the second of one object as a reference to the first. */
function labels(): Value {
  return { 'app.kubernetes.io/name': NAME };
}

function yaml(value: Value): string {
  return Bun.YAML.stringify(value, null, 2);
}

function refuse(config: Config): void {
  checkReachable(config);
  if (config.port >= PRIVILEGED_PORTS && config.adminPort >= PRIVILEGED_PORTS) return;
  throw new GenerateError(
    'A container without root cannot listen below port 1024: set --port and --admin-port ' +
      'higher; the Service listens on 80 or 443 all the same.',
  );
}

function workersOf({ workers }: Config): number {
  return workers === 'auto' ? WORKERS_USUAL : workers;
}

/** The config, with the admin port open to Prometheus and as many workers as the pod has cores. */
function environment(config: Config): {
  readonly env: Value[];
  readonly secrets: readonly string[];
} {
  const { variables, secrets } = containerSettings(config, ['workers']);
  return {
    env: [
      { name: 'HOLDFAST_WORKERS', value: String(workersOf(config)) },
      ...variables.map(([name, value]) => ({ name, value: escaped(value) })),
      ...secrets.map((name) => ({
        name,
        valueFrom: { secretKeyRef: { name: SECRETS, key: name } },
      })),
    ],
    secrets,
  };
}

/** `$(NAME)` would be another variable. */
function escaped(value: string): string {
  return value.replaceAll('$(', '$$$$(');
}

function deployment(config: Config, image: string): Value {
  const stopSeconds = Math.ceil(config.shutdownTimeoutMs / 1_000);
  const spread = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, labels: labels() },
    spec: {
      // Without a number of replicas, which the autoscaler keeps.
      selector: { matchLabels: labels() },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: labels() },
        spec: {
          // Variables that a Service named holdfast adds would be taken for a config.
          enableServiceLinks: false,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: LEAVING_S + stopSeconds + STOP_MARGIN_S,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: USER,
            runAsGroup: USER,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          topologySpreadConstraints: [
            {
              ...spread,
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: labels() },
            },
          ],
          containers: [container(config, image)],
          volumes: [{ name: 'temporary', emptyDir: {} }],
        },
      },
    },
  };
}

function container(config: Config, image: string): Value {
  const memory = memoryOf(config);
  const probe = (path: string, times: Value): Value => ({
    httpGet: { path, port: 'public', scheme: config.tlsCert === undefined ? 'HTTP' : 'HTTPS' },
    timeoutSeconds: 2,
    ...times,
  });
  return {
    name: NAME,
    image,
    args: ['start'],
    env: environment(config).env,
    ports: [
      { name: 'public', containerPort: config.port },
      { name: 'admin', containerPort: config.adminPort },
    ],
    resources: {
      requests: { cpu: String(workersOf(config)), memory },
      limits: { memory },
    },
    startupProbe: probe('/health', { periodSeconds: 1, failureThreshold: 60 }),
    // A node replaces workers that stand still by itself; this is for when it cannot.
    livenessProbe: probe('/health', { periodSeconds: 10, failureThreshold: 6 }),
    readinessProbe: probe('/ready', { periodSeconds: 2, failureThreshold: 2 }),
    lifecycle: { preStop: { exec: { command: ['sleep', String(LEAVING_S)] } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'temporary', mountPath: '/tmp' }],
  };
}

/** In whole steps, as Kubernetes writes it. */
function memoryOf(config: Config): string {
  const sessions = config.connections ?? CONNECTIONS_USUAL;
  const host = { cores: workersOf(config), memoryBytes: Number.POSITIVE_INFINITY };
  const load = { broadcastsPerSecond: 0, churnPercentPerMinute: 0 };
  const { memory } = nodeNeeds(sessions, host, load, SESSION_COST, PLAN_BASIS);
  const steps = Math.ceil(memory.total / MEMORY_SHARE / MEMORY_STEP);
  return `${(steps * MEMORY_STEP) / 2 ** 20}Mi`;
}

function service({ tlsCert, broker }: Config): Value {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, labels: labels() },
    spec: {
      selector: labels(),
      // Linked pods pass on what reaches another than the session's.
      ...(broker === EMBEDDED ? { sessionAffinity: 'ClientIP' } : {}),
      ports: [{ name: 'public', port: tlsCert === undefined ? 80 : 443, targetPort: 'public' }],
    },
  };
}

function budget(): Value {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: NAME, labels: labels() },
    spec: { maxUnavailable: 1, selector: { matchLabels: labels() } },
  };
}

function autoscaler(): Value {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: NAME, labels: labels() },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: NAME },
      minReplicas: PODS_LEAST,
      maxReplicas: PODS_MOST,
      metrics: [
        {
          type: 'Resource',
          resource: {
            name: 'cpu',
            target: { type: 'Utilization', averageUtilization: CPU_PERCENT },
          },
        },
        {
          type: 'Pods',
          pods: {
            metric: { name: 'websocket_connections' },
            target: { type: 'AverageValue', averageValue: String(CONNECTIONS_AVERAGE) },
          },
        },
      ],
      behavior: {
        scaleDown: {
          stabilizationWindowSeconds: SCALE_DOWN_S,
          policies: [{ type: 'Pods', value: 1, periodSeconds: SCALE_DOWN_S }],
        },
      },
    },
  };
}
