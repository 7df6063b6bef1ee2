/** The configuration of nginx: what a config leads to, and that nginx itself takes it. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../../test/support/certificates.ts';
import { requirement } from '../../../test/support/requires.ts';
import { loadConfig } from '../config/load.ts';
import type { FrontOptions } from './front.ts';
import { nginxText } from './nginx.ts';

setDefaultTimeout(20_000);

const nginx = requirement('nginx');

const FACTS = {
  workers: 3,
  connectionsPerWorker: 20_000,
  openFiles: 20_256,
  memoryBytes: 16e9,
  localPorts: 28_232,
};

type Keys = Readonly<Record<string, unknown>>;

function textOf(keys: Keys = {}, options: Partial<FrontOptions> = {}): string {
  const flags = Object.fromEntries(Object.entries(keys).map(([key, one]) => [key, String(one)]));
  return nginxText(loadConfig({ flags }), FACTS, { sticky: 'none', ...options });
}

test('the servers are the ports of the workers', () => {
  const text = textOf({ workerPorts: true, host: '::1' });
  for (const port of [8501, 8502, 8503]) {
    expect(text).toContain(`server [::1]:${port} max_conns=20000 max_fails=0 fail_timeout=2s;`);
    expect(text).toContain(`server [::1]:${port} max_conns=20000 max_fails=2 fail_timeout=2s;`);
  }
});

test('the only server never counts as failed', () => {
  expect(textOf()).not.toContain('max_fails=2');
});

test('it waits for what the node waits for, and no less', () => {
  const text = textOf({ pingIntervalMs: 5_000, pingTimeoutMs: 2_500, requestTimeoutMs: 30_000 });
  expect(text).toContain('proxy_read_timeout 40s;');
  expect(textOf({ requestTimeoutMs: 1_000 })).toContain('proxy_read_timeout 55s;');
});

test('many nodes are tried one at a time: a session is on its own', () => {
  const text = textOf({}, { upstreams: ['10.0.0.5', '10.0.0.6'], sticky: 'source' });
  expect(text).not.toContain('http_503');
  expect(text).toContain('ip_hash;');
});

test('bodies may be as large as messages', () => {
  expect(textOf({ maxPayloadBytes: 1_000_000 })).toContain('client_max_body_size 1065536;');
});

test('an address has what it has on all workers, and without limits none', () => {
  const text = textOf({ maxSessionsPerAddress: 10, maxHandshakesPerAddress: 5 });
  expect(text).toContain('limit_conn sessions_of 60;');
  expect(text).toContain('zone=handshakes_of:64m rate=15r/s;');
  expect(textOf()).not.toMatch(/^\s*limit_/m);
});

test('the doors are where the config has them', () => {
  expect(
    textOf({ path: '/a/io/', plainPath: '/b/' })
      .match(/location .*(?= \{)/g)
      ?.join(),
  ).toBe(
    'location = /a/io/,location = /a/io,location = /b/ws,location = /b/sse,location = /b/poll,' +
      'location /',
  );
});

describe('it is refused', () => {
  const tls = { tlsCert: '/tls/cert.pem', tlsKey: '/tls/key.pem' };
  const upstreamCa = '/tls/ca.pem';
  test.each<[string, Keys, Partial<FrontOptions>, string]>([
    ['with a cookie', {}, { sticky: 'cookie' }, 'nginx sets no affinity cookie'],
    ['with any port', { port: 0 }, {}, '`port` is 0'],
    [
      'with many names to check',
      tls,
      { upstreams: ['a', 'b'], sticky: 'hash', upstreamCa },
      'checks one host',
    ],
    ['with an address to check', tls, { upstreams: ['10.0.0.5'], upstreamCa }, 'no addresses'],
    ['with a variable in a file', {}, { certificate: '/tls/$host' }, '--certificate is'],
  ])('%s', (_how, keys, options, sentence) => {
    expect(() => textOf(keys, options)).toThrow(sentence);
  });
});

describe.skipIf(!nginx.available)(nginx.title('nginx takes it'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-nginx-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function expectValid(text: string): Promise<void> {
    // A plain user has none of the folders and files that nginx uses of itself.
    const own = ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) =>
      name === 'body' ? `client_body_temp_path ${name};` : `${name}_temp_path ${name};`,
    );
    const here = `pid nginx.pid;\n${text.replace('\nhttp {\n', `\nhttp {\n${own.join('\n')}\n`)}`;
    writeFileSync(join(folder, 'nginx.conf'), here);
    const child = Bun.spawn([nginx.path, '-t', '-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
      stderr: 'pipe',
    });
    const said = await child.stderr.text();
    expect({ said, code: await child.exited }).toEqual({
      said: expect.stringMatching(/^nginx: .* syntax is ok\nnginx: .* test is successful\n$/),
      code: 0,
    });
  }

  const listen = '127.0.0.1:18080';
  test.each(['none', 'source', 'hash'] as const)('sticky: %s', (sticky) =>
    expectValid(textOf({ workerPorts: true }, { sticky, listen })),
  );

  test.each<[string, Keys, Partial<FrontOptions>]>([
    ['one worker on an address of IPv6', { workers: 1, host: '::1' }, { listen }],
    ['many nodes', {}, { upstreams: ['10.0.0.5', 'fd00::6'], listen, sticky: 'hash' }],
    ['limits', { maxSessionsPerAddress: 10, maxHandshakesPerAddress: 5 }, { listen }],
    ['other paths', { path: '/live/io/', plainPath: '/live/' }, { listen }],
  ])('%s', (_what, keys, options) => expectValid(textOf(keys, options)));

  test('TLS at both ends', async () => {
    const { cert, key } = makeCertificate();
    const [certificate, ca] = [join(folder, 'both.pem'), join(folder, 'ca.pem')];
    writeFileSync(certificate, cert + key);
    writeFileSync(ca, cert);
    const tls = { tlsCert: ca, tlsKey: certificate };
    const far = { upstreams: ['localhost'], upstreamCa: ca };
    await expectValid(textOf(tls, { ...far, certificate, listen }));
  });
});
