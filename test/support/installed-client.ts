/**
 * A folder in which the package is installed as far as clients need it: scripts there import
 * `holdfast/client` as those of a project do, under Node.js as under Bun. The declarations and the
 * JavaScript are made as `prepack` makes them.
 */

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './holdfast-process.ts';

export interface RanScript {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

export class InstalledClient implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'holdfast-client-'));

  constructor() {
    const modules = join(this.folder, 'node_modules');
    const home = join(modules, 'holdfast');
    mkdirSync(home, { recursive: true });
    copyFileSync(join(ROOT, 'package.json'), join(home, 'package.json'));
    symlinkSync(join(ROOT, 'src'), join(home, 'src'));
    symlinkSync(join(ROOT, 'node_modules', 'ws'), join(modules, 'ws'));
    const tsc = [join(ROOT, 'node_modules', '.bin', 'tsc'), '--project', 'tsconfig.package.json'];
    const made = Bun.spawnSync([...tsc, '--outDir', join(home, 'dist')], { cwd: ROOT });
    if (!made.success) throw new Error(`the client could not be made: ${made.stdout.toString()}`);
  }

  /** Runs a module to its end. @param name of its file, whose end says what it is */
  async run(
    runtime: 'node' | 'bun',
    name: string,
    text: string,
    timeoutMs: number,
  ): Promise<RanScript> {
    const file = join(this.folder, name);
    await Bun.write(file, text);
    const child = Bun.spawn([runtime === 'bun' ? process.execPath : 'node', file], {
      cwd: this.folder,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: timeoutMs,
    });
    const [out, err, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { out, err, code };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
