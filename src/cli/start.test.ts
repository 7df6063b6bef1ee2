import { describe, expect, test } from 'bun:test';
import { EventEmitter } from 'node:events';
import { loadConfig } from '../host/config/load.ts';
import type { RunningNode } from '../server/controller/node.ts';
import { StartError } from '../server/controller/start-error.ts';
import { CliError } from './cli-error.ts';
import { readyText, runUntilStopped } from './start.ts';
import { StopSignals } from './stop-signals.ts';

/** A node that stops when it is told to at once, and otherwise when the test says so. */
class FakeRunningNode implements RunningNode {
  readonly publicPort = 8500;
  readonly adminPort = 8600;
  readonly workerCount = 2;
  readonly stops: (number | undefined)[] = [];
  readonly #stopped = Promise.withResolvers<boolean>();

  stop(timeoutMs?: number): Promise<boolean> {
    this.stops.push(timeoutMs);
    if (timeoutMs === 0) this.end(false);
    return this.#stopped.promise;
  }

  end(gracefully: boolean): void {
    this.#stopped.resolve(gracefully);
  }
}

function setUp(start?: () => Promise<RunningNode>) {
  const source = new EventEmitter();
  const time = { nowMs: 0 };
  const node = new FakeRunningNode();
  const announced: RunningNode[] = [];
  const quiet = (): void => {};
  const run = runUntilStopped({
    start: start ?? (() => Promise.resolve(node)),
    announce: (ready) => announced.push(ready),
    signals: new StopSignals(source, () => time.nowMs),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  return { source, time, node, announced, run };
}

describe('a run', () => {
  test('announces the node, and ends well when it stops well', async () => {
    const { source, node, announced, run } = setUp();
    await Bun.sleep(0);
    expect(announced).toEqual([node]);
    expect(node.stops).toEqual([]);
    source.emit('SIGTERM');
    node.end(true);
    await run;
    expect(node.stops).toEqual([undefined]);
    expect(source.eventNames()).toEqual([]);
  });

  test('fails when the node had to be forced', async () => {
    const { source, node, run } = setUp();
    source.emit('SIGTERM');
    node.end(false);
    expect(await run.catch((error: unknown) => error)).toBeInstanceOf(CliError);
  });

  test('is forced by a second SIGINT', async () => {
    const { source, time, node, run } = setUp();
    await Bun.sleep(0);
    source.emit('SIGINT');
    await Bun.sleep(0);
    time.nowMs = 1_000;
    source.emit('SIGINT');
    expect(await run.catch((error: unknown) => error)).toBeInstanceOf(CliError);
    expect(node.stops).toEqual([undefined, 0]);
  });

  test('that is stopped while it starts announces nothing', async () => {
    const starting = Promise.withResolvers<RunningNode>();
    const { source, node, announced, run } = setUp(() => starting.promise);
    source.emit('SIGINT');
    starting.resolve(node);
    node.end(true);
    await run;
    expect(announced).toEqual([]);
  });

  test('whose start fails passes the error on and listens no longer', async () => {
    const failure = new StartError('Worker 0 did not start: no app.');
    const { source, run } = setUp(() => Promise.reject(failure));
    expect(await run.catch((error: unknown) => error)).toBe(failure);
    expect(source.eventNames()).toEqual([]);
  });
});

test('people are told where the node listens', () => {
  const node = new FakeRunningNode();
  expect(readyText(node, loadConfig())).toContain('demo       http://localhost:8500/');
  const text = readyText(node, loadConfig({ flags: { host: '::1', app: '/a.ts' } }));
  expect(text).toContain('Socket.IO  http://[::1]:8500/socket.io/');
  expect(text).toContain('plain      http://[::1]:8500/ws, /sse, /poll\n');
  expect(text).toContain('app        /a.ts');
  const hookSecret = 'x'.repeat(32);
  const hooks = loadConfig({ flags: { hookUrl: 'http://a/b?key=c', hookSecret } });
  expect(readyText(node, hooks)).toContain('hooks      http://a/b\n');
  const without = loadConfig({ flags: { plainClients: 'false' } });
  expect(readyText(node, without)).not.toContain('plain');
});
