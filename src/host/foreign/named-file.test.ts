import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNamedFile, whyUnread } from './named-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, 'file');
writeFileSync(file, 'é');
const link = join(folder, 'link');
symlinkSync(file, link);
const pipe = join(folder, 'pipe');
Bun.spawnSync(['mkfifo', pipe]);

function fault(path: string, bytesMax?: number): string {
  try {
    return readNamedFile(path, bytesMax).toString();
  } catch (error) {
    return whyUnread(error);
  }
}

test('a file is read whole, also behind a link, and one of /proc', () => {
  expect([fault(file), fault(link), fault(file, 2)]).toEqual(['é', 'é', 'é']);
  if (process.platform === 'linux') expect(fault('/proc/self/status')).toContain('Pid:');
});

test.each([
  ['a pipe', pipe, 'it is no regular file'],
  ['a device without end', '/dev/zero', 'it is no regular file'],
  ['a folder', folder, 'it is no regular file'],
  ['nothing', join(folder, 'missing'), 'ENOENT'],
])('%s is refused at once', (_name, path, why) => {
  expect(fault(path)).toBe(why);
});

test('more than there may be is refused', () => {
  expect(fault(file, 1)).toBe('it has more than 1 bytes');
});
