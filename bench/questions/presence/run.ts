/**
 * One row: a node, a crowd in one room of it, and what all of it costs while it is watched.
 *
 *     node ─► other room ─► crowd comes (`holdfast fleet run`) ─► settle ─► watch ─► end
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds, processMemory } from '../../../src/host/machine/process-usage.ts';
import { answers, freePort } from '../../contestants/processes.ts';
import type { Children } from '../../measure/children.ts';
import { HOLDFAST_STOP_TIMEOUT_MS } from '../../measure/limits.ts';
import { type Latency, OtherRoom } from './other-room.ts';

const COMMAND = [process.execPath, 'src/cli/main.ts'];
const ROOT = join(import.meta.dir, '..', '..', '..');
const APP = join(import.meta.dir, 'presence-app.ts');
const ROOM = 'hall';
const FILL_POLL_MS = 250;
const SETTLE_MS = 5_000;
/** Beyond what is watched, the crowd stays so long that it does not leave before the end. */
const HOLD_MARGIN_SECONDS = 600;
/** How long who leaves stays away: beyond a notice, so that each is told. */
const AWAY_SECONDS = 2;
const SESSIONS_PER_AGENT = 15_000;

export interface PresenceRow {
  readonly name: string;
  readonly hasPresence: boolean;
  /** Percent of the crowd that leave and come back in a minute. */
  readonly churnPercent: number;
}

export interface RowSettings {
  readonly sessions: number;
  readonly workers: number;
  readonly rate: number;
  readonly seconds: number;
}

/** What one row used while it was watched: by second, where nothing else is said. */
export interface PresenceSample {
  readonly row: string;
  readonly sessions: number;
  readonly wallSeconds: number;
  readonly controllerCpu: number;
  readonly workersCpu: number;
  readonly controllerRssBytes: number;
  /** Gathered frames of workers, notices to the room, deliveries to sessions. */
  readonly reports: number;
  readonly notices: number;
  readonly deliveries: number;
  readonly opened: number;
  readonly otherRoom: Latency;
}

interface Counts {
  readonly at: number;
  readonly controllerCpu: number;
  readonly workersCpu: number;
  readonly reports: number;
  readonly notices: number;
  readonly deliveries: number;
  readonly opened: number;
}

export async function runRow(
  row: PresenceRow,
  settings: RowSettings,
  children: Children,
  say: (text: string) => void,
): Promise<PresenceSample> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-presence-'));
  const [port, adminPort] = [freePort(), freePort()];
  const admin = `http://127.0.0.1:${adminPort}`;
  using other = new OtherRoom();
  say('starting');
  const node = startNode(row, settings, folder, [port, adminPort], children);
  try {
    await answers(`${admin}/ready`, node, 'holdfast start', () => 'see its message above');
    await other.open(`ws://127.0.0.1:${port}`);
    const fleet = startCrowd(row, settings, port, children);
    try {
      await filled(admin, settings.sessions, say);
      await Bun.sleep(SETTLE_MS);
      say(`watching for ${settings.seconds} s`);
      const before = await countsOf(admin, node.pid);
      other.take();
      await Bun.sleep(settings.seconds * 1_000);
      const otherRoom = other.take();
      const after = await countsOf(admin, node.pid);
      const controllerRssBytes = processMemory(node.pid).rssBytes;
      const { sessions } = settings;
      return { row: row.name, sessions, controllerRssBytes, ...rates(before, after), otherRoom };
    } finally {
      await children.stop(fleet);
    }
  } finally {
    await children.stop(node);
    rmSync(folder, { recursive: true, force: true });
  }
}

