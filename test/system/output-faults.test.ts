/** What commands print may meet a full disk or a reader that goes: said in one sentence, or not. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Ended, HoldfastProcess, runHoldfast } from '../support/holdfast-process.ts';

setDefaultTimeout(60_000);

const FULL = 'holdfast: The output cannot be written (ENOSPC).\n';

let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({ workers: 1 });
});

afterAll(() => node.stop());

function run(bash: string, ...args: readonly string[]): Promise<Ended> {
  return runHoldfast(args, { bash, env: { HOLDFAST_ADMIN_PORT: String(node.adminPort) } });
}

const COMMANDS = [['--help'], ['status', '--json'], ['send', 'hello']] as const;

describe.each(COMMANDS.map((args) => [args.join(' '), args] as const))('%s', (_name, args) => {
  test.concurrent('to a full disk fails and says so', async () => {
    const { code, err } = await run('"$@" >/dev/full', ...args);
    expect(err).toBe(FULL);
    expect(code).toBe(1);
  });

  test.concurrent('to a reader that leaves ends quietly', async () => {
    const { code, err } = await run('"$@" > >(exec true); exit $?', ...args);
    expect(err).toBe('');
    expect(code).toBe(0);
  });
});

test('complaints that nobody hears leave the exit code', async () => {
  expect((await run('"$@" 2>/dev/full', 'strat')).code).toBe(1);
  expect((await run('"$@" 2> >(exec true)', 'strat')).code).toBe(1);
});
