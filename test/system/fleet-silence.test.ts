/**
 * Whoever falls silent during a run - server, agent or coordinator - is noticed by the others. Each
 * test lasts as long as their patience, so all of them wait together.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { FleetSample, FleetVerdict } from '../../src/report/recording/record.ts';
import { FleetProcess } from '../support/fleet-process.ts';
import { HoldfastProcess, ROOT, ServerProcess } from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

const STOCK = ['node', join(ROOT, 'test', 'support', 'stock-server.mjs')];
const SMALL = ['--connections', '200', '--rate', '1000'];

setDefaultTimeout(120_000);

/** Long enough for some hundred sessions on a machine that has other work. */
const CLIMB_TIMEOUT_MS = 40_000;

async function holding(fleet: FleetProcess) {
  return await eventually(
    'the fleet holds',
    () => fleet.status(),
    ({ phase }) => phase === 'hold',
    CLIMB_TIMEOUT_MS,
  );
}

function textOf({ findings }: FleetVerdict, name: string): string {
  return findings.find((finding) => finding.name === name)?.text ?? '';
}

describe.concurrent('a server that stands still during hold does not pass', () => {
  test('stock: it gives no answer to another session', async () => {
    await using server = await ServerProcess.launch(STOCK);
    await using fleet = await FleetProcess.start([
      ...['--target', server.url, '--protocol', 'websocket', ...SMALL, '--hold', '1'],
    ]);
    await holding(fleet);
    process.kill(server.pid, 'SIGSTOP');
    try {
      const { code, verdict } = await fleet.ended();
      expect({ code, verdict: verdict.verdict }).toEqual({ code: 1, verdict: 'failed' });
      const place = new URL(server.url).host;
      expect(textOf(verdict, 'server silent')).toStartWith(`${place} gave no answer to a new`);
      expect(verdict.lost).toBe(0);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
  });

  test('Holdfast: its admin API gives no answer either', async () => {
    await using node = await HoldfastProcess.start({ workers: 1 });
    await using fleet = await FleetProcess.start([
      ...['--target', node.url, '--admin', `http://127.0.0.1:${node.adminPort}`],
      ...[...SMALL, '--hold', '1'],
    ]);
    await holding(fleet);
    process.kill(node.controllerPid, 'SIGSTOP');
    try {
      const { code, verdict } = await fleet.ended();
      expect({ code, verdict: verdict.verdict }).toEqual({ code: 1, verdict: 'failed' });
      expect(textOf(verdict, 'server silent')).toStartWith("The node's admin API gave no answer");
    } finally {
      process.kill(node.controllerPid, 'SIGCONT');
    }
  });
});

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.launch(STOCK);
});
afterAll(() => server.stop());

describe.concurrent('against a server that answers', () => {
  test('an agent that stands still to the end makes the run void', async () => {
    await using fleet = await FleetProcess.start([
      ...['--target', server.url, ...SMALL, '--hold', '2', '--processes', '2'],
    ]);
    const { agents } = await holding(fleet);
    process.kill(agents[1]?.pid as number, 'SIGSTOP');
    const { code, verdict } = await fleet.ended();
    expect({ code, verdict: verdict.verdict }).toEqual({ code: 1, verdict: 'void' });
    expect(textOf(verdict, 'agent lost')).toStartWith('Agent local 1 was lost: it gave no answer');
  });

  test('while a broadcast waits for its answer agents hear on and settings stand', async () => {
    const isAsked = Promise.withResolvers<void>();
    const mayAnswer = Promise.withResolvers<void>();
    // Of its own, since what it broadcasts reaches all that are on it.
    await using own = await ServerProcess.launch(STOCK);
    await using slow = broadcastsAfter(mayAnswer.promise, own.url, isAsked.resolve);
    await using fleet = await FleetProcess.start([
      ...['--target', own.url, '--broadcast-url', `${slow.url}/broadcast?token=secret`],
      ...[...SMALL, '--hold', '1', '--broadcasts', '1'],
    ]);
    await isAsked.promise;
    const refusal = fleet.command('set', 'connections', '100');
    expect(await messageOf(refusal)).toContain('Hold is over and the run is being judged');
    expect(await fleet.status()).toMatchObject({ wanted: 200, phase: 'hold' });
    // Seconds in which nobody is to notice that the server takes its time.
    const begun = fleet.records.length;
    await eventually(
      'the fleet has recorded some seconds more',
      () => fleet.records.length,
      (length) => length >= begun + 4,
    );
    mayAnswer.resolve();
    const { verdict } = await fleet.ended();
    expect(verdict).toMatchObject({ verdict: 'passed', lost: 0 });
    expect(verdict.broadcasts[0]?.received).toBe(200);
    const times = fleet.records
      .filter((record): record is FleetSample => record.record === 'fleet-sample')
      .map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] as number));
    expect(Math.max(...gaps)).toBeLessThan(3_000);
    expect(JSON.stringify(fleet.records)).not.toContain('secret');
  });

  test('agents end when their coordinator is killed', async () => {
    await using fleet = await FleetProcess.start([
      ...['--target', server.url, ...SMALL, '--hold', '60', '--processes', '2'],
    ]);
    const { agents } = await holding(fleet);
    const pids = agents.map(({ pid }) => pid as number);
    expect(pids.filter(isRunning)).toHaveLength(2);
    fleet.kill('SIGKILL');
    await eventually(
      'no agent is left',
      () => pids.filter(isRunning),
      ({ length }) => length === 0,
    );
  });
});

/** Passes broadcasts on to a stock server, once they may be answered. */
function broadcastsAfter(
  mayAnswer: Promise<void>,
  target: string,
  onAsked: () => void,
): AsyncDisposable & { readonly url: string } {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      onAsked();
      const body = await request.text();
      await mayAnswer;
      return await fetch(target, { method: 'POST', body });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The message of the error that it ends with; empty when there is none. */
function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
}
