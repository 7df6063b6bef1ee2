/** The Dockerfile and the compose file, read as they are read. */
import { describe, expect, test } from 'bun:test';
import { loadConfig } from '../config/load.ts';
import { composeText } from './compose.ts';
import { dockerfileText } from './dockerfile.ts';

const SECRET = 'a-secret-of-sixteen-and-more';
const ODD: Env = {
  HOLDFAST_PORT: '9000',
  HOLDFAST_ROOMS: '{"a: \\"b\\" $HOME \\\\ ${X}*":{"publish":"granted"}}',
  HOLDFAST_ADMIN_TOKEN: SECRET,
};

type Env = Readonly<Record<string, string>>;
const docker = (env: Env = {}): string => dockerfileText(loadConfig({ env }), '1.2.3');
const compose = (env: Env = {}, image = 'holdfast:1'): string =>
  composeText(loadConfig({ env }), { openFilesNeeded: 524_288 }, image);

interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}
const serviceOf = (text: string): Service =>
  (Bun.YAML.parse(text) as { readonly services: { readonly holdfast: Service } }).services.holdfast;

describe('the Dockerfile', () => {
  test('has the config but for secrets', () => {
    const text = docker(ODD);
    expect(text).not.toContain(SECRET);
    const env = Object.fromEntries(
      [...text.matchAll(/^ENV (\w+)="(.*)"$/gm)].map(([, name = '', value = '']) => [
        name,
        value.replaceAll(/\\(.)/g, '$1'),
      ]),
    );
    expect(text).not.toMatch(/^ENV .*[^\\]\$/m);
    expect(loadConfig({ env: { ...env, HOLDFAST_ADMIN_TOKEN: SECRET } })).toEqual(
      loadConfig({ env: ODD }),
    );
  });

  test('brings the app where it finds the package', () => {
    const text = docker({ HOLDFAST_APP: '/my/project/app.ts' });
    expect(text).toContain('\nWORKDIR /srv\nRUN npm install --omit=dev');
    expect(text).toContain(' holdfast@1.2.3 ');
    expect(text).toContain('\nCOPY . /srv/app\nENV HOLDFAST_APP="/srv/app/app.ts"\nUSER node\n');
    expect(docker()).not.toContain('COPY');
  });

  test('asks the port that speaks no TLS for its health', () => {
    const tls = { HOLDFAST_TLS_CERT: '/tls/c.pem', HOLDFAST_TLS_KEY: '/tls/k.pem' };
    const admin = { HOLDFAST_ADMIN_TLS_CERT: '/tls/c.pem', HOLDFAST_ADMIN_TLS_KEY: '/tls/k.pem' };
    expect(docker(ODD)).toContain("fetch('http://127.0.0.1:9000/health')");
    expect(docker(tls)).toContain("fetch('http://127.0.0.1:8600/health')");
    expect(docker({ ...tls, ...admin })).not.toContain('HEALTHCHECK');
  });
});

describe('the compose file', () => {
  test('has the config, with the admin port open to loopback of the host', () => {
    const text = compose(ODD);
    expect(text).not.toContain(SECRET);
    const { environment, ports, env_file } = serviceOf(text);
    expect(ports).toEqual([
      { target: 9000, published: '9000' },
      { target: 8600, published: '8600', host_ip: '127.0.0.1' },
    ]);
    expect(env_file).toEqual(['holdfast.secrets.env']);
    // As compose reads it: two are one, and one alone begins a variable.
    const values = Object.entries(environment).map(([name, value]) => {
      expect(value.replaceAll('$$', '')).not.toContain('$');
      return [name, value.replaceAll('$$', '$')];
    });
    const env = { ...(Object.fromEntries(values) as Env), HOLDFAST_ADMIN_TOKEN: SECRET };
    expect(loadConfig({ env })).toEqual({ ...loadConfig({ env: ODD }), adminHost: '::' });
  });

  test('has the app where the Dockerfile puts it', () => {
    const { environment } = serviceOf(compose({ HOLDFAST_APP: '/my/project/app.ts' }));
    expect(environment['HOLDFAST_APP']).toBe('/srv/app/app.ts');
  });

  test('has time to stop and open files', () => {
    const service = serviceOf(compose({ HOLDFAST_SHUTDOWN_TIMEOUT_MS: '1500' }));
    expect(service['stop_grace_period']).toBe('12s');
    expect(service['ulimits']).toEqual({ nofile: { soft: 524_288, hard: 524_288 } });
  });
});

test.each<[string, Env, string]>([
  ['any port', { HOLDFAST_PORT: '0' }, '`port` or `adminPort` is 0'],
  [
    'an app of two lines',
    { HOLDFAST_APP: '/a\nUSER root' },
    'The value of HOLDFAST_APP has a line',
  ],
  ['loopback', { HOLDFAST_HOST: '::1' }, 'host is ::1, where nobody outside of the container'],
])('both are refused with %s', (_how, env, sentence) => {
  expect(() => docker(env)).toThrow(sentence);
  expect(() => compose(env)).toThrow(sentence);
});

test('an odd image is refused', () => {
  expect(() => compose({}, '')).toThrow('--image is ""');
});
