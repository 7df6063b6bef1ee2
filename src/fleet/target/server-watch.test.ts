import { expect, test } from 'bun:test';
import { findServerProcesses, readServerState } from './server-watch.ts';

test('finds this process by the port it listens on, and counts its files', () => {
  using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() });
  const found = findServerProcesses(server.port as number);
  expect(found.map(({ pid }) => pid)).toEqual([process.pid]);
  const [files] = readServerState(found).alive;
  expect(files?.openFiles).toBeGreaterThan(3);
  expect(files?.openFileLimit).toBeGreaterThan(files?.openFiles ?? 0);
});

test('finds none where nobody listens, or nothing is told', () => {
  expect(findServerProcesses(1)).toEqual([]);
  expect(findServerProcesses(1, '/nowhere')).toEqual([]);
});

test('tells who has ended', async () => {
  const child = Bun.spawn(['sleep', '60']);
  const server = { pid: child.pid, name: 'sleep' };
  expect(readServerState([server]).ended).toEqual([]);
  child.kill();
  await child.exited;
  expect(readServerState([server])).toEqual({ alive: [], ended: [server] });
});
