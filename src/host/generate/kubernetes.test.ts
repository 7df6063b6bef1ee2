/** What Kubernetes is given, read as it reads it. */
import { describe, expect, test } from 'bun:test';
import { loadConfig } from '../config/load.ts';
import { kubernetesText } from './kubernetes.ts';

const SECRET = 'a-secret-of-sixteen-and-more';
type Env = Readonly<Record<string, string>>;
interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: object };
}

function textOf(env: Env = {}, image = 'example.com/chat:7'): string {
  return kubernetesText(loadConfig({ env }), { image });
}

/** By kind. */
// oxlint-disable-next-line typescript/no-explicit-any -- the tests say what it looks like
function partsOf(text: string): Record<string, any> {
  const parts = text.split('\n---\n').slice(1);
  return Object.fromEntries(
    parts.map((part) => {
      const value = Bun.YAML.parse(part) as { readonly kind: string };
      return [value.kind, value];
    }),
  );
}

const podOf = (env: Env = {}) => partsOf(textOf(env))['Deployment'].spec.template.spec;
const containerOf = (env: Env = {}) => podOf(env).containers[0];

test('there are four parts, and each selects the pods', () => {
  const { Deployment, Service, PodDisruptionBudget, HorizontalPodAutoscaler } = partsOf(textOf());
  const labels = { 'app.kubernetes.io/name': 'holdfast' };
  expect(Deployment.spec.selector.matchLabels).toEqual(labels);
  expect(Deployment.spec.template.metadata.labels).toEqual(labels);
  expect(Service.spec.selector).toEqual(labels);
  expect(PodDisruptionBudget.spec).toEqual({
    maxUnavailable: 1,
    selector: { matchLabels: labels },
  });
  expect(HorizontalPodAutoscaler.spec.scaleTargetRef).toEqual({
    apiVersion: Deployment.apiVersion,
    kind: 'Deployment',
    name: Deployment.metadata.name,
  });
});

test('3 to 20 pods, by CPU and connections', () => {
  const { minReplicas, maxReplicas, metrics } = partsOf(textOf())['HorizontalPodAutoscaler'].spec;
  expect([minReplicas, maxReplicas]).toEqual([3, 20]);
  expect(metrics[0].resource.target.averageUtilization).toBe(70);
  expect(metrics[1].pods).toEqual({
    metric: { name: 'websocket_connections' },
    target: { type: 'AverageValue', averageValue: '40000' },
  });
});

describe('the container', () => {
  test('has the config, with the admin port open', () => {
    const env = {
      HOLDFAST_PORT: '9000',
      HOLDFAST_TRUSTED_PROXIES: '10.0.0.0/8',
      HOLDFAST_ROOMS: '{"a: b # \\"c\\"*":{"publish":"granted"}}',
      HOLDFAST_ADMIN_TOKEN: SECRET,
    };
    const text = textOf(env);
    expect(text).not.toContain(SECRET);
    const variables = partsOf(text)['Deployment'].spec.template.spec.containers[0]
      .env as readonly Variable[];
    const given = variables.flatMap(({ name, value }) =>
      value === undefined ? [] : [[name, value]],
    );
    const secret = variables.filter(({ valueFrom }) => valueFrom !== undefined);
    expect(secret).toEqual([
      {
        name: 'HOLDFAST_ADMIN_TOKEN',
        valueFrom: { secretKeyRef: { name: 'holdfast-secrets', key: 'HOLDFAST_ADMIN_TOKEN' } },
      },
    ]);
    const read = loadConfig({
      env: { ...(Object.fromEntries(given) as Env), HOLDFAST_ADMIN_TOKEN: SECRET },
    });
    expect(read).toEqual({ ...loadConfig({ env }), adminHost: '::', workers: 2 });
  });

  test('takes no value for another variable', () => {
    const { env } = containerOf({ HOLDFAST_TOKEN_KEY_FILE: '/srv/$(HOME)/key' });
    expect(env).toContainEqual({
      name: 'HOLDFAST_TOKEN_KEY_FILE',
      value: '/srv/$$(HOME)/key',
    });
  });

  test('is asked on its public port', () => {
    const { ports, readinessProbe, livenessProbe } = containerOf({ HOLDFAST_PORT: '9000' });
    expect(ports[0]).toEqual({ name: 'public', containerPort: 9000 });
    expect(readinessProbe.httpGet).toEqual({ path: '/ready', port: 'public', scheme: 'HTTP' });
    expect(livenessProbe.httpGet.path).toBe('/health');
  });

  test('has memory for its connections', () => {
    const memory = (env: Env) => containerOf(env).resources.limits.memory;
    // 124 MB for an empty node of two workers and 7,353 bytes a session, a quarter more, rounded.
    expect(memory({})).toBe('768Mi');
    expect(memory({ HOLDFAST_CONNECTIONS: '1000000' })).toBe('8960Mi');
  });

  test('has time to be left, to stop and to end', () => {
    const pod = podOf({ HOLDFAST_SHUTDOWN_TIMEOUT_MS: '60000' });
    expect(pod.terminationGracePeriodSeconds).toBe(75);
    expect(pod.containers[0].lifecycle.preStop.exec.command).toEqual(['sleep', '5']);
  });
});

test('with TLS it is asked in TLS, and the Service is at 443', () => {
  const text = textOf({ HOLDFAST_TLS_CERT: '/tls/cert.pem', HOLDFAST_TLS_KEY: '/tls/key.pem' });
  const { Deployment, Service } = partsOf(text);
  expect(Deployment.spec.template.spec.containers[0].startupProbe.httpGet.scheme).toBe('HTTPS');
  expect(Service.spec.ports[0].port).toBe(443);
  expect(text.replaceAll('\n#', '')).toContain('given /tls/cert.pem, /tls/key.pem.');
});

describe('it is refused', () => {
  test.each<[string, Env, string]>([
    ['with any port', { HOLDFAST_PORT: '0' }, '`port` or `adminPort` is 0'],
    ['with any admin port', { HOLDFAST_ADMIN_PORT: '0' }, '`port` or `adminPort` is 0'],
    ['below 1024', { HOLDFAST_PORT: '80' }, 'cannot listen below port 1024'],
    ['on loopback', { HOLDFAST_HOST: '127.0.0.1' }, 'host is 127.0.0.1, where nobody'],
  ])('%s', (_how, env, sentence) => {
    expect(() => textOf(env)).toThrow(sentence);
  });

  test('with an odd image', () => {
    expect(() => textOf({}, 'a b')).toThrow('--image is "a b"');
  });
});
