import { afterEach, describe, expect, test } from 'bun:test';
import { listenAs } from '../../../test/support/strange-listener.ts';
import { FleetError } from '../settings/fleet-error.ts';
import {
  type Change,
  type Controlled,
  type ControlServer,
  startControlServer,
} from './control-server.ts';
import type { FleetStatus } from './status.ts';

const TOKEN = 'a-token-of-the-run';
const RIGHT = { authorization: `Bearer ${TOKEN}` };
const JSON_TYPE = { 'content-type': 'application/json', ...RIGHT };

let server: ControlServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

function start() {
  const changes: Change[] = [];
  const stops: string[] = [];
  const controlled = {
    status: () => ({ phase: 'hold', agents: [] }) as unknown as FleetStatus,
    set: async (change: Change) => {
      if ('rate' in change && change.rate === 13) throw new FleetError('Not this rate.');
      changes.push(change);
    },
    stop: () => stops.push('stop'),
  };
  server = startControlServer(controlled, { host: '127.0.0.1', port: 0, token: TOKEN });
  const url = `http://127.0.0.1:${server.port}`;
  const get = (path: string) => fetch(url + path, { headers: RIGHT });
  const post = (path: string, body: unknown, headers: Record<string, string> = JSON_TYPE) =>
    fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { url, get, post, changes, stops };
}

test.if(process.platform === 'linux')('a taken port is no wrong host, whoever has it', async () => {
  await using other = await listenAs('has no address');
  const address = { host: '127.0.0.1', port: other.port, token: TOKEN };
  expect(() => startControlServer({} as Controlled, address)).toThrow(
    /has no address listens there \(process \d+\); choose another with --control-port\.$/,
  );
});

async function refusalOf(answer: Promise<Response>): Promise<readonly [number, string]> {
  const response = await answer;
  return [response.status, ((await response.json()) as { error: string }).error];
}

test('tells the status, takes changes, and stops', async () => {
  const { get, post, changes, stops } = start();
  expect(await (await get('/status')).json()).toEqual({ phase: 'hold', agents: [] });
  for (const body of [
    { connections: 0 },
    { rate: 0.5 },
    { target: 'ws://a/' },
    { target: ['ws://a/', 'ws://b/'] },
  ]) {
    expect((await post('/set', body)).status).toBe(200);
  }
  expect(changes).toEqual([
    { connections: 0 },
    { rate: 0.5 },
    { targets: ['ws://a/'] },
    { targets: ['ws://a/', 'ws://b/'] },
  ]);
  expect((await post('/stop', {})).status).toBe(200);
  expect(stops).toEqual(['stop']);
});

describe('refuses in one sentence', () => {
  test.each<[unknown, string]>([
    [{ connections: -1 }, '"connections" must be a whole number'],
    [{ connections: 1.5 }, '"connections" must be a whole number'],
    [{ connections: '5' }, '"connections" must be a whole number'],
    [{ rate: 0 }, '"rate" must be a number from 0.01'],
    [{ rate: null }, '"rate" must be a number from 0.01'],
    [{ target: [] }, '"target" must be a URL'],
    [{ target: [5] }, '"target" must be a URL'],
    [{ hold: 5 }, '"hold" cannot be set'],
    [{}, 'Set one of'],
    [{ rate: 1, connections: 1 }, 'Set one of'],
    [[], 'Set one of'],
    [7, 'Set one of'],
    // What the run itself has to say against it.
    [{ rate: 13 }, 'Not this rate.'],
  ])('%p', async (body, sentence) => {
    const { post, changes } = start();
    const [status, error] = await refusalOf(post('/set', body));
    expect(status).toBe(400);
    expect(error).toStartWith(sentence);
    expect(changes).toEqual([]);
  });

  test('a body that is no JSON, or too long', async () => {
    const { url, post } = start();
    const [status, error] = await refusalOf(
      fetch(`${url}/set`, { method: 'POST', headers: JSON_TYPE, body: '{' }),
    );
    expect([status, error]).toEqual([
      400,
      'The body must be a JSON object such as {"connections":1000}.',
    ]);
    expect((await post('/set', { target: 'x'.repeat(100_000) })).status).toBe(413);
  });

  test('a path or method that is not there', async () => {
    const { get, post } = start();
    expect((await get('/')).status).toBe(404);
    expect((await get('/set')).status).toBe(404);
    expect((await post('/status', {})).status).toBe(404);
  });

  test('what a page in a browser could send', async () => {
    const { url, post, stops } = start();
    expect((await post('/stop', {}, { ...RIGHT, 'content-type': 'text/plain' })).status).toBe(415);
    const headers = { host: 'rebound.example' };
    expect((await fetch(`${url}/status`, { headers })).status).toBe(401);
    expect(stops).toEqual([]);
  });

  test('who has not the token', async () => {
    const { url, post, stops } = start();
    expect((await fetch(`${url}/status`)).status).toBe(401);
    for (const authorization of [
      '',
      'Bearer',
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
      TOKEN,
    ]) {
      expect((await post('/stop', {}, { ...JSON_TYPE, authorization })).status).toBe(401);
    }
    expect(stops).toEqual([]);
    const right = { ...JSON_TYPE, authorization: `bearer ${TOKEN}` };
    expect((await post('/stop', {}, right)).status).toBe(200);
  });
});

test('a port that is taken is told in one sentence', () => {
  start();
  const port = server?.port ?? 0;
  const act = () => startControlServer({} as never, { host: '127.0.0.1', port, token: TOKEN });
  expect(act).toThrow(FleetError);
  expect(act).toThrow(/cannot be taken: \S+ listens there \(process \d+\);/);
});
