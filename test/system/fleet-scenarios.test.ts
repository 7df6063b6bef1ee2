/** What sessions of the fleet do, against Holdfast and against stock servers. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { FleetSample } from '../../src/report/recording/record.ts';
import { FleetProcess, runFleet } from '../support/fleet-process.ts';
import { HoldfastProcess, ROOT, ServerProcess } from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');
const STOCK = ['node', join(ROOT, 'test', 'support', 'stock-server.mjs')];

setDefaultTimeout(60_000);

describe('against Holdfast', () => {
  let node: HoldfastProcess;
  let target: readonly string[];

  beforeAll(async () => {
    node = await HoldfastProcess.start({ app: APP, workers: 2 });
    target = ['--target', node.url, '--admin', `http://127.0.0.1:${node.adminPort}`];
  });
  afterAll(() => node.stop());

  test('sessions are held, and each gets each broadcast once', async () => {
    const { code, verdict, records, err, leftovers } = await runFleet([
      ...target,
      ...['--connections', '1500', '--rate', '3000', '--hold', '2', '--broadcasts', '3'],
      ...['--processes', '2'],
    ]);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(leftovers).toEqual([]);
    expect(verdict).toMatchObject({
      verdict: 'passed',
      connectionsAsked: 1500,
      connectionsHeldMax: 1500,
      lost: 0,
      failed: 0,
    });
    expect(verdict.broadcasts.map(({ received }) => received)).toEqual([1500, 1500, 1500]);
    expect(verdict.deliveryLatency?.count).toBe(4500);
    expect(verdict.connectLatency?.count).toBe(1500);
    expect(verdict.heldSeconds).toBeGreaterThanOrEqual(2);

    expect(records[0]).toMatchObject({ record: 'fleet', agents: ['local 0', 'local 1'] });
    expect(records.at(-1)).toEqual(verdict);
    const samples = records.filter((record): record is FleetSample => 'phase' in record);
    const phases = records.flatMap((record) =>
      'what' in record && record.what === 'phase' ? [record.text] : [],
    );
    expect(phases).toEqual(['climb', 'hold', 'leave', 'done']);
    // A sample is taken each second, which may be longer than a phase.
    const sampled = new Set(samples.map(({ phase }) => phase));
    expect(phases.filter((phase) => phase !== 'leave' || sampled.has(phase))).toEqual([...sampled]);
    const held = samples.findLast(({ phase }) => phase === 'hold');
    expect(held).toMatchObject({ wanted: 1500, open: 1500, established: 1500 });
    expect(held?.agents.open).toEqual([750, 750]);
    expect(samples.at(-1)).toMatchObject({ phase: 'done', open: 0, left: 1500 });
    await eventually(
      'the server has none left',
      () => node.load(),
      ({ connections }) => connections === 0,
    );
  });

  test('echoes are acknowledged while sessions churn', async () => {
    const { code, verdict, records } = await runFleet([
      ...target,
      ...['--connections', '600', '--rate', '2000', '--hold', '4'],
      ...['--echo-rate', '300', '--churn', '600'],
    ]);
    expect(verdict).toMatchObject({ verdict: 'passed', lost: 0 });
    expect(code).toBe(0);
    expect(verdict.echoLatency?.count).toBeGreaterThan(600);
    // A tenth of the sessions left and came back in each second.
    expect(lastHold(records).left).toBeGreaterThan(120);
    expect(lastHold(records).left).toBeLessThan(360);
  });

  test('sessions jitter: they go away and come back; broadcasts are counted', async () => {
    const { code, verdict, records } = await runFleet([
      ...target,
      ...['--connections', '600', '--rate', '2000', '--hold', '4'],
      ...['--jitter', '3/0.5', '--broadcast-rate', '4'],
    ]);
    expect(verdict).toMatchObject({ verdict: 'passed', lost: 0 });
    expect(code).toBe(0);
    const open = holds(records).map((sample) => sample.open);
    expect(Math.min(...open)).toBeLessThan(600);
    expect(Math.min(...open)).toBeGreaterThan(300);
    expect(verdict.broadcasts.length).toBeGreaterThanOrEqual(10);
    expect(verdict.findings.map(({ text }) => text).join()).toContain('counted, not judged');
  });

  test('sessions that are away when hold is stopped are no failure of the server', async () => {
    await using fleet = await FleetProcess.start([
      ...target,
      ...['--connections', '300', '--rate', '2000', '--hold', '60', '--jitter', '4/3'],
    ]);
    await eventually(
      'some are away',
      () => fleet.status(),
      ({ phase, open }) => phase === 'hold' && open < 200,
    );
    await fleet.command('stop');
    const { code, verdict } = await fleet.ended();
    expect({ code, verdict }).toMatchObject({ code: 0, verdict: { verdict: 'passed', lost: 0 } });
    const text = verdict.findings.map((finding) => finding.text).join();
    expect(text).toContain('the fleet itself kept the others away');
  });

  test('after a storm all are back', async () => {
    const { code, verdict, records } = await runFleet([
      ...target,
      ...['--connections', '1000', '--rate', '2000', '--hold', '4', '--scenario', 'storm'],
    ]);
    expect(verdict).toMatchObject({ verdict: 'passed', lost: 0, connectionsHeldMax: 1000 });
    expect(code).toBe(0);
    expect(verdict.connectLatency?.count).toBe(2000);
    const storms = records.filter((record) => 'what' in record && record.what === 'storm');
    expect(storms).toHaveLength(1);
  });
});

describe('against stock servers', () => {
  let server: ServerProcess;
  let target: readonly string[];

  beforeAll(async () => {
    server = await ServerProcess.launch(STOCK);
    target = ['--target', server.url, '--broadcast-url', server.url];
  });
  afterAll(() => server.stop());

  test.each([['socket-io'], ['websocket'], ['socket-io=3,websocket=1']])(
    '%s: broadcasts are received once and echoes answered',
    async (protocol) => {
      const { code, verdict, err } = await runFleet([
        ...target,
        ...['--protocol', protocol, '--connections', '600', '--rate', '2000', '--hold', '2.5'],
        ...['--echo-rate', '200', '--broadcast-rate', '2', '--broadcasts', '1'],
      ]);
      expect({ code, err }).toMatchObject({ code: 0 });
      expect(verdict).toMatchObject({ verdict: 'passed', lost: 0, failed: 0 });
      expect(verdict.broadcasts.length).toBeGreaterThanOrEqual(4);
      expect(new Set(verdict.broadcasts.map(({ received }) => received))).toEqual(new Set([600]));
      expect(verdict.echoLatency?.count).toBeGreaterThan(300);
    },
  );
});

function holds(records: readonly object[]): readonly FleetSample[] {
  return records.filter(
    (record): record is FleetSample => 'phase' in record && record.phase === 'hold',
  );
}

function lastHold(records: readonly object[]): FleetSample {
  return holds(records).at(-1) as FleetSample;
}
