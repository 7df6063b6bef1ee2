/** The form of what a node answers of its rooms, users and sessions; and what all of it says. */
import { z } from 'zod';
import type {
  DisconnectReport,
  RoomReport,
  RoomsReport,
  UserReport,
} from '../server/controller/sessions-view.ts';
import { CliError } from './cli-error.ts';

/** A user with the most sessions that are told, each in rooms with the longest names. */
export const SESSIONS_BYTES_MAX = 33_554_432;

/** A name is one of 256 characters at the most; what is longer is not from a node. */
const name = z.string().max(1_024);
const number = z.number();
const missing = z.array(number).max(65_536);

/** Names of transports and users are shown as they come: a newer node may have more. */
const transport = z.custom<UserReport['sessions'][number]['transport']>(
  (value) => name.safeParse(value).success,
);

export const roomsReport: z.ZodType<RoomsReport> = z.object({
  namespace: name,
  rooms: z.array(z.object({ room: name, count: number })),
  next: name.nullable(),
  missing,
});

export const roomReport: z.ZodType<RoomReport> = z.object({
  namespace: name,
  room: name,
  sessions: number,
  presence: z
    .object({
      count: number,
      anonymous: number,
      users: z.array(
        z.object({ user: name, sinceMs: number, sessions: number, transports: z.array(transport) }),
      ),
    })
    .nullable(),
  history: z.object({ messages: number, bytes: number }).nullable(),
  missing,
});

export const userReport: z.ZodType<UserReport> = z.object({
  namespace: name,
  user: name,
  nodes: z.array(name),
  count: number,
  sessions: z.array(
    z.object({
      id: name,
      node: name,
      worker: number,
      transport,
      sinceMs: number,
      rooms: z.array(name),
      roomCount: number,
    }),
  ),
  missing,
});

export const disconnectReport: z.ZodType<DisconnectReport> = z.object({
  disconnected: number,
  missing,
});

/** @throws CliError when workers did not answer: what was printed is not the whole */
export function checkWhole(workers: readonly number[]): void {
  if (workers.length === 0) return;
  const who = workers.length === 1 ? 'Worker' : 'Workers';
  const did = 'did not answer, so this is not the whole: see "holdfast status", and try again';
  throw new CliError(`${who} ${workers.join(', ')} ${did}.`);
}

/** Of what is asked by a name, the path and query. */
export function pathOf(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return `${path}?${String(new URLSearchParams(given as [string, string][]))}`;
}

/** A time as people read it, in the zone of whoever asks. */
export function since(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().slice(0, 19).replace('T', ' ');
}
