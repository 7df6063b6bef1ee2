/** Socket files among the temporary ones: cleaners remove them, and killed nodes leave them. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { byWorker, Clients, operate, record } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'system-app.ts');
const WORKERS = 2;

const clients = new Clients();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sockets-'));
});

afterEach(() => {
  clients.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = (): Promise<HoldfastProcess> =>
  HoldfastProcess.start({ app: APP, workers: WORKERS, config: { runDir: folder } });

test('workers that are started after all files were removed are reached', async () => {
  await using node = await start();
  const stayed = await clients.connectMany(node.url, 8, () => ({ transports: ['websocket'] }));
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  const before = (await node.process()).workers.map(({ pid }) => pid);
  process.kill(before[0] as number, 'SIGKILL');
  await eventually(
    'a new worker runs',
    async () => (await node.process()).workers,
    (workers) => workers.every(({ pid, state }) => state === 'running' && pid !== before[0]),
    30_000,
  );
  const files = (): readonly string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.sock'),
    );
  const areBack = ({ length }: readonly string[]): boolean => length === WORKERS + 1;
  await eventually('all listen again', files, areBack);
  const all = await clients.connectMany(node.url, 12, () => ({ transports: ['polling'] }));
  const groups = await byWorker(all);
  expect(groups.size).toBe(WORKERS);
  const heard = record([...all, ...stayed.filter(({ connected }) => connected)], 'news');
  const [speaker] = groups.get(0) ?? [];
  if (speaker === undefined) throw new Error('nobody is on worker 0');
  await operate(speaker, [['emit', 'news', 1]]);
  await eventually(
    'all hear it',
    () => heard.filter(({ length }) => length === 1).length,
    (count) => count === heard.length,
  );
  await node.stop();
  expect(readdirSync(folder)).toEqual([]);
});

test('what a killed node left is removed by the next one, and nothing of others', async () => {
  const killed = await start();
  const { workers } = await killed.process();
  const pids = [killed.controllerPid, ...workers.map(({ pid }) => pid as number)];
  const [left = ''] = readdirSync(folder);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await eventually(
    'they are gone',
    () => killed.processes.filter((pid) => pids.includes(pid)).length,
    (count) => count === 0,
  );
  const foreign = join(folder, 'holdfast-others');
  mkdirSync(foreign, { mode: 0o700 });
  writeFileSync(join(foreign, 'bus.sock'), '');
  await using living = await start();
  const names = readdirSync(folder);
  expect(names).toHaveLength(2);
  expect(names).not.toContain(left);
  expect(names).toContain('holdfast-others');
  await using another = await start();
  expect(readdirSync(folder)).toHaveLength(3);
  await another.stop();
  await living.stop();
  await killed[Symbol.asyncDispose]();
});
