import { describe, expect, test } from 'bun:test';
import { FleetError } from './fleet-error.ts';
import { parseAddress, parseSettings, type RunFlags, settingsRecord } from './settings.ts';
import { atHost, parseTarget } from './target.ts';

const FLAGS: RunFlags = {
  target: ['http://127.0.0.1:8500'],
  connections: '1000',
  rate: '500',
  hold: '30',
  processes: '1',
  protocol: 'socket-io',
  auth: '{"token":"user-{n}"}',
  echoEvent: 'echo',
  payload: '64',
  controlHost: '127.0.0.1',
  controlPort: '8700',
  leave: true,
  stall: '25',
};

const parse = (flags: Partial<RunFlags>) => parseSettings({ ...FLAGS, ...flags });
const loadOf = (flags: Partial<RunFlags>) => parse(flags).load;

test('defaults make an idle run', () => {
  expect(parse({})).toMatchObject({
    targets: [{ url: 'http://127.0.0.1:8500', host: '127.0.0.1', port: 8500 }],
    connections: 1_000,
    rate: 500,
    holdSeconds: 30,
    mix: [{ protocol: 'socket-io', weight: 1 }],
    load: { broadcastRate: 0, broadcasts: 0, echoRate: 0, churnPercent: 0, stormSeconds: 0 },
  });
  expect(loadOf({}).jitter).toBeUndefined();
});

test('messages gather as the hosts need, or as said', () => {
  expect(parse({}).coalesceMs).toBeUndefined();
  expect(parse({ coalesce: '0' }).coalesceMs).toBe(0);
  expect(() => parse({ coalesce: '101' })).toThrow(FleetError);
});

test('agents that were found serve when none is named, each with its own token', () => {
  const found = [{ host: '10.0.0.3', port: 8710, token: 'a-token-of-a-test' }];
  const settings = parse({ found });
  expect(settings.agents).toEqual(found);
  expect(JSON.stringify(settingsRecord(settings))).not.toContain('a-token-of-a-test');
  expect(parse({ found, agent: ['127.0.0.1:1'] }).agents).toEqual([{ host: '127.0.0.1', port: 1 }]);
  const bare = [...found, { host: '10.0.0.4', port: 8710 }];
  expect(() => parse({ found: bare })).toThrow('Agents on other hosts want their token');
});

test('numbers may have underscores, protocols weights', () => {
  const protocol = 'socket-io=50, sse=30,poll=15,stream=4,websocket';
  const settings = parse({ connections: '1_000_000', protocol });
  expect(settings.connections).toBe(1_000_000);
  expect(settings.mix).toEqual([
    { protocol: 'socket-io', weight: 50 },
    { protocol: 'sse', weight: 30 },
    { protocol: 'poll', weight: 15 },
    { protocol: 'stream', weight: 4 },
    { protocol: 'websocket', weight: 1 },
  ]);
});

test.each([
  ['http://host', 'http://host', 'http://[::1]'],
  ['ws://HOST:80?room=a', 'ws://host?room=a', 'ws://[::1]?room=a'],
  ['ws://host/', 'ws://host/', 'ws://[::1]/'],
  ['http://host/?a=b', 'http://host/?a=b', 'http://[::1]/?a=b'],
  ['https://host:1/sse?a=/b', 'https://host:1/sse?a=/b', 'https://[::1]:1/sse?a=/b'],
])('a target without a path stays without: %s', (text, url, elsewhere) => {
  const target = parseTarget(text);
  expect(target.url).toBe(url);
  expect(atHost(target, '[::1]')).toBe(elsewhere);
});

describe('scenarios', () => {
  test.each<[string, object]>([
    ['idle', { broadcastRate: 0, echoRate: 0, churnPercent: 0, stormSeconds: 0 }],
    ['broadcast', { broadcastRate: 1 }],
    ['echo', { echoRate: 1_000 / 30 }],
    ['churn', { churnPercent: 10 }],
    ['jitter', { jitter: { everyMs: 15_000, awayMs: 2_000 } }],
    ['storm', { stormSeconds: 15 }],
  ])('%s', (scenario, load) => {
    expect(loadOf({ scenario })).toMatchObject(load);
  });

  test('single flags go before the scenario', () => {
    expect(loadOf({ scenario: 'churn', churn: '50', jitter: '3/0.5' })).toMatchObject({
      churnPercent: 50,
      jitter: { everyMs: 3_000, awayMs: 500 },
    });
    expect(loadOf({ jitter: true }).jitter).toEqual({ everyMs: 15_000, awayMs: 2_000 });
  });
});

