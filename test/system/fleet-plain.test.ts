/** The fleet against Holdfast by every protocol, each alone and all of them at once. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { CLIENT_PROTOCOLS } from '../../src/fleet/agent/contract.ts';
import { runFleet } from '../support/fleet-process.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');

setDefaultTimeout(60_000);

let node: HoldfastProcess;
let target: readonly string[];

beforeAll(async () => {
  // Times that let heartbeats pass and polls come back within a run.
  const args = [
    '--ping-interval-ms',
    '1500',
    '--ping-timeout-ms',
    '4000',
    '--poll-hold-ms',
    '1500',
  ];
  node = await HoldfastProcess.start({ app: APP, workers: 2, args });
  target = ['--target', node.url, '--admin', `http://127.0.0.1:${node.adminPort}`];
});
afterAll(() => node.stop());

test.each(CLIENT_PROTOCOLS)('%s: sessions outlive heartbeats, and hear all', async (protocol) => {
  const { code, verdict, records } = await runFleet([
    ...[...target, '--protocol', protocol, '--connections', '400', '--rate', '2000'],
    ...['--hold', '5', '--broadcasts', '3'],
  ]);
  expect(verdict).toMatchObject({ verdict: 'passed', connectionsHeldMax: 400, lost: 0, failed: 0 });
  expect(verdict.broadcasts.map(({ received }) => received)).toEqual([400, 400, 400]);
  expect(verdict.deliveryLatency?.count).toBe(1_200);
  expect(code).toBe(0);
  expect(records[0]).toMatchObject({ settings: { protocols: [protocol] } });
  await eventually(
    'the server has none left',
    () => node.load(),
    ({ connections }) => connections === 0,
  );
});

test('a mix in one room, while sessions come and go', async () => {
  const mix = 'socket-io=4,websocket=3,sse=2,stream=1,poll=2';
  const { code, verdict } = await runFleet([
    ...['--target', `${node.url}?room=a`, ...target.slice(2), '--protocol', mix],
    ...['--connections', '360', '--rate', '2000', '--hold', '4', '--churn', '600'],
    ...['--broadcast-rate', '2', '--broadcasts', '1'],
  ]);
  expect(verdict).toMatchObject({ verdict: 'passed', connectionsHeldMax: 360, lost: 0 });
  expect(code).toBe(0);
});

test.each([
  ['websocket', 'refuses the session: give what it wants with --auth.'],
  ['sse', 'wants credentials (HTTP 401): give what it wants with --auth.'],
  ['poll', 'wants credentials (HTTP 401): give what it wants with --auth.'],
])('%s: a session that the app refuses is told before the run', async (protocol, sentence) => {
  const url = `${node.url}?namespace=/members`;
  const run = runFleet(['--target', url, '--protocol', protocol]);
  expect(await run.then(undefined, String)).toContain(sentence);
});
