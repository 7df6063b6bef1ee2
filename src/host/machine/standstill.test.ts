import { expect, test } from 'bun:test';
import { HostFiles } from './host-files.ts';
import { describeStandstill, type Standstill, standstillOf } from './standstill.ts';

const host = new HostFiles();
const SEEN: Standstill = { state: 'S', cpuMs: 1_000, waitsIn: undefined, isTraced: false };

test.each<[string, Partial<Standstill>, number, string]>([
  ['a loop', { state: 'R' }, 10_900, 'it used 9.9 s of CPU meanwhile, so code of the app runs'],
  ['a loop on a crowded machine', { state: 'R' }, 1_500, 'code of the app runs'],
  ['a system call', { waitsIn: 'pipe_write' }, 1_000, 'waits for the system in pipe_write'],
  ['a call without a name', {}, 1_000, 'so it waits for the system, as in a synchronous call'],
  ['a signal', { state: 'T' }, 1_000, 'a signal has stopped it'],
  ['a debugger', { state: 't', isTraced: true }, 1_000, 'a debugger holds it'],
])('tells %s', (_name, seen, cpuMs, text) => {
  expect(describeStandstill({ ...SEEN, ...seen, cpuMs }, 1_000, 10_000)).toContain(text);
});

test.skipIf(process.platform !== 'linux')('reads processes, stopped ones and none', async () => {
  expect(standstillOf(process.pid, host)).toMatchObject({ state: 'R', isTraced: false });
  const child = Bun.spawn(['sleep', '60']);
  process.kill(child.pid, 'SIGSTOP');
  try {
    while (standstillOf(child.pid, host)?.state !== 'T') await Bun.sleep(5);
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
  expect(standstillOf(child.pid, host)).toBeUndefined();
});
