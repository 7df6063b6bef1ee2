/** What `npm test` is asked for: paths, a few words of its own, and what goes on to `bun test`. */

import { availableParallelism } from 'node:os';

export interface TestRequest {
  /** Parts of paths; a test file runs when one of them is in its path. None mean all. */
  readonly paths: readonly string[];
  /** Arguments for each `bun test`. */
  readonly flags: readonly string[];
  /** `--seed N`: decides the order of files, and of tests in them. */
  readonly seed: number;
  /** `--lanes N`: how many files run side by side. */
  readonly lanes: number;
  /** `--bail`: no further file is begun after one that failed. */
  readonly stopsAtFailure: boolean;
  /** `--reporter-outfile PATH`: where the JUnit report of the whole run is written. */
  readonly reportPath?: string;
}

/**
 * Most of the time a test waits, for a process to start or a second to pass, so there are more
 * lanes than cores: with three for each the cores are busy all along. With many more, tests that
 * should take a second would take their time limit.
 */
const LANES_PER_CORE = 3;
const LANES_MAX = 8;

const SEEDS = 2 ** 32;

/** Flags of `bun test` that have their value in the next argument. */
const FLAGS_WITH_VALUE: ReadonlySet<string> = new Set([
  ...['-t', '--test-name-pattern', '--timeout', '--rerun-each', '--retry', '--max-concurrency'],
  ...['-r', '--preload', '--conditions', '--define', '-d', '--env-file'],
]);

/** Flags of `bun test` that are about many files, where each `bun test` here has one. */
const REFUSED: ReadonlySet<string> = new Set([
  ...['--parallel', '--parallel-delay', '--shard', '--timings', '--update-timings', '--changed'],
  ...['--coverage', '--coverage-dir', '--coverage-reporter', '--watch', '--hot'],
  '--path-ignore-patterns',
]);

/** What this command knows itself; each has a value. */
const OWN = ['--seed', '--lanes', '--reporter-outfile'] as const;
type Own = (typeof OWN)[number];

export function parseArguments(
  args: readonly string[],
): TestRequest | { readonly problem: string } {
  const paths: string[] = [];
  const flags: string[] = [];
  const own: Partial<Record<Own, string>> = {};
  let stopsAtFailure = false;
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name, inline] = splitOnce(arg);
    if (!arg.startsWith('-')) paths.push(arg.replace(/^\.\//, ''));
    else if (REFUSED.has(name)) {
      return { problem: `${name} is for a \`bun test\` with many files, but here each has one` };
    } else if (name === '--bail') stopsAtFailure = true;
    else if (isOwn(name)) own[name] = inline ?? rest.shift() ?? '';
    // There is such a report anyway.
    else if (arg === '--reporter=junit') continue;
    else flags.push(arg, ...(FLAGS_WITH_VALUE.has(arg) ? rest.splice(0, 1) : []));
  }
  const seed = wholeNumber(own['--seed'], Math.floor(Math.random() * SEEDS));
  if (seed === undefined || seed >= SEEDS) {
    return { problem: `--seed is a whole number below ${SEEDS}, not '${own['--seed']}'` };
  }
  const usual = Math.min(LANES_MAX, LANES_PER_CORE * availableParallelism());
  const lanes = wholeNumber(own['--lanes'], usual);
  if (lanes === undefined || lanes === 0) {
    return { problem: `--lanes is a whole number from 1, not '${own['--lanes']}'` };
  }
  const reportPath = own['--reporter-outfile'];
  const common = { paths, flags, seed, lanes, stopsAtFailure };
  return reportPath === undefined ? common : { ...common, reportPath };
}

function isOwn(name: string): name is Own {
  return (OWN as readonly string[]).includes(name);
}

/** `--name=value` as name and value. */
function splitOnce(arg: string): readonly [string, string | undefined] {
  const at = arg.indexOf('=');
  return at === -1 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

function wholeNumber(text: string | undefined, usual: number): number | undefined {
  if (text === undefined) return usual;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
