import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fields } from './fields.ts';
import { ConfigError, type ConfigSources, loadConfig } from './load.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function problemsOf(sources: ConfigSources): readonly string[] {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('sources', () => {
  test('without any, every key has its default', () => {
    expect(loadConfig()).toMatchObject({ host: '::', port: 8500, workers: 'auto' });
  });

  test('flags win over environment, environment over file, file over default', () => {
    const path = file('order.yaml', 'port: 1\nadminPort: 2\nworkers: 3\n');
    const env = { HOLDFAST_PORT: '11', HOLDFAST_ADMIN_PORT: '12', PATH: '/bin' };
    expect(loadConfig({ file: path, env, flags: { port: '21' } })).toMatchObject({
      port: 21,
      adminPort: 12,
      workers: 3,
      workerPortBase: 8501,
    });
  });

  test.each([
    ['one.json', '{ "port": 0, "corsOrigins": ["https://a.example"] }'],
    ['one.yaml', 'port: 0\ncorsOrigins: [https://a.example]\n'],
    ['one.yml', 'port: 0\ncorsOrigins:\n  - https://a.example\n'],
    ['one.toml', 'port = 0\ncorsOrigins = ["https://a.example"]\n'],
  ])('%s is read', (name, text) => {
    expect(loadConfig({ file: file(name, text) })).toMatchObject({
      port: 0,
      corsOrigins: ['https://a.example'],
    });
  });

  test('ranges of addresses are read', () => {
    const ranges = ['10.0.0.0/8', '::1', '2001:db8::/32', '::ffff:192.0.2.1/128', '0.0.0.0/0'];
    expect(loadConfig({ flags: { trustedProxies: ranges.join(',') } }).trustedProxies).toEqual(
      ranges,
    );
    for (const text of [
      'proxy.example',
      '10.0.0',
      '10.0.0.0/',
      '::/129',
      'fe80::1%eth0',
      '::1/a',
    ]) {
      expect(() => loadConfig({ flags: { trustedProxies: text } })).toThrow(ConfigError);
    }
  });

  test('an empty file and an empty variable set nothing', () => {
    expect(loadConfig({ file: file('empty.yaml', ''), env: { HOLDFAST_PORT: '' } }).port).toBe(
      8500,
    );
  });

  test.each([
    ['once.json', '{"port":1,"host":"\\"port\\": 2 {","workers":{"port":3}}', 'workers in'],
    ['twice.json', '{"port":1,"workers":{"port":3},"port":2}', 'gives port twice'],
    ['twice.yaml', 'port: 1\ncorsOrigins:\n  - a\n"port": 2', 'gives port twice'],
    ['mark.json', '\ufeff{"workers":0}', 'workers in'],
  ])('a key that stands twice is refused, and only such: %s', (name, text, sentence) => {
    const problems = problemsOf({ file: file(name, text) });
    expect(problems).toEqual([expect.stringContaining(sentence)]);
  });

  test('text becomes numbers, truths and lists', () => {
    const env = {
      HOLDFAST_WORKERS: '4',
      HOLDFAST_WORKER_PORTS: '1',
      HOLDFAST_CORS_ORIGINS: 'https://a.example, http://b.example:81',
      HOLDFAST_MAX_SESSIONS_PER_WORKER: 'auto',
    };
    expect(loadConfig({ env, flags: { corsCredentials: true } })).toMatchObject({
      workers: 4,
      workerPorts: true,
      corsOrigins: ['https://a.example', 'http://b.example:81'],
      corsCredentials: true,
      maxSessionsPerWorker: 'auto',
    });
  });

  test('gc is a word or a number of seconds', () => {
    expect(loadConfig().gc).toBe('turnover');
    expect(loadConfig({ flags: { gc: 'idle' } }).gc).toBe('idle');
    expect(loadConfig({ env: { HOLDFAST_GC: '30' } }).gc).toBe(30);
    expect(loadConfig({ file: file('gc.yaml', 'gc: off\n') }).gc).toBe('off');
    expect(loadConfig({ file: file('gc.toml', 'gc = 5\n') }).gc).toBe(5);
  });

  test('a path in a file is relative to the file, elsewhere to the working directory', () => {
    const path = file('app.json', '{ "app": "apps/one.ts" }');
    expect(loadConfig({ file: path }).app).toBe(join(directory, 'apps/one.ts'));
    expect(loadConfig({ flags: { app: 'one.ts' } }).app).toBe(join(process.cwd(), 'one.ts'));
    const recordDir = join(process.cwd(), 'runs/1');
    expect(loadConfig({ flags: { recordDir: 'runs/1' } })).toMatchObject({ recordDir });
  });
});

