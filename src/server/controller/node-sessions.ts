/** What a node knows of its rooms and users, asked of its workers when somebody wants to know. */

import type { Config } from '../../host/config/schema.ts';
import type { Cluster } from '../core/contracts/cluster.ts';
import type { NodeAnswers } from '../core/contracts/node-link.ts';
import type { PresenceStore } from '../core/contracts/presence.ts';
import type { Whom } from '../core/contracts/snapshots.ts';
import type { UserSeats } from '../core/contracts/user-seats.ts';
import type { Whereabouts } from '../core/contracts/whereabouts.ts';
import { LIMITS } from '../core/limits/limits.ts';
import type { Log } from '../core/log/log.ts';
import { RoomSettingsTable } from '../core/rooms/room-settings.ts';
import { type CountedRoom, firstOf, type PlacesAnswer } from '../core/sessions/whereabouts.ts';
import type { Hub } from '../links/bus/hub.ts';
import { type Asked, WorkerQuestions } from '../links/bus/worker-questions.ts';
import { EmbeddedSeats, type SeatOptions } from '../state/seats/embedded-seats.ts';
import { SeatService } from '../state/seats/seat-service.ts';
import { ClusterWhereabouts, type NodeInterest } from '../state/whereabouts/cluster-whereabouts.ts';
import { EmbeddedWhereabouts } from '../state/whereabouts/embedded-whereabouts.ts';
import type {
  DisconnectReport,
  DisconnectRequest,
  PlaceReport,
  RoomHistory,
  RoomReport,
  RoomsReport,
  SessionsView,
  UserReport,
} from './sessions-view.ts';

export interface NodeSessionsOptions {
  readonly nodeId: string;
  readonly settings: RoomSettingsTable;
  readonly questions: WorkerQuestions;
  readonly whereabouts: Whereabouts;
  /** `undefined` when no room has presence. */
  readonly presence: PresenceStore | undefined;
  readonly state: KeptView;
}

/** What the node keeps of what was said. */
export interface KeptView {
  readonly presence: PresenceStore | undefined;
  /** Ends sessions that wait for their client. */
  /** @param isHereOnly not those that wait on other nodes */
  endWaiting(namespace: string, whom: Whom, isHereOnly: boolean): Promise<void>;
  kept(namespace: string, room: string): RoomHistory;
}

export class NodeSessions implements SessionsView {
  readonly #options: NodeSessionsOptions;

  constructor(options: NodeSessionsOptions) {
    this.#options = options;
  }

  async rooms(namespace: string, after: string, most: number): Promise<RoomsReport> {
    const { questions } = this.#options;
    // One more says whether there are more.
    const request = { kind: 'rooms', after, most: most + 1 } as const;
    const { items, silent } = await questions.ask(namespace, EVERYBODY, request);
    // Of the names that come first, each worker has named all that it has.
    const found = firstOf(addedUp(items as readonly CountedRoom[]), most + 1);
    const rooms = found.slice(0, most).map(([room, count]) => ({ room, count }));
    const next = found.length > most ? (rooms.at(-1)?.room ?? null) : null;
    return { namespace, rooms, next, missing: silent, missingNodes: [] };
  }

  async room(namespace: string, room: string, most: number): Promise<RoomReport> {
    const { questions, settings, presence, state } = this.#options;
    const asked = { rooms: [room], users: [] };
    const counted = await questions.ask(namespace, asked, { kind: 'count' });
    const hasPresence = presence !== undefined && settings.of(room).presence;
    const found = hasPresence ? await presence.list(namespace, room, most) : null;
    return {
      namespace,
      room,
      sessions: sumOf(counted),
      presence: found,
      history: settings.of(room).history === undefined ? null : state.kept(namespace, room),
      missing: counted.silent,
      missingNodes: [],
    };
  }

  async user(namespace: string, user: string): Promise<UserReport> {
    const { questions, whereabouts, nodeId } = this.#options;
    const most = LIMITS.whereaboutsSessions;
    const asked = { rooms: [], users: [user] };
    const { items, silent } = await questions.ask(namespace, asked, { kind: 'whereabouts', most });
    const answers = items as readonly PlacesAnswer[];
    return {
      namespace,
      user,
      nodes: await whereabouts.nodesOf(namespace, user),
      count: answers.reduce((sum, { count }) => sum + count, 0),
      sessions: answers
        .flatMap(({ sessions }) => sessions)
        .slice(0, LIMITS.whereaboutsTold)
        .map((one) => placeReport(one, nodeId)),
      missing: silent,
      missingNodes: [],
    };
  }

  async disconnect(request: DisconnectRequest, isHereOnly = false): Promise<DisconnectReport> {
    const { namespace, user, room, session, close } = request;
    const asked = {
      rooms: [room ?? [], session ?? []].flat(),
      users: user === undefined ? [] : [user],
    };
    const command = { kind: 'disconnect', close } as const;
    const { questions, state } = this.#options;
    const ended = await questions.ask(namespace, asked, command, LIMITS.disconnectMs);
    // Afterwards, with those that were cut off meanwhile.
    await state.endWaiting(namespace, request, isHereOnly);
    return { disconnected: sumOf(ended), missing: ended.silent, missingNodes: [] };
  }
}

/**
 * Bounds the sessions of a user over all workers, if the config does.
 *
 * @param over makes what counts them over all nodes, where there are others
 */
export function serveSeats(
  hub: Hub,
  config: Config,
  log: Log,
  cluster: Cluster | undefined,
  over: (options: SeatOptions) => UserSeats | undefined,
): void {
  const { maxSessionsPerUser: most, sessionsOverLimit } = config;
  if (most === 0) return;
  const options = { most, endsOldest: sessionsOverLimit === 'endOldest' };
  const seats = over(options) ?? new EmbeddedSeats(options);
  hub.addService(new SeatService(seats, hub, log, cluster));
}

/**
 * @param nodeId of the node whose hub it is
 * @param others what other nodes want to hear of, where there are some
 */
export function createNodeSessions(
  hub: Hub,
  config: Config,
  { nodeId, workerCount }: { readonly nodeId: string; readonly workerCount: number },
  state: KeptView,
  others?: NodeInterest,
): NodeSessions {
  const own = new EmbeddedWhereabouts(nodeId, hub.interest);
  return new NodeSessions({
    nodeId,
    settings: new RoomSettingsTable(config.rooms),
    questions: new WorkerQuestions(hub, workerCount),
    whereabouts: others === undefined ? own : new ClusterWhereabouts(own, others),
    presence: state.presence,
    state,
  });
}

const EVERYBODY: Asked = { rooms: [], users: [] };

function sumOf({ items }: NodeAnswers): number {
  return (items as readonly number[]).reduce((sum, one) => sum + one, 0);
}

/** The same room of several workers as one. */
export function addedUp(rooms: readonly CountedRoom[]): CountedRoom[] {
  const sorted = rooms.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
  const sums: CountedRoom[] = [];
  for (const [room, count] of sorted) {
    const last = sums.at(-1);
    if (last?.[0] === room) sums[sums.length - 1] = [room, last[1] + count];
    else sums.push([room, count]);
  }
  return sums;
}

/** The number of a worker begins its `workerId`. */
function placeReport(
  { id, worker, transport, sinceMs, rooms, roomCount }: PlacesAnswer['sessions'][number],
  node: string,
): PlaceReport {
  const index = Number.parseInt(worker, 10);
  return { id, node, worker: index, transport, sinceMs, rooms, roomCount };
}
