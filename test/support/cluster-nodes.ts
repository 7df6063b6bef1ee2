/** Nodes of a cluster as real commands, and clients of Socket.IO on them. */

import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import type { Config } from '../../src/host/config/schema.ts';
import { parsePosition } from '../../src/server/protocol/position.ts';
import { HoldfastProcess } from './holdfast-process.ts';

export const CLUSTER_APP: string = join(import.meta.dir, '..', 'system', 'cluster-app.ts');

/** A client that notes what is said to it. */
export interface Listener {
  readonly socket: Socket;
  /** Arguments of each `said`, in order. */
  readonly said: unknown[][];
  ask<T>(event: string, ...args: readonly unknown[]): Promise<T>;
  close(): void;
}

/** Starts so many nodes on one Redis, ready and aware of each other. */
export async function startNodes(
  count: number,
  config: Partial<Config>,
  workers = 2,
): Promise<readonly HoldfastProcess[]> {
  const starting = Array.from({ length: count }, () =>
    HoldfastProcess.start({ app: CLUSTER_APP, workers, config }),
  );
  const nodes = await Promise.all(starting);
  await allKnown(nodes);
  return nodes;
}

/** Until each of these knows all the others. */
export async function allKnown(nodes: readonly HoldfastProcess[]): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  for (const node of nodes) {
    while ((await node.process()).nodes.length < nodes.length) {
      if (performance.now() > deadlineMs) throw new Error(`nodes are missing: ${node.logText}`);
      await Bun.sleep(20);
    }
  }
}

export async function stopNodes(nodes: readonly HoldfastProcess[]): Promise<void> {
  await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
}

function isPosition(value: unknown): boolean {
  return parsePosition(value) !== undefined;
}

export async function listen(
  node: Pick<HoldfastProcess, 'url'>,
  auth: { readonly user?: string; readonly rooms?: readonly string[] } = {},
  options: { readonly namespace?: string; readonly transports?: string[] } = {},
): Promise<Listener> {
  const { namespace = '/', transports = ['websocket'] } = options;
  const said: unknown[][] = [];
  const socket = io(`${node.url}${namespace}`, { auth, transports, forceNew: true });
  // Where rooms keep anything, the last value is the position, for the client's recovery.
  socket.on('said', (...args: unknown[]) => said.push(args.filter((value) => !isPosition(value))));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', (error) => {
      socket.close();
      reject(error);
    });
  });
  return {
    socket,
    said,
    ask: async (event, ...args) => await socket.timeout(15_000).emitWithAck(event, ...args),
    close: () => void socket.close(),
  };
}