describe('names', () => {
  test('are derived from the key', () => {
    const names = fields.find((field) => field.name === 'pingIntervalMs');
    expect(names).toMatchObject({
      variable: 'HOLDFAST_PING_INTERVAL_MS',
      flag: '--ping-interval-ms',
    });
  });

  test('every key says what it does', () => {
    for (const field of fields) expect(field.description).toEndWith('.');
  });

  test('that do not exist are refused, with the nearest one', () => {
    const path = file('slip.json', '{ "prot": 1, "__proto__": {}, "zzzzzzzz": 1 }');
    expect(
      problemsOf({ file: path, env: { HOLDFAST_WORKRES: '1' }, flags: { hots: 'a' } }),
    ).toEqual([
      `prot in ${path} is no config key; the nearest is port.`,
      `__proto__ in ${path} is no config key.`,
      `zzzzzzzz in ${path} is no config key.`,
      'HOLDFAST_WORKRES is no variable of Holdfast; the nearest is HOLDFAST_WORKERS.',
      'The flag for hots does not exist; the nearest is host.',
    ]);
  });

  test('of our own that are no keys pass', () => {
    expect(problemsOf({ env: { HOLDFAST_WORKER: '0', HOLDFAST_CONFIG: 'a.yaml' } })).toEqual([]);
  });
});

describe('values', () => {
  test.each([
    ['port', '65536', '--port is 65536; it must be a whole number from 0 to 65535.'],
    ['port', 'abc', '--port is "abc"; it must be a whole number from 0 to 65535.'],
    ['workers', '0', '--workers is 0; it must be "auto" or a whole number from 1 to 256.'],
    [
      'path',
      'io',
      '--path is "io"; it must be a path that begins and ends with "/", such as ' +
        '"/socket.io/".',
    ],
    [
      'broker',
      'redis',
      '--broker is a secret that is not shown; it must be "embedded", or a URL such as ' +
        '"redis://10.0.0.5:6379", "redis-cluster://10.0.0.5,10.0.0.6" or ' +
        '"redis-sentinel://10.0.0.5,10.0.0.6/name", with `rediss` for TLS.',
    ],
    ['logLevel', 'loud', '--log-level is "loud"; it must be "debug", "info", "warn", "error".'],
    [
      'gc',
      'often',
      '--gc is "often"; it must be "turnover", "idle", "off" or a whole number from 1 to 3600.',
    ],
    [
      'gc',
      '0',
      '--gc is 0; it must be "turnover", "idle", "off" or a whole number from 1 to 3600.',
    ],
    ['workerPorts', 'maybe', '--worker-ports is "maybe"; it must be true or false.'],
    [
      'adminToken',
      'hush',
      '--admin-token is a secret that is not shown; it must be 16 or more ' +
        'visible ASCII characters.',
    ],
    [
      'trustedProxies',
      '10.0.0.0/33',
      '--trusted-proxies is ["10.0.0.0/33"]; it must be ' +
        'a list of addresses and ranges such as "10.0.0.0/8" or "2001:db8::1".',
    ],
    [
      'corsOrigins',
      'https://a.example/',
      '--cors-origins is ["https://a.example/"]; it must be ' +
        'a list of origins such as "https://example.com", or "*".',
    ],
  ])('%s %s', (key, text, problem) => {
    expect(problemsOf({ flags: { [key]: text } })).toEqual([problem]);
  });

  test('a file is held to types, and the place is named', () => {
    const path = file('types.json', '{ "port": "8500", "corsOrigins": "*" }');
    expect(problemsOf({ file: path })).toEqual([
      `port in ${path} is "8500"; it must be a whole number from 0 to 65535.`,
      `corsOrigins in ${path} is "*"; it must be a list of origins such as ` +
        '"https://example.com", or "*".',
    ]);
  });

  test('a run directory too long for a Unix socket is refused', () => {
    expect(problemsOf({ flags: { runDir: `/${'d'.repeat(100)}` } })).toHaveLength(1);
  });
});