function startNode(
  { hasPresence }: PresenceRow,
  { workers }: RowSettings,
  folder: string,
  [port, adminPort]: readonly [number, number],
  children: Children,
): Bun.Subprocess<'ignore', 'ignore', 'inherit'> {
  const config = join(folder, 'config.json');
  // Without a grace time each that leaves has left, which is the most there is to tell.
  const rooms = { [ROOM]: { presence: hasPresence }, other: { publish: 'anyone' } };
  writeFileSync(config, JSON.stringify({ rooms, presenceGraceMs: 0 }));
  const flags = ['--workers', String(workers), '--config', config, '--log-level', 'warn'];
  const ports = ['--port', String(port), '--admin-port', String(adminPort)];
  return children.add(
    Bun.spawn([...COMMAND, 'start', '--app', APP, ...flags, ...ports], {
      ...{ cwd: ROOT, stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
    }),
    { stopTimeoutMs: HOLDFAST_STOP_TIMEOUT_MS },
  );
}

function startCrowd(
  { churnPercent }: PresenceRow,
  { sessions, rate, seconds }: RowSettings,
  port: number,
  children: Children,
): Bun.Subprocess<'ignore', 'ignore', 'ignore'> {
  const flags = [
    ...['--target', `ws://127.0.0.1:${port}/ws?room=${ROOM}`, '--protocol', 'websocket'],
    ...['--auth', '{"user":"user-{n}"}', '--connections', String(sessions)],
    ...['--rate', String(rate), '--hold', String(seconds + HOLD_MARGIN_SECONDS)],
    ...['--processes', String(Math.ceil(sessions / SESSIONS_PER_AGENT)), '--no-leave'],
    ...['--control-port', String(freePort())],
    ...(churnPercent === 0 ? [] : ['--jitter', `${6_000 / churnPercent}/${AWAY_SECONDS}`]),
  ];
  return children.add(
    Bun.spawn([...COMMAND, 'fleet', 'run', ...flags], {
      ...{ cwd: ROOT, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
    }),
  );
}

/** Waits until nearly all are there: with churn some are always on their way. */
async function filled(admin: string, sessions: number, say: (text: string) => void): Promise<void> {
  const enough = sessions * 0.99;
  let best = 0;
  let bestAt = performance.now();
  for (;;) {
    const load = (await (await fetch(`${admin}/load`)).json()) as { connections: number };
    if (load.connections >= enough) return;
    if (load.connections > best) {
      best = load.connections;
      bestAt = performance.now();
    }
    if (performance.now() - bestAt > 30_000) throw new Error(`the crowd stopped at ${best}`);
    say(`${load.connections} sessions`);
    await Bun.sleep(FILL_POLL_MS);
  }
}

async function countsOf(admin: string, controllerPid: number): Promise<Counts> {
  const status = (await (await fetch(`${admin}/process`)).json()) as {
    workers: readonly { readonly pid: number }[];
  };
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  return {
    at: performance.now(),
    controllerCpu: cpuSeconds(controllerPid),
    workersCpu: status.workers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
    reports: metricOf(metrics, 'holdfast_presence_frames_total'),
    notices: metricOf(metrics, 'holdfast_presence_changes_total'),
    deliveries: metricOf(metrics, 'holdfast_deliveries_total'),
    opened: metricOf(metrics, 'holdfast_sessions_opened_total'),
  };
}

/** The sum over all labels. */
function metricOf(metrics: string, name: string): number {
  const lines = metrics.split('\n').filter((line) => /^[a-z_]+/.exec(line)?.[0] === name);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

function rates(before: Counts, after: Counts): Omit<Counts, 'at'> & { wallSeconds: number } {
  const wallSeconds = (after.at - before.at) / 1_000;
  const perSecond = (key: keyof Counts): number => {
    return Math.round(((after[key] - before[key]) / wallSeconds) * 1_000) / 1_000;
  };
  return {
    wallSeconds: Math.round(wallSeconds * 10) / 10,
    controllerCpu: perSecond('controllerCpu'),
    workersCpu: perSecond('workersCpu'),
    reports: perSecond('reports'),
    notices: perSecond('notices'),
    deliveries: perSecond('deliveries'),
    opened: perSecond('opened'),
  };
}
