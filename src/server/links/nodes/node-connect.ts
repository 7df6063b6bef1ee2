/** Connects a link to a worker of another node: both ends prove that they know the secret. */

import type { Refusals } from '../../core/limits/refusals.ts';
import {
  type FramedConnection,
  framedSocketHandler,
  type SocketHolder,
} from '../ipc/framed-connection.ts';
import type { LinkEnds } from './proof.ts';
import { UnprovenOwner } from './unproven.ts';

/** Where a worker listens for other nodes. */
export interface WorkerPlace {
  readonly host: string;
  readonly port: number;
}

export interface ConnectOptions {
  readonly to: WorkerPlace;
  readonly ends: LinkEnds;
  readonly secret: string;
  readonly refusals: Refusals;
  /** How long it may take; `clusterProofMs` unless given. */
  readonly proofMs?: number;
}

/** Gives a link its socket. Rejects when there is nobody, or nobody who knows the secret. */
export function connectProven(link: FramedConnection, options: ConnectOptions): Promise<void> {
  const { to, ends, secret, refusals, proofMs } = options;
  const where = `${to.host} port ${to.port}`;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isOpen = false;
  const owner = new UnprovenOwner(
    {
      secret,
      ...(proofMs === undefined ? {} : { proofMs }),
      link: () => link,
      onProven: () => resolve(),
      onFailed: (what) => {
        if (isOpen) refusals.count('clusterUnproven', `${where} ${what}`);
        reject(new Error(`${where} ${what}`));
      },
    },
    ends,
  );
  Bun.connect<SocketHolder>({
    hostname: to.host,
    port: to.port,
    data: owner,
    socket: {
      ...framedSocketHandler,
      open: (socket) => {
        isOpen = true;
        owner.open(socket);
      },
    },
  }).catch(() => owner.fail('cannot be reached'));
  return promise;
}