describe('files that cannot be used', () => {
  test.each([
    ['config.ini', 'must end in .json, .yaml, .yml, .toml.'],
    ['missing.json', 'name a readable file.'],
  ])('%s', (name, ending) => {
    expect(problemsOf({ file: join(directory, name) })[0]).toEndWith(ending);
  });

  test.each([
    ['broken.json', '{', 'correct its syntax.'],
    ['broken.yaml', 'a: [1', 'correct its syntax.'],
    ['broken.toml', 'a =', 'correct its syntax.'],
    ['list.json', '[1]', 'e.g. port: 8500.'],
    ['number.yaml', '7', 'e.g. port: 8500.'],
  ])('%s', (name, text, ending) => {
    expect(problemsOf({ file: file(name, text) })[0]).toEndWith(ending);
  });
});

describe('relations', () => {
  test.each<[string, Record<string, string>]>([
    ['adminToken must be set when', { adminHost: '0.0.0.0' }],
    ['corsCredentials needs', { corsOrigins: '*', corsCredentials: 'true' }],
    ['corsOrigins must be either', { corsOrigins: '*,https://a.example' }],
    ['path must be none of', { path: '/live/ws/', plainPath: '/live/' }],
    ['maxBackpressureBytes must', { maxPayloadBytes: '2000000' }],
    ['port and adminPort must', { port: '9000', adminPort: '9000' }],
    ['the ports of the workers', { workerPorts: 'true', port: '8502', workers: '2' }],
    ['the ports of the workers for other nodes', { clusterPort: '65535', workers: '2' }],
    ['the ports of the workers for other nodes', { clusterPort: '8499', workers: '2' }],
    [
      'the ports of the workers for other nodes',
      { clusterPort: '8502', workers: '2', workerPorts: 'true' },
    ],
    ['connections must', { connections: '9', workers: '2', maxSessionsPerWorker: '4' }],
    ['connections must', { connections: '1025', maxSessionsPerWorker: '4' }],
  ])('%s', (rule, flags) => {
    const problems = problemsOf({ flags });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toStartWith(rule);
  });

  test('say what was found and where', () => {
    expect(problemsOf({ env: { HOLDFAST_ADMIN_HOST: '::' } })).toEqual([
      'adminToken must be set when adminHost is not a loopback address; ' +
        'adminHost is "::" (HOLDFAST_ADMIN_HOST), adminToken is not set (default).',
    ]);
  });

  test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('%s needs no token', (adminHost) => {
    expect(loadConfig({ flags: { adminHost } }).adminHost).toBe(adminHost);
  });
});

test.each([
  ['{"a*b*": {}}', 'rooms: a*b*: '],
  ['{"a": {"histroy": {}}}', 'rooms: a: Unrecognized key'],
  ['{"a": {"history": {"messages": 0}}}', 'rooms: a.history.messages: '],
  ['{"a": {"recovery": true}}', 'rooms: a.recovery: recovery needs history'],
  ['{"a": {"join": "all"}}', 'rooms: a.join: '],
  ['[]', 'rooms is []; it must be settings by name pattern'],
  ['match:*', 'rooms is "match:*"; it must be settings by name pattern'],
])('rooms as %s', (text, said) => {
  expect(() => loadConfig({ flags: { rooms: text } })).toThrow(said.replace('rooms', '--rooms'));
});

