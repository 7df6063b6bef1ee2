/**
 * Which test files run, when, and beside which others.
 *
 * The order is random, so that no test comes to need what another left behind; the seed decides it.
 * Files that need a quiet machine come last, two at a time or one after another. Among the others
 * those that take long begin first, so that none is still at it when the rest has ended.
 */

import { Random } from '../../test/fuzz/random.ts';

/** Files that run by themselves, each with the reason. */
export const ALONE: Readonly<Record<string, string>> = {
  'test/protocol/engine-heartbeat.test.ts': 'measures when pings come, to a fraction of a second',
  'test/system/clients.test.ts': 'holds a crowd to never missing a heartbeat',
  'test/system/rates.test.ts': 'measures honest clients beside floods',
  'test/system/bus-flood.test.ts': 'measures how honest clients are served beside floods',
  'test/system/strangers.test.ts': 'measures honest clients, and takes most of a core to attack',
  'test/system/shares.test.ts': 'measures how honest clients are served beside floods',
  'test/system/half-sent.test.ts': 'weighs workers under attack, beside honest clients',
  'test/system/half-sent-tls.test.ts': 'cuts those who hold much, and nobody else, under attack',
  'test/system/memory.test.ts': 'weighs a worker under attack, beside honest clients',
};

/**
 * Files that run two at a time, each with the reason: they need a machine that is quiet, but leave
 * more than half of it so. Their bounds are far from what one such neighbour takes.
 */
export const IN_PAIRS: Readonly<Record<string, string>> = {
  'test/system/hostile-strings.test.ts': 'measures honest clients beside attacks',
  'test/system/lockout.test.ts': 'measures honest clients beside attacks',
  'test/system/log-floods.test.ts': 'measures honest clients beside floods of output',
  'test/system/watchdog.test.ts': 'measures honest clients beside workers that stand still',
};

/** Files whose tests run in the order they are written in, each with the reason. */
export const IN_ORDER: Readonly<Record<string, string>> = {
  'test/system/clients.test.ts': 'one crowd, from its arrival to its departure',
  'test/system/strangers.test.ts': 'attacks in many ways, then looks at what they left',
  'test/system/lockout.test.ts': 'attacks in many ways, then looks at what they left',
  'test/fuzz/fuzz.test.ts': 'attacks once, then looks from all sides at what they left',
};

/** Files that take ten seconds and more. */
export const LONG: readonly string[] = [
  'src/cli/profile.test.ts',
  'src/fleet/agent/swarm-plain.test.ts',
  'src/fleet/agent/swarm.test.ts',
  'src/server/links/bus/hub.test.ts',
  'src/server/worker/front/idle-connections.test.ts',
  'test/contract/broker.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/fuzz/leak.test.ts',
  'test/package/package.test.ts',
  'test/protocol/engine-upgrade.test.ts',
  'test/protocol/plain-messages.test.ts',
  'test/protocol/plain-polling.test.ts',
  'test/protocol/plain-websocket.test.ts',
  'test/system/cluster-faults.test.ts',
  'test/system/cluster-recovery.test.ts',
  'test/system/expiry.test.ts',
  'test/system/fleet-control.test.ts',
  'test/system/fleet-hosts-ec2.test.ts',
  'test/system/fleet-hosts-ssh.test.ts',
  'test/system/fleet-limits.test.ts',
  'test/system/fleet-plain.test.ts',
  'test/system/fleet-scenarios.test.ts',
  'test/system/fleet-silence.test.ts',
  'test/system/generated-proxies.test.ts',
  'test/system/linked-nodes.test.ts',
  'test/system/log-faults.test.ts',
  'test/system/nothing-missed.test.ts',
  'test/system/report.test.ts',
  'test/system/signals.test.ts',
  'test/system/start-failures.test.ts',
  'test/system/start-stop.test.ts',
];

export interface Plan {
  readonly besideOthers: readonly string[];
  readonly inPairs: readonly string[];
  readonly alone: readonly string[];
}

export interface Selection {
  readonly files: readonly string[];
  /** Paths that name no test file. */
  readonly unmatched: readonly string[];
}

/** All test files, by their path from the root of the repository. */
export function testFiles(): readonly string[] {
  return [...new Bun.Glob('{src,bench,test,scripts}/**/*.test.ts').scanSync()].sort();
}

/** The test files that paths name; without paths all but those that `npm run check` runs. */
export function selectFiles(paths: readonly string[]): Selection {
  const all = testFiles();
  if (paths.length === 0) {
    return { files: all.filter((file) => !file.startsWith('test/tidy/')), unmatched: [] };
  }
  return {
    files: all.filter((file) => paths.some((path) => file.includes(path))),
    unmatched: paths.filter((path) => !all.some((file) => file.includes(path))),
  };
}

/** In which order files run. The same files and seed have the same plan. */
export function planOf(files: readonly string[], seed: number): Plan {
  const order = shuffled(files, new Random(seed));
  return {
    besideOthers: longFirst(order.filter((file) => !(file in ALONE || file in IN_PAIRS))),
    inPairs: longFirst(order.filter((file) => file in IN_PAIRS)),
    alone: order.filter((file) => file in ALONE),
  };
}

function longFirst(files: readonly string[]): readonly string[] {
  const isLong = new Set(LONG);
  return [
    ...files.filter((file) => isLong.has(file)),
    ...files.filter((file) => !isLong.has(file)),
  ];
}

/** The flags of `bun test` that decide the order of tests in a file. */
export function orderFlags(file: string, seed: number): readonly string[] {
  return file in IN_ORDER ? [] : ['--randomize', `--seed=${seed}`];
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(random.below(rest.length), 1)[0] as T);
}
