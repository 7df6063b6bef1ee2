/** `holdfast fleet run` in the background, controlled by other commands while it runs. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetStatus } from '../../src/fleet/coordinator/status.ts';
import type { FleetRecord, FleetVerdict } from '../../src/report/recording/record.ts';
import { type Ended, ROOT, runHoldfast } from './holdfast-process.ts';
import { within } from './raw-deadline.ts';

/** Not the launcher, which would leave its child behind when it is killed. */
const MAIN = join(ROOT, 'src', 'cli', 'main.ts');
const START_TIMEOUT_MS = 20_000;
const END_TIMEOUT_MS = 60_000;

/** A run that came to its end by itself. */
export interface FleetEnded extends Ended {
  readonly verdict: FleetVerdict;
  /** What `--out` holds. */
  readonly records: readonly FleetRecord[];
}

/** Runs a fleet to its end, recorded. */
export async function runFleet(args: readonly string[]): Promise<FleetEnded> {
  const out = mkdtempSync(join(tmpdir(), 'holdfast-fleet-'));
  try {
    const ended = await runHoldfast([
      ...['fleet', 'run', '--json', '--control-port', '0', '--out', out],
      ...args,
    ]);
    if (ended.out === '') throw new Error(`there is no verdict: ${ended.err}`);
    return { ...ended, verdict: JSON.parse(ended.out), records: readRecords(out) };
  } finally {
    rmSync(out, { recursive: true });
  }
}

export class FleetProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly #folder: string;
  readonly #out: Promise<string>;
  #err = '';
  #control = '';

  private constructor(args: readonly string[]) {
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-fleet-'));
    this.#child = Bun.spawn(
      [
        process.execPath,
        MAIN,
        'fleet',
        'run',
        '--json',
        '--control-port',
        '0',
        '--out',
        this.#folder,
        ...args,
      ],
      { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#out = this.#child.stdout.text();
  }

  /** Resolves when the run has begun. */
  static async start(args: readonly string[]): Promise<FleetProcess> {
    const fleet = new FleetProcess(args);
    await within('the run begins', fleet.#begin(), START_TIMEOUT_MS);
    return fleet;
  }

  get err(): string {
    return this.#err;
  }

  /** Where the run says that its token lies. */
  get tokenPath(): string {
    return /Its token is in (\S+)\.\s/.exec(this.#err)?.[1] ?? '';
  }

  get control(): string {
    return this.#control;
  }

  get records(): readonly FleetRecord[] {
    return readRecords(this.#folder);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What the run says it has left for whoever controls it. */
  get controlToken(): string {
    return readFileSync(this.tokenPath, 'utf8').trim();
  }

  /** A command of `holdfast fleet` against this run, in a process that finds the token. */
  async command(...args: readonly string[]): Promise<FleetStatus> {
    const { code, out, err } = await runHoldfast([
      ...['fleet', ...args, '--control', this.#control, '--json'],
    ]);
    if (code !== 0) throw new Error(err);
    return JSON.parse(out) as FleetStatus;
  }

  async status(): Promise<FleetStatus> {
    const headers = { authorization: `Bearer ${this.controlToken}` };
    return (await (await fetch(`${this.#control}/status`, { headers })).json()) as FleetStatus;
  }

  /** @returns the exit code and the verdict */
  async ended(): Promise<{ readonly code: number; readonly verdict: FleetVerdict }> {
    const code = await within('the run ends', this.#child.exited, END_TIMEOUT_MS);
    const out = await this.#out;
    if (out === '') throw new Error(`there is no verdict: ${this.#err}`);
    return { code, verdict: JSON.parse(out) as FleetVerdict };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #begin(): Promise<void> {
    const begun = Promise.withResolvers<void>();
    void this.#follow(begun.resolve).then(() => begun.reject(new Error(this.#err)));
    await begun.promise;
  }

  async #follow(onBegun: () => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) {
      this.#err += decoder.decode(chunk, { stream: true });
      const [, url] = /control it at (\S+)\.\s/.exec(this.#err) ?? [];
      if (url === undefined || this.tokenPath === '') continue;
      this.#control = url;
      onBegun();
    }
  }
}

function readRecords(folder: string): readonly FleetRecord[] {
  const lines = readFileSync(join(folder, 'fleet.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FleetRecord);
}
