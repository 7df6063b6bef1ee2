/**
 * Rooms, users and sessions of all nodes: this node's own answer and those of the others, added
 * up. Whoever does not answer in time is named, and the rest is told all the same.
 */

import type { z } from 'zod';
import type { Cluster } from '../core/contracts/cluster.ts';
import { LIMITS } from '../core/limits/limits.ts';
import { nodeId } from '../links/broker/node-facts.ts';
import { addedUp } from './node-sessions.ts';
import { disconnectReport, roomReport, roomsReport, userReport } from './sessions-schema.ts';
import type {
  DisconnectReport,
  DisconnectRequest,
  RoomReport,
  RoomsReport,
  SessionsView,
  UserReport,
} from './sessions-view.ts';

/** What nodes ask each other for. */
const METHOD = { rooms: 'rooms', room: 'room', user: 'user', disconnect: 'disconnect' } as const;

type Method = keyof typeof METHOD;

interface Others<Report> {
  readonly reports: readonly Report[];
  readonly missingNodes: readonly string[];
}

export class ClusterSessionsView implements SessionsView {
  readonly #own: SessionsView;
  readonly #cluster: Cluster;

  /** @param own what this node alone knows, which others may ask for */
  constructor(own: SessionsView, cluster: Cluster) {
    this.#own = own;
    this.#cluster = cluster;
    // The arguments come from another controller, which has judged them as this one would.
    cluster.onCall(METHOD.rooms, async (args) => {
      const [namespace, after, most] = args as Parameters<SessionsView['rooms']>;
      return await own.rooms(namespace, after, most);
    });
    cluster.onCall(METHOD.room, async (args) => {
      const [namespace, room, most] = args as Parameters<SessionsView['room']>;
      return await own.room(namespace, room, most);
    });
    cluster.onCall(METHOD.user, async (args) => {
      const [namespace, user] = args as Parameters<SessionsView['user']>;
      return await own.user(namespace, user);
    });
    cluster.onCall(METHOD.disconnect, async (args) => {
      return await own.disconnect((args as [DisconnectRequest])[0], true);
    });
  }

  async rooms(namespace: string, after: string, most: number): Promise<RoomsReport> {
    const others = this.#ask('rooms', [namespace, after, most], roomsReport);
    const own = await this.#own.rooms(namespace, after, most);
    const { reports, missingNodes } = await others;
    const all = [own, ...reports];
    const found = addedUp(
      all.flatMap(({ rooms }) => rooms.map(({ room, count }) => [room, count] as const)),
    );
    const rooms = found.slice(0, most).map(([room, count]) => ({ room, count }));
    const isMore = found.length > most || all.some(({ next }) => next !== null);
    const next = isMore ? (rooms.at(-1)?.room ?? null) : null;
    return { namespace, rooms, next, missing: own.missing, missingNodes };
  }

  async room(namespace: string, room: string, most: number): Promise<RoomReport> {
    const others = this.#ask('room', [namespace, room, most], roomReport);
    const own = await this.#own.room(namespace, room, most);
    const { reports, missingNodes } = await others;
    const sessions = reports.reduce((sum, report) => sum + report.sessions, own.sessions);
    // Presence and history are the same on all nodes.
    return { ...own, sessions, missingNodes };
  }

  async user(namespace: string, user: string): Promise<UserReport> {
    const others = this.#ask('user', [namespace, user], userReport);
    const own = await this.#own.user(namespace, user);
    const { reports, missingNodes } = await others;
    const all = [own, ...reports];
    return {
      namespace,
      user,
      nodes: [...new Set(all.flatMap(({ nodes }) => nodes))].toSorted(),
      count: all.reduce((sum, { count }) => sum + count, 0),
      sessions: all.flatMap(({ sessions }) => sessions).slice(0, LIMITS.whereaboutsTold),
      missing: own.missing,
      missingNodes,
    };
  }

  async disconnect(request: DisconnectRequest): Promise<DisconnectReport> {
    const others = this.#ask('disconnect', [request], disconnectReport, LIMITS.disconnectMs);
    const own = await this.#own.disconnect(request);
    const { reports, missingNodes } = await others;
    const disconnected = reports.reduce((sum, one) => sum + one.disconnected, own.disconnected);
    return { disconnected, missing: own.missing, missingNodes };
  }

  /** A node whose own answer is not the whole, or not understood, is missing as well. */
  async #ask<Report extends { readonly missing: readonly number[] }>(
    method: Method,
    args: readonly unknown[],
    schema: z.ZodType<Report>,
    timeoutMs?: number,
  ): Promise<Others<Report>> {
    const missingNodes: string[] = [];
    const asked = this.#cluster.peers.map(async (node): Promise<readonly Report[]> => {
      try {
        const answer = await this.#cluster.call(node, METHOD[method], args, timeoutMs);
        const report = schema.parse(answer);
        if (report.missing.length > 0) missingNodes.push(nodeId(node));
        return [report];
      } catch {
        missingNodes.push(nodeId(node));
        return [];
      }
    });
    const reports = (await Promise.all(asked)).flat();
    return { reports, missingNodes: missingNodes.toSorted() };
  }
}
