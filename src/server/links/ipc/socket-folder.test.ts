/** Whose folders are cleared away, and that a listener outlasts the removal of its file. */

import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../../test/system/eventually.ts';
import { lifeOf, ownIdentity } from '../../../host/machine/process-identity.ts';
import { connectFramed, FramedConnection } from './framed-connection.ts';
import { LastingListener } from './lasting-listener.ts';
import {
  clearLeftFolders,
  ensureSocketFolder,
  leaveMark,
  makeSocketFolder,
} from './socket-folder.ts';

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'folders-'));
});

afterEach(() => rmSync(parent, { recursive: true }));

/** The identity of a process that has ended since. */
const GONE = ownIdentity().replace(/^\d+ \d+/, `${process.pid} 1`);

/** A folder as a node has it, with the marks of processes. */
function folder(...marks: readonly string[]): string {
  const path = makeSocketFolder(parent);
  for (const [index, mark] of marks.entries()) writeFileSync(join(path, `w${index}.pid`), mark);
  writeFileSync(join(path, 'bus.sock'), '');
  return path;
}

test('processes are told apart by when they began, and those of elsewhere are not known', () => {
  const own = ownIdentity();
  expect([lifeOf(own), lifeOf(GONE)]).toEqual(['alive', 'gone']);
  const [pid, start, boot, namespace, host] = own.split(' ');
  const of = (...words: unknown[]): string => lifeOf(words.join(' '));
  expect(of(pid, start, 'another-boot', namespace, host)).toBe('gone');
  expect(of(pid, '1', boot, 'pid:[1]', host)).toBe('unknown');
  expect(of(pid, '1', boot, namespace, 'another-host')).toBe('unknown');
  for (const text of ['', 'x', '-1 1 a b c', '0 1 a b c', `${own} more`, '1']) {
    expect(lifeOf(text)).toBe('unknown');
  }
});

test('folders in which nobody lives any more are removed, and no others', () => {
  const left = folder(GONE, GONE);
  const lived = folder(GONE, ownIdentity());
  const unmarked = folder();
  const foreign = folder(GONE);
  writeFileSync(join(foreign, 'letters.txt'), 'mine');
  const open = folder(GONE);
  chmodSync(open, 0o755);
  const elsewhere = folder(ownIdentity().replace(/\S+$/, 'another-host'));
  const named = join(parent, 'holdfast-0');
  mkdirSync(named, { mode: 0o700 });
  writeFileSync(join(named, 'bus.pid'), GONE);
  const target = join(parent, 'target');
  mkdirSync(target, { mode: 0o700 });
  writeFileSync(join(target, 'bus.pid'), GONE);
  symlinkSync(target, join(parent, 'holdfast-AAAAAA'));
  const linked = folder();
  symlinkSync(join(target, 'bus.pid'), join(linked, 'bus.pid'));
  expect(clearLeftFolders(parent)).toEqual([left]);
  for (const path of [lived, unmarked, foreign, open, elsewhere, named, target, linked]) {
    expect(existsSync(path)).toBeTrue();
  }
  expect(readdirSync(target)).toEqual(['bus.pid']);
  expect(clearLeftFolders(join(parent, 'nowhere'))).toEqual([]);
});

test('a folder is made again for its user alone', () => {
  const path = join(parent, 'again');
  ensureSocketFolder(path);
  ensureSocketFolder(path);
  chmodSync(path, 0o770);
  expect(() => ensureSocketFolder(path)).toThrow('others can enter it');
  const link = join(parent, 'link');
  symlinkSync(parent, link);
  expect(() => ensureSocketFolder(link)).toThrow();
});

test('a listener outlasts the removal of its folder, with those who are connected', async () => {
  const home = makeSocketFolder(parent);
  const path = join(home, 'bus.sock');
  const heard: number[] = [];
  const ends: string[] = [];
  const connection = (name: string): FramedConnection =>
    new FramedConnection(
      {
        onFrame: (_link, frame) => heard.push(frame.u32()),
        onFault: () => {},
        onClose: () => ends.push(name),
      },
      1_000,
    );
  const listener = new LastingListener(path, () => connection('near'));
  const early = connection('early');
  await connectFramed(path, early);
  rmSync(home, { recursive: true });
  listener.look();
  listener.look();
  expect(readdirSync(home).toSorted()).toEqual(['bus.pid', 'bus.sock']);
  expect(lifeOf(readFileSync(join(home, 'bus.pid'), 'utf8'))).toBe('alive');
  const late = connection('late');
  await connectFramed(path, late);
  for (const [number, link] of [early, late].entries()) {
    link.frame(1).u32(number).finish();
    link.send();
  }
  const isBoth = (count: number): boolean => count === 2;
  await eventually('both are heard', () => heard.length, isBoth);
  expect(ends).toEqual([]);
  // Of what is removed only the mark.
  rmSync(join(home, 'bus.pid'));
  listener.look();
  leaveMark(home, 'other');
  expect(readdirSync(home).toSorted()).toEqual(['bus.pid', 'bus.sock', 'other.pid']);
  for (const link of [early, late]) link.close();
  listener.stop();
});
