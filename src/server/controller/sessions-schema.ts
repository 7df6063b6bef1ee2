/** The form of what a node says of rooms, users, sessions, as commands and other nodes judge it. */
import { z } from 'zod';
import type { DisconnectReport, RoomReport, RoomsReport, UserReport } from './sessions-view.ts';

/** A name is one of 256 characters at the most; what is longer is not from a node. */
const name = z.string().max(1_024);
const number = z.number();
const missing = z.array(number).max(65_536);
const missingNodes = z.array(name).max(1_024);

/** Names of transports and users are shown as they come: a newer node may have more. */
const transport = z.custom<UserReport['sessions'][number]['transport']>(
  (value) => name.safeParse(value).success,
);

export const roomsReport: z.ZodType<RoomsReport> = z.object({
  namespace: name,
  rooms: z.array(z.object({ room: name, count: number })),
  next: name.nullable(),
  missing,
  missingNodes,
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
  missingNodes,
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
  missingNodes,
});

export const disconnectReport: z.ZodType<DisconnectReport> = z.object({
  disconnected: number,
  missing,
  missingNodes,
});
