/** The object behind the app's `Server`: a broadcast to everyone, with what concerns the worker. */

import type { Server } from './app.ts';
import { BroadcastOperator } from './broadcast.ts';
import type { Target } from './contracts.ts';
import { LIMITS } from './limits.ts';
import type { Namespace } from './namespace.ts';

const ALL_WORKERS: Target = { rooms: [], users: [], except: [] };

export class NamespaceServer extends BroadcastOperator implements Server {
  readonly workerId: string;
  readonly #find: (namespace: string) => Namespace | undefined;

  constructor(
    home: Namespace,
    workerId: string,
    find: (namespace: string) => Namespace | undefined,
  ) {
    super(home);
    this.workerId = workerId;
    this.#find = find;
  }

  get namespace(): string {
    return this.home.name;
  }

  get localCount(): number {
    return this.home.everyone.members.length;
  }

  of(namespace: string): Server {
    const found = this.#find(namespace);
    if (found !== undefined) return found.server;
    throw new Error(`the app declares no namespace '${namespace}': add it to 'namespaces'`);
  }

  serverSideEmit(event: string, ...args: readonly unknown[]): void {
    const command = { kind: 'serverSideEmit', event, args } as const;
    this.home.link.command(this.home.name, ALL_WORKERS, command);
  }

  async serverSideEmitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown[]> {
    const request = { kind: 'serverSideEmit', event, args } as const;
    const { link, name } = this.home;
    const { answers } = await link.request(name, ALL_WORKERS, request, LIMITS.busRequestMs);
    return [...answers];
  }
}
