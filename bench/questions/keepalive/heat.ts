/**
 * One heat: a few rows side by side, each with its own server and load client.
 *
 *   start ─► empty memory ─► fill, spread over a ping interval ─► memory ─► watch ─► end
 *
 * Idle servers use a few percent of a core, so some may run at once; what they all use is known
 * and taken off what the rest of the machine used. Sessions come spread over the ping interval, as
 * they do in life: after a fill in one go their pings would come in one go, too, which is cheaper.
 */

import {
  cpuSeconds,
  machineCpuSeconds,
  processMemory,
} from '../../../src/host/machine/process-usage.ts';
import { type RunningContestant, USER_AUTH } from '../../contestants/contract.ts';
import { LoadDriver } from '../../load/driver.ts';
import type { Children } from '../../measure/children.ts';
import { SETTLE_EMPTY_MS, SETTLE_MS } from '../../measure/limits.ts';
import { rotated } from '../../measure/rotated.ts';
import type { KeepaliveRow } from './rows.ts';

/** Idle servers and their clients use some 5 % of a core each; more at once would disturb them. */
const ROWS_AT_ONCE = 3;

/** How often a watch says how long it takes yet. */
const SAY_SECONDS = 5;

export interface HeatSettings {
  readonly round: number;
  readonly sessions: number;
  /** How long to fill, and how long to watch. */
  readonly fillSeconds: number;
  readonly seconds: number;
}

/** What one row used in one heat: the raw results file. */
export interface KeepaliveSample {
  readonly row: string;
  readonly round: number;
  readonly sessions: number;
  readonly wallSeconds: number;
  readonly serverCpuSeconds: number;
  readonly clientCpuSeconds: number;
  /** CPU that programs outside the heat used in the same time. */
  readonly foreignCpuSeconds: number;
  readonly emptyBytes: number;
  readonly filledBytes: number;
  /** Sessions that ended although nobody asked them to. */
  readonly lost: number;
}

interface Lane {
  readonly row: KeepaliveRow;
  readonly running: RunningContestant;
  readonly load: LoadDriver;
  readonly emptyBytes: number;
}

interface Mark {
  readonly at: number;
  readonly machine: number;
  readonly own: number;
  readonly lanes: readonly LaneMark[];
}

interface LaneMark {
  readonly server: number;
  readonly client: number;
  readonly others: number;
}

/** The heats of a round, from 1 on; each round begins at another row, so that neighbours differ. */
export function heatsOf<Row>(rows: readonly Row[], round: number): Row[][] {
  const inTurn = rotated(rows, (round - 1) * (ROWS_AT_ONCE - 1));
  const heats: Row[][] = [];
  for (let first = 0; first < inTurn.length; first += ROWS_AT_ONCE) {
    heats.push(inTurn.slice(first, first + ROWS_AT_ONCE));
  }
  return heats;
}

/** @param say is told what is going on */
export async function runHeat(
  rows: readonly KeepaliveRow[],
  settings: HeatSettings,
  children: Children,
  say: (text: string) => void,
): Promise<KeepaliveSample[]> {
  const lanes: Lane[] = [];
  try {
    say('starting');
    for (const row of rows) lanes.push(await open(row, children));
    say(`${settings.sessions} sessions each, over ${settings.fillSeconds} s`);
    await fill(lanes, settings, say);
    await Bun.sleep(SETTLE_MS);
    const filledBytes = lanes.map(({ running }) => processMemory(running.pid).rssBytes);
    const before = takeMark(lanes);
    await watch(settings.seconds, say);
    const after = takeMark(lanes);
    const lost = await Promise.all(lanes.map(lostSessions));
    return lanes.map((lane, index) => ({
      row: lane.row.name,
      round: settings.round,
      sessions: settings.sessions,
      ...usage(before, after, index),
      emptyBytes: lane.emptyBytes,
      filledBytes: filledBytes[index] as number,
      lost: lost[index] as number,
    }));
  } finally {
    await Promise.all(lanes.flatMap(({ load, running }) => [load.stop(), running.stop()]));
  }
}

async function open(row: KeepaliveRow, children: Children): Promise<Lane> {
  const running = await row.start(children);
  const { url } = running;
  const load = new LoadDriver({ url, protocol: row.protocol, auth: USER_AUTH }, children);
  try {
    await Bun.sleep(SETTLE_EMPTY_MS);
    return { row, running, load, emptyBytes: processMemory(running.pid).rssBytes };
  } catch (error) {
    await Promise.all([load.stop(), running.stop()]);
    throw error;
  }
}

async function fill(
  lanes: readonly Lane[],
  { sessions, fillSeconds }: HeatSettings,
  say: (text: string) => void,
): Promise<void> {
  const established = lanes.map(() => 0);
  lanes.forEach(({ load }, index) => {
    load.onProgress = (count) => {
      established[index] = count;
      if (index === 0) say(`sessions: ${established.join(', ')}`);
    };
  });
  const perSecond = sessions / fillSeconds;
  await Promise.all(lanes.map(({ load }) => load.send({ kind: 'fill', sessions, perSecond })));
}

async function watch(seconds: number, say: (text: string) => void): Promise<void> {
  for (let left = seconds; left > 0; left -= SAY_SECONDS) {
    say(`watching idle sessions, ${left} s to go`);
    await Bun.sleep(Math.min(SAY_SECONDS, left) * 1000);
  }
}

async function lostSessions({ load }: Lane): Promise<number> {
  return (await load.send({ kind: 'counters' })).lost;
}

function takeMark(lanes: readonly Lane[]): Mark {
  return {
    at: performance.now(),
    machine: machineCpuSeconds(),
    own: cpuSeconds(process.pid),
    lanes: lanes.map(({ running, load }) => ({
      server: cpuSeconds(running.pid),
      client: cpuSeconds(load.pid),
      others: running.otherPids.reduce((total, pid) => total + cpuSeconds(pid), 0),
    })),
  };
}

/** What the lane with this index used between two marks. */
function usage(
  before: Mark,
  after: Mark,
  index: number,
): Pick<
  KeepaliveSample,
  'wallSeconds' | 'serverCpuSeconds' | 'clientCpuSeconds' | 'foreignCpuSeconds'
> {
  const used = (mark: Mark): number =>
    mark.own +
    mark.lanes.reduce((total, lane) => total + lane.server + lane.client + lane.others, 0);
  const foreign = after.machine - before.machine - (used(after) - used(before));
  const difference = (key: keyof LaneMark): number =>
    (after.lanes[index] as LaneMark)[key] - (before.lanes[index] as LaneMark)[key];
  return {
    wallSeconds: round((after.at - before.at) / 1000),
    serverCpuSeconds: round(difference('server')),
    clientCpuSeconds: round(difference('client')),
    foreignCpuSeconds: round(Math.max(0, foreign)),
  };
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