describe('agents', () => {
  test('have a default port', () => {
    const { agents } = parse({ agent: ['10.0.0.3', '[::1]:9000'], token: 'secret' });
    expect(agents).toEqual([
      { host: '10.0.0.3', port: 8710 },
      { host: '::1', port: 9000 },
    ]);
    expect(parseAddress('--agent', 'host.example:1', 8710)).toEqual({
      host: 'host.example',
      port: 1,
    });
  });
});

test('agents on this host may have kept tokens of their own', () => {
  expect(parse({ agent: ['127.0.0.1:1', '[::1]', 'localhost'] }).token).toBeUndefined();
});

test('the record holds no secrets', () => {
  const settings = parse({
    agent: ['10.0.0.3'],
    token: 'secret-1',
    adminToken: 'secret-2',
    controlToken: 'secret-3',
    auth: '{"token":"secret-4"}',
    target: ['ws://host:8500/path?token=secret-5&secret-6'],
    admin: 'http://user:secret-7@host:8600',
  });
  const record = settingsRecord(settings);
  expect(JSON.stringify(record)).not.toContain('secret');
  expect(record).toMatchObject({
    targets: ['ws://host:8500/path?token=***&***'],
    admin: 'http://host:8600/',
  });
  const protocols = ['socket-io'];
  expect(record).toMatchObject({ agents: ['10.0.0.3:8710'], connections: 1_000, protocols });
});

test('the record tells the protocols as they were given', () => {
  const settings = parse({ protocol: 'socket-io=50,sse=0.5' });
  expect(settingsRecord(settings)).toMatchObject({ protocols: ['socket-io=50', 'sse=0.5'] });
});

test.each<[Partial<RunFlags>, string]>([
  [{ connections: '0' }, '--connections is "0"'],
  [{ connections: '-1' }, '--connections is "-1"'],
  [{ connections: '1.5' }, '--connections is "1.5"'],
  [{ rate: '0' }, '--rate is "0"'],
  [{ rate: 'fast' }, '--rate is "fast"'],
  [{ hold: 'x' }, '--hold is "x"'],
  [{ target: ['localhost:8500'] }, 'is no URL of a server'],
  [{ target: ['ftp://host/'] }, 'is no URL of a server'],
  [{ target: ['ws://u:p@host/'] }, 'holds a user name; use --auth'],
  [{ target: ['ws://host:0/'] }, 'has port 0'],
  [{ scenario: 'stampede' }, 'The scenario "stampede" is not known; choose one of idle,'],
  [{ protocol: 'mqtt' }, '--protocol is "mqtt"; write one of socket-io, websocket, sse, stream,'],
  [{ protocol: 'sse=1,sse=2' }, 'name each protocol once'],
  [
    { protocol: 'websocket,sse,poll', scenario: 'echo' },
    'Sessions of sse, poll only listen: leave echoes out, or use --protocol socket-io or',
  ],
  [{ protocol: 'websocket=0' }, 'The weight of websocket'],
  [{ jitter: '15' }, '--jitter is "15"'],
  [{ jitter: '0/2' }, 'EVERY of --jitter'],
  [{ storm: '30' }, 'The first storm would come after 30 s, but hold lasts 30 s'],
  [{ broadcastRate: '21' }, '--broadcast-rate is "21"'],
  [{ payload: '99999' }, '--payload is "99999"'],
  [{ auth: 'token' }, '--auth is token; it must be a JSON object'],
  [{ auth: '[1]' }, '--auth is [1]; it must be a JSON object'],
  [{ agent: ['host:1'] }, 'Agents on other hosts want their token'],
  [{ agent: ['host:port'], token: 'x' }, '--agent is "host:port"'],
  [{ agent: ['host:70000'], token: 'x' }, '--agent is "host:70000"'],
  [{ agent: ['127.0.0.1:1', 'host:1'] }, 'Agents on other hosts want their token'],
  [{ controlHost: '0.0.0.0' }, 'give a token (--control-token-file'],
  [{ controlHost: '127.999.0.1' }, 'give a token (--control-token-file'],
  [{ controlPort: '70000' }, '--control-port is "70000"'],
  [{ admin: 'localhost' }, '--admin is "localhost"'],
  [{ admin: 'http://a', broadcastUrl: 'http://b' }, 'not both'],
  [{ stall: '0' }, '--stall is "0"'],
])('%p is refused in one sentence', (flags, sentence) => {
  const act = () => parse(flags);
  expect(act).toThrow(FleetError);
  expect(act).toThrow(sentence);
});
