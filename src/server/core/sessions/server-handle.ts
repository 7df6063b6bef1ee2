/** The object behind the app's `Server`: a broadcast to everyone, with what concerns the worker. */

import type { RoomName, RoomPresence, Server, UserPlaces } from '../app/app.ts';
import type { Target } from '../contracts/node-link.ts';
import { checkEventName } from '../delivery/encoded-event.ts';
import { LIMITS } from '../limits/limits.ts';
import { checkKey, toList } from '../rooms/key.ts';
import { BroadcastOperator, whole } from './broadcast.ts';
import type { BroadcastHome } from './home.ts';
import { type PlacesAnswer, placesOf, sumOfPlaces } from './whereabouts.ts';

const ALL_WORKERS: Target = { rooms: [], users: [], except: [] };

/** What the handle needs of its namespace. */
export interface ServerHome extends BroadcastHome {
  /** Sessions on this worker. */
  readonly sessionCount: number;
  presence(room: string, most: number): Promise<RoomPresence>;
}

/** Finds the handle of another namespace of the app. */
export type FindServer = (namespace: string) => Server | undefined;

export class NamespaceServer extends BroadcastOperator implements Server {
  readonly workerId: string;
  readonly #home: ServerHome;
  readonly #find: FindServer;

  constructor(home: ServerHome, workerId: string, find: FindServer) {
    super(home);
    this.#home = home;
    this.workerId = workerId;
    this.#find = find;
  }

  get namespace(): string {
    return this.home.name;
  }

  get localCount(): number {
    return this.#home.sessionCount;
  }

  async presence(room: RoomName, most: number = LIMITS.presenceListed): Promise<RoomPresence> {
    const [name = ''] = toList(room);
    return await this.#home.presence(name, atMost(most, LIMITS.presenceListedToApp));
  }

  async whereabouts(user: string, most: number = LIMITS.whereaboutsSessions): Promise<UserPlaces> {
    const target = { rooms: [], users: [checkKey(user)], except: [] };
    const request = {
      kind: 'whereabouts',
      most: atMost(most, LIMITS.whereaboutsSessions),
    } as const;
    const { link, name } = this.home;
    const others = link.request(name, target, request, LIMITS.busRequestMs);
    const mine = placesOf(this.home, target, request.most);
    const { items, silent } = await others;
    return whole(sumOfPlaces([mine, ...(items as readonly PlacesAnswer[])]), silent);
  }

  of(namespace: string): Server {
    const found = this.#find(namespace);
    if (found !== undefined) return found;
    throw new Error(`the app declares no namespace '${namespace}': add it to 'namespaces'`);
  }

  serverSideEmit(event: string, ...args: readonly unknown[]): void {
    checkEventName(event);
    const command = { kind: 'serverSideEmit', event, args } as const;
    this.home.link.command(this.home.name, ALL_WORKERS, command);
  }

  async serverSideEmitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown[]> {
    checkEventName(event);
    const request = { kind: 'serverSideEmit', event, args } as const;
    const { link, name } = this.home;
    const { items, silent } = await link.request(name, ALL_WORKERS, request, LIMITS.busRequestMs);
    return whole([...items], silent);
  }
}

/** @throws RangeError for what is no number of things to name */
function atMost(asked: number, most: number): number {
  if (Number.isSafeInteger(asked) && asked >= 0) return Math.min(asked, most);
  throw new RangeError('how many to name must be a whole number from 0 on');
}
