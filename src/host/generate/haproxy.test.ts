/** HAProxy's configuration: what a config leads to, and that HAProxy itself takes it. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../../test/support/certificates.ts';
import { requirement } from '../../../test/support/requires.ts';
import { loadConfig } from '../config/load.ts';
import type { HostFacts } from './deployment.ts';
import { type FrontOptions, STICKINESS } from './front.ts';
import { haproxyText } from './haproxy.ts';

setDefaultTimeout(20_000);

const haproxy = requirement('haproxy');

const FACTS: HostFacts = {
  workers: 3,
  connectionsPerWorker: 20_000,
  openFiles: 20_256,
  memoryBytes: 16e9,
  localPorts: 28_232,
};

type Keys = Readonly<Record<string, unknown>>;

function textOf(
  keys: Keys = {},
  options: Partial<FrontOptions> = {},
  facts: Partial<HostFacts> = {},
): string {
  const flags = Object.fromEntries(Object.entries(keys).map(([key, one]) => [key, String(one)]));
  return haproxyText(loadConfig({ flags }), { ...FACTS, ...facts }, { sticky: 'none', ...options });
}

describe('the servers', () => {
  test('are the ports of the workers', () => {
    const text = textOf({ workerPorts: true, workerPortBase: 9001 });
    expect([...(text.match(/server n0w\d .*/g) ?? [])]).toEqual([
      ...['server n0w0 127.0.0.1:9001', 'server n0w1 127.0.0.1:9002'],
      ...['server n0w2 127.0.0.1:9003', 'server n0w0 127.0.0.1:9001'],
      ...['server n0w1 127.0.0.1:9002', 'server n0w2 127.0.0.1:9003'],
    ]);
    expect(text.match(/uri \S+/g)?.join()).toBe('uri /ready,uri /health');
  });

  test('are the shared port, once a node', () => {
    const upstreams = ['10.0.0.5', 'fd00::6', 'node-7.internal'];
    const text = textOf({ port: 8500 }, { upstreams, sticky: 'source' });
    expect(text).toContain(
      '    server n0 10.0.0.5:8500\n    server n1 [fd00::6]:8500\n' +
        '    server n2 node-7.internal:8500\n',
    );
  });

  test('are at ports of their own where that is said, and need no stickiness with a broker', () => {
    const upstreams = ['127.0.0.1:8511', '[::1]:8512', 'node-7', 'fd00::6'];
    const text = textOf({ port: 8500, broker: 'redis://10.0.0.9' }, { upstreams });
    expect(text).toContain(
      '    server n0 127.0.0.1:8511\n    server n1 [::1]:8512\n' +
        '    server n2 node-7:8500\n    server n3 [fd00::6]:8500\n',
    );
    expect(text.replaceAll('\n#', '')).toContain(
      'No client needs to come to the same worker twice',
    );
    const own = textOf({ workerPorts: true }, { upstreams: ['a:9001'] });
    expect(own).toContain('server n0w2 a:9003');
  });

  test('are where the node listens', () => {
    expect(textOf({ host: '::1' })).toContain('server n0 [::1]:8500');
    expect(textOf({ host: '0.0.0.0' })).toContain('server n0 127.0.0.1:8500');
    expect(textOf({ host: '10.0.0.5' })).toContain('server n0 10.0.0.5:8500');
  });

  test('speak TLS where the node does', () => {
    const tls = { tlsCert: '/tls/cert.pem', tlsKey: '/tls/key.pem' };
    expect(textOf(tls)).toContain('server n0 127.0.0.1:8500 ssl verify none alpn http/1.1');
    const far = { upstreams: ['node-1'], upstreamCa: '/tls/ca.pem' };
    expect(textOf(tls, far)).toContain(
      'server n0 node-1:8500 ssl verify required ca-file /tls/ca.pem verifyhost node-1 alpn',
    );
    expect(() => textOf(tls, { upstreams: ['node-1'] })).toThrow('give --upstream-ca');
  });
});

describe('the bound of a port', () => {
  const bound = (keys: Keys, facts: Partial<HostFacts> = {}): string | undefined =>
    /maxconn (\d+)\n {4}server/.exec(textOf(keys, {}, facts))?.[1];
  const own = { workerPorts: true };

  test('is what open files allow', () => {
    expect(bound(own)).toBe('20000');
    expect(textOf(own)).toContain('# Connections to one port are bounded by open files, 20000:');
  });

  test('is what one address has ports for', () => {
    expect(bound({})).toBe('28232');
    expect(textOf({}).replaceAll('\n#', '')).toContain('with workerPorts, each worker takes');
  });

  test('is what memory allows', () => {
    // 80 % of 1 GB less 132 MB for an empty node, over 3 workers of 17,593 bytes a session.
    expect(bound(own, { memoryBytes: 1e9 })).toBe('12656');
  });

  test('is what sessions need, and some more to be refused', () => {
    expect(bound({ ...own, maxSessionsPerWorker: 100 })).toBe('264');
  });

  test('is one at least', () => {
    expect(bound(own, { memoryBytes: 1 })).toBe('1');
  });
});

