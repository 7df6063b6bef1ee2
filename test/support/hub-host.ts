/**
 * A hub in a process of its own, for tests of what it costs: `bun hub-host.ts <path of the
 * socket>`.
 *
 * For each line on its standard input it writes one of JSON: what the process holds at that moment,
 * and after a collection.
 */

import { createInterface } from 'node:readline';
import type { Hub } from '../../src/server/links/bus/hub.ts';
import { newHub } from './new-hub.ts';

export interface HubReport {
  readonly entries: number;
  readonly tableBytes: number;
  readonly rssBytes: number;
  readonly rssCollectedBytes: number;
  readonly cpuMs: number;
}

function report(hub: Hub): HubReport {
  const rssBytes = process.memoryUsage.rss();
  Bun.gc(true);
  const { user, system } = process.cpuUsage();
  return {
    entries: hub.interest.entryCount,
    tableBytes: hub.interest.byteLength,
    rssBytes,
    rssCollectedBytes: process.memoryUsage.rss(),
    cpuMs: (user + system) / 1000,
  };
}

function run(path: string): void {
  const say = (): void => {};
  const log = { debug: say, info: say, warn: say, error: say };
  const hub = newHub({ onReady: say, onFailed: say, onSample: say }, log);
  hub.listen(path);
  createInterface({ input: process.stdin }).on('line', () => {
    process.stdout.write(`${JSON.stringify(report(hub))}\n`);
  });
  process.stdin.on('end', () => process.exit(0));
}

if (import.meta.main) run(process.argv[2] as string);
