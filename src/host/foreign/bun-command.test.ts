import { afterAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownCommand } from './bun-command.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-own-')));
const before = process.cwd();

afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

function tsconfigFor(app?: string): string | undefined {
  const flag = '--tsconfig-override=';
  return ownCommand(app)
    .words.find((word) => word.startsWith(flag))
    ?.slice(flag.length);
}

test('the nearest tsconfig.json of an app counts, and none of the working directory', () => {
  writeFileSync(join(folder, 'tsconfig.json'), '{}');
  mkdirSync(join(folder, 'app', 'src'), { recursive: true });
  process.chdir(folder);
  expect(tsconfigFor()).toBe(devNull);
  expect(tsconfigFor('')).toBe(devNull);
  expect(tsconfigFor(join(folder, 'app', 'src', 'app.ts'))).toBe(join(folder, 'tsconfig.json'));
  writeFileSync(join(folder, 'app', 'tsconfig.json'), '{}');
  const nearer = join(folder, 'app', 'tsconfig.json');
  expect(tsconfigFor(join(folder, 'app', 'src', 'app.ts'))).toBe(nearer);
});