test('times follow the heartbeat, polls and requests', () => {
  const keys = { pingIntervalMs: 5_000, pingTimeoutMs: 2_500, requestTimeoutMs: 1_000 };
  const text = textOf({ ...keys, pollHoldMs: 30_000 });
  expect(text).toContain('timeout tunnel 18s\n');
  expect(text).toContain('timeout client 40s\n    timeout server 40s\n');
});

test('streams do not wait for more to send', () => {
  expect(textOf()).toContain('    option http-no-delay\n');
});

test('sessions begin at the doors of the config', () => {
  expect(textOf({ path: '/live/io/', plainPath: '/live/' })).toContain(
    'acl is_door path /live/io/ /live/io /live/ws /live/sse /live/poll\n',
  );
  expect(textOf({ plainClients: false })).toContain('acl is_door path /socket.io/ /socket.io\n');
});

test('the proxy is to be trusted', () => {
  const words = (text: string): string => text.replaceAll('\n#', '');
  expect(words(textOf())).toContain('set trustedProxies to ["127.0.0.1", "::1"].');
  expect(words(textOf({}, { upstreams: ['node-1'] }))).toContain('the addresses this proxy');
  expect(words(textOf({ trustedProxies: '10.0.0.0/8' }))).toContain('proxies at 10.0.0.0/8:');
});

describe('it is refused', () => {
  test.each<[string, Keys, Partial<FrontOptions>, string]>([
    ['with any port', { port: 0 }, {}, '`port` is 0, which is another port at each start'],
    ['with ports beyond the last', { workerPorts: true, workerPortBase: 65_534 }, {}, 'do not end'],
    ['with a host of two lines', { host: 'a\nb' }, {}, 'host is "a\\nb"; it must be'],
    ['with words behind a host', {}, { upstreams: ['a check'] }, '--upstream is "a check"; it'],
    ['with port 0 of a node', {}, { upstreams: ['a:0'] }, '--upstream is "a:0"; its port must'],
    ['without a port', {}, { listen: 'here' }, '--listen is "here"; it must be a port'],
    ['with port 0', {}, { listen: '0' }, '--listen is "0"'],
    ['with port 65536', {}, { listen: '[::]:65536' }, '--listen is'],
    ['with many nodes', {}, { upstreams: ['a', 'b'] }, 'Without --broker nodes are not linked'],
    ['with many by hash', {}, { upstreams: ['a', 'b'], sticky: 'hash' }, 'take --sticky source'],
    ['with an odd file', {}, { certificate: '/a b' }, '--certificate is "/a b"; it must be'],
  ])('%s', (_how, keys, options, sentence) => {
    expect(() => textOf(keys, options)).toThrow(sentence);
  });

  test('not with port 0 where workers have their own', () => {
    expect(textOf({ port: 0, workerPorts: true })).toContain('server n0w2 127.0.0.1:8503');
  });
});

describe.skipIf(!haproxy.available)(haproxy.title('HAProxy takes it'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-haproxy-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function expectValid(text: string): Promise<void> {
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, text);
    const child = Bun.spawn([haproxy.path, '-c', '-f', file], { stdout: 'pipe', stderr: 'pipe' });
    const said = (await child.stdout.text()) + (await child.stderr.text());
    // A warning is no reason for HAProxy not to start, but is one for an operator to ask.
    expect(said.replace('Configuration file is valid\n', '')).toBe('');
    expect(await child.exited).toBe(0);
  }

  test.each(STICKINESS)('sticky: %s', (sticky) =>
    expectValid(textOf({ workerPorts: true }, { sticky })),
  );

  test.each<[string, Keys, Partial<FrontOptions>]>([
    ['one worker on an address of IPv6', { workers: 1, host: '::1' }, { listen: '[::1]:8080' }],
    ['many nodes', {}, { upstreams: ['10.0.0.5', 'fd00::6'], sticky: 'source' }],
    ['other paths', { path: '/live/io/', plainPath: '/live/' }, {}],
  ])('%s', (_what, keys, options) => expectValid(textOf(keys, options)));

  test('TLS at both ends', async () => {
    const { cert, key } = makeCertificate();
    const [certificate, ca] = [join(folder, 'both.pem'), join(folder, 'ca.pem')];
    writeFileSync(certificate, cert + key);
    writeFileSync(ca, cert);
    const tls = { tlsCert: ca, tlsKey: certificate };
    const far = { upstreams: ['127.0.0.1'], upstreamCa: ca };
    await expectValid(textOf(tls, { ...far, certificate, sticky: 'cookie' }));
  });
});