test('rooms with what they have by default', () => {
  const { rooms } = loadConfig({ env: { HOLDFAST_ROOMS: '{"a:*":{"history":{}},"b":{}}' } });
  const rules = { join: 'anyone', publish: 'nobody', presence: false } as const;
  expect(rooms).toEqual({
    'a:*': { ...rules, recovery: true, history: { messages: 1000, seconds: 120 } },
    b: { ...rules, recovery: false },
  });
});

const HOOKS = { hookUrl: 'https://a.example/b?c=d', hookSecret: 'x'.repeat(32) };

test.each<[string, Readonly<Record<string, string>>]>([
  ['--hook-url', { hookUrl: 'ftp://a/' }],
  ['--hook-url', { hookUrl: 'http://user@a/' }],
  ['--hook-url', { hookUrl: 'http://a/#b' }],
  ['--hook-url', { hookUrl: '/hooks' }],
  ['--hook-secret', { hookSecret: 'too short' }],
  ['--hook-secret', { hookSecret: `${'x'.repeat(40)} y` }],
  ['--hook-calls', { hookCalls: 'connect,leave' }],
  ['--hook-headers', { hookHeaders: 'Cookie' }],
  ['--hook-concurrency', { hookConcurrency: '0' }],
  ['--hook-concurrency', { hookConcurrency: '201' }],
  ['--hook-allow-on-failure', { hookAllowOnFailure: 'disconnect' }],
  ['hookTimeoutMs', { hookTimeoutMs: '5000', connectTimeoutMs: '5000' }],
  ['allowAnonymous', { hookAllowOnFailure: 'connect' }],
])('%s of hooks as %p is refused', (key, flags) => {
  expect(() => loadConfig({ flags: { ...HOOKS, ...flags } })).toThrow(key);
});

test('hooks as lists of words, with both keys or neither', () => {
  const env = { HOLDFAST_HOOK_CALLS: 'connect, event', HOLDFAST_HOOK_ALLOW_ON_FAILURE: 'join' };
  const { hookCalls, hookAllowOnFailure } = loadConfig({ flags: HOOKS, env });
  expect([hookCalls, hookAllowOnFailure]).toEqual([['connect', 'event'], ['join']]);
  expect(() => loadConfig({ flags: { hookUrl: HOOKS.hookUrl } })).toThrow('hookSecret must be set');
  const shown = (): unknown => loadConfig({ flags: { ...HOOKS, hookSecret: 'my secret' } });
  expect(shown).toThrow('a secret that is not shown');
});

test('how nodes reach each other', () => {
  expect(loadConfig()).toMatchObject({ clusterHost: 'auto', clusterPort: 0 });
  const clusterSecret = 'y'.repeat(32);
  const flags = { clusterHost: 'fd00::1', clusterPort: '8503', workers: '2', workerPorts: 'true' };
  const loaded = loadConfig({ flags, env: { HOLDFAST_CLUSTER_SECRET: clusterSecret } });
  expect(loaded).toMatchObject({ clusterHost: 'fd00::1', clusterPort: 8503, clusterSecret });
});

test.each<[string, Readonly<Record<string, string>>]>([
  ['--cluster-host', { clusterHost: 'two words' }],
  ['--cluster-host', { clusterHost: 'http://a' }],
  ['--cluster-port', { clusterPort: '65536' }],
  ['a secret that is not shown', { clusterSecret: 'z'.repeat(31) }],
])('%s of a cluster as %p is refused', (key, flags) => {
  expect(() => loadConfig({ flags })).toThrow(key);
});
