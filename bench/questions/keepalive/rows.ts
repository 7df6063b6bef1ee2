/**
 * The ways to keep sessions alive that `npm run bench:keepalive` compares, one row of its table
 * each: the server that does it, and how its clients behave.
 */

import type { ClientProtocol, RunningContestant } from '../../contestants/contract.ts';
import { startHoldfast } from '../../contestants/holdfast.ts';
import { launch } from '../../contestants/launch.ts';
import { SOCKET_IO_PATH } from '../../contestants/socket-io.ts';
import type { Children } from '../../measure/children.ts';

export interface KeepaliveRow {
  /** The name in the results and for `--only`. */
  readonly name: string;
  readonly server: string;
  readonly keepalive: string;
  readonly pingIntervalSeconds: number;
  readonly protocol: ClientProtocol;
  start(children: Children): Promise<RunningContestant>;
}

/** Neighbours run at the same time, so those that are compared most stand apart. */
export const KEEPALIVE_ROWS: readonly KeepaliveRow[] = [
  holdfastRow(25),
  smallServer('timers', 'one timer per session'),
  smallServer('client', 'the clients ping'),
  smallServer('slots', 'heartbeat slots'),
  holdfastRow(5),
  smallServer('topics', 'heartbeat slots, one native publish per slot'),
  holdfastRow(10),
];

function holdfastRow(pingIntervalSeconds: number): KeepaliveRow {
  return {
    name: `holdfast-${pingIntervalSeconds}`,
    server: 'Holdfast',
    keepalive: 'heartbeat slots',
    pingIntervalSeconds,
    protocol: 'socket-io',
    start: (children) =>
      startHoldfast(children, ['--ping-interval-ms', String(pingIntervalSeconds * 1000)]),
  };
}

function smallServer(
  name: 'timers' | 'slots' | 'topics' | 'client',
  keepalive: string,
): KeepaliveRow {
  const isByClient = name === 'client';
  const path = isByClient ? '/' : SOCKET_IO_PATH;
  return {
    name,
    server: 'bare Bun.serve',
    keepalive,
    pingIntervalSeconds: 25,
    protocol: isByClient ? 'pinging' : 'socket-io',
    start: (children) =>
      launch(
        { runtime: 'bun', file: `../../questions/keepalive/servers/${name}.ts`, path },
        children,
      ),
  };
}
