import { afterEach, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { Children } from './children.ts';
import { childPids, descendantsOf, killIfSame } from './process-tree.ts';

const children = new Children();

afterEach(() => children.stopAll());

/** A process that has ended and that nobody has asked for yet still has an entry in /proc. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(2);
}

/** A launcher that is deaf to SIGTERM, with a process below it and one below that. */
function deafLauncher(cleanUp: () => void) {
  const below = "sh -c 'sleep 60 & wait' & wait; wait";
  const command = ['sh', '-c', `trap '' TERM; ${below}`];
  const stdio = ['ignore', 'ignore', 'ignore'] as const;
  return children.add(Bun.spawn(command, { stdio: [...stdio] }), { stopTimeoutMs: 50, cleanUp });
}

test('a process that has to be killed takes with it what it has started', async () => {
  let cleanUps = 0;
  const launcher = deafLauncher(() => {
    cleanUps += 1;
  });
  await until(() => descendantsOf(launcher.pid).length === 2);
  const below = descendantsOf(launcher.pid).map(({ pid }) => pid);
  await Promise.all([children.stop(launcher), children.stopAll()]);
  await until(() => !below.some(isAlive));
  expect([launcher.signalCode, cleanUps]).toEqual(['SIGKILL', 1]);
});

test('the files of a process that ended by itself are cleaned up as well', async () => {
  let isClean = false;
  const cleanUp = (): void => {
    isClean = true;
  };
  const child = children.add(Bun.spawn(['true']), { cleanUp });
  await child.exited;
  expect(isClean).toBe(false);
  await children.stopAll();
  expect(isClean).toBe(true);
});

test('a process that was added while all were stopped is stopped too', async () => {
  let late: Bun.Subprocess | undefined;
  const cleanUp = (): void => {
    late = children.add(Bun.spawn(['sleep', '60']));
  };
  children.add(Bun.spawn(['sleep', '60']), { cleanUp });
  await children.stopAll();
  expect(late?.signalCode).toBe('SIGTERM');
});

test('nobody is killed who only has the id of another', async () => {
  const child = children.add(Bun.spawn(['sleep', '60']));
  expect(childPids(process.pid)).toContain(child.pid);
  const known = descendantsOf(process.pid).find(({ pid }) => pid === child.pid);
  killIfSame({ pid: child.pid, startTicks: (known?.startTicks ?? 0) - 1 });
  await Bun.sleep(20);
  expect(isAlive(child.pid)).toBe(true);
  killIfSame({ pid: child.pid, startTicks: known?.startTicks ?? 0 });
  await child.exited;
  expect(child.signalCode).toBe('SIGKILL');
});
