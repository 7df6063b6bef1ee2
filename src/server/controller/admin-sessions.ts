/**
 * The admin API of rooms, users and sessions. A name stands in the path, percent-encoded, or in the
 * query, for names that no path can hold (`.` and `..`). To look takes a token as well: it is about
 * people, and costs each worker a look at what it has.
 */

import { z } from 'zod';
import { LIMITS } from '../core/limits/limits.ts';
import { requestTarget } from '../protocol/request-target.ts';
import { type AdminAudit, shown } from './admin-audit.ts';
import { type BodyBounds, readJson, refusal } from './admin-body.ts';
import type { Route } from './admin-route.ts';
import { HttpError } from './http-error.ts';
import type { DisconnectRequest, SessionsView } from './sessions-view.ts';

const NAME_RULE = `text of 1 to ${LIMITS.keyLength} characters, without halves of surrogate pairs`;
const name = z
  .string()
  .min(1)
  .max(LIMITS.keyLength)
  .refine((text) => text.isWellFormed());

const shape = {
  namespace: name.startsWith('/').default('/'),
  user: name.optional(),
  room: name.optional(),
  session: name.optional(),
  close: z.boolean().default(false),
} satisfies { [K in keyof DisconnectRequest]-?: z.ZodType<DisconnectRequest[K]> };

const disconnectSchema = z.strictObject(shape);

const rules: Readonly<Record<string, string>> = {
  namespace: 'text that begins with "/", without halves of surrogate pairs',
  user: NAME_RULE,
  room: NAME_RULE,
  session: NAME_RULE,
  close: 'true or false',
};

/** Query parameters that there are, by what is asked. */
const PARAMETERS = {
  '/rooms': ['namespace', 'after', 'most', 'room'],
  '/users': ['namespace', 'user'],
} as const;

/** Bun closes requests that are idle for 10 s; this one tells nothing until workers are done. */
const DISCONNECT_TIMEOUT_SECONDS = LIMITS.disconnectMs / 1_000 + 10;

/** How many rooms, or users of a room, are told unless somebody wants more. */
const MOST_DEFAULT = 100;

export function sessionRoutes(
  view: SessionsView,
  bounds: BodyBounds,
  audit: AdminAudit,
): readonly (readonly [string, Route])[] {
  const rooms: Route = {
    method: 'GET',
    isActing: true,
    handle: async (request) => {
      const { name: room, query } = readAsked(request, '/rooms', 'room');
      const namespace = namespaceIn(query);
      const most = mostIn(query);
      if (room !== undefined) return Response.json(await view.room(namespace, room, most));
      return Response.json(await view.rooms(namespace, query.get('after') ?? '', most));
    },
  };
  const users: Route = {
    method: 'GET',
    isActing: true,
    handle: async (request) => {
      const { name: user, query } = readAsked(request, '/users', 'user');
      if (user === undefined) throw new HttpError(400, 'Name a user, as in /users/ada.');
      return Response.json(await view.user(namespaceIn(query), user));
    },
  };
  const disconnect: Route = {
    method: 'POST',
    isActing: true,
    handle: async (request, { server, address }) => {
      const whom = await readDisconnect(request, bounds);
      server.timeout(request, DISCONNECT_TIMEOUT_SECONDS);
      const report = await view.disconnect(whom);
      const { namespace, user, room, session, close } = whom;
      audit.acted('disconnect', address, {
        namespace: shown(namespace),
        user: shown(user),
        room: shown(room),
        session: shown(session),
        close,
        disconnected: report.disconnected,
      });
      return Response.json(report);
    },
  };
  return [
    ['/rooms', rooms],
    ['/rooms/*', rooms],
    ['/users', users],
    ['/users/*', users],
    ['/disconnect', disconnect],
  ];
}

/** The name in the path or the query, and the query, of which everything is understood. */
function readAsked(
  request: Request,
  path: keyof typeof PARAMETERS,
  parameter: 'room' | 'user',
): { name: string | undefined; query: URLSearchParams } {
  const target = requestTarget(request.url);
  const query = new URLSearchParams(target.query);
  const known: readonly string[] = PARAMETERS[path];
  for (const key of query.keys()) {
    if (known.includes(key) && query.getAll(key).length === 1) continue;
    throw new HttpError(400, `Use ${known.join(', ')} once each in the query of ${path}.`);
  }
  const inPath = target.path.slice(path.length + 1);
  const given = inPath === '' ? (query.get(parameter) ?? undefined) : decoded(inPath);
  if (given === undefined || name.safeParse(given).success) return { name: given, query };
  throw new HttpError(400, `A ${parameter} is ${NAME_RULE}, percent-encoded in UTF-8.`);
}

/** Not a name where it cannot be decoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function namespaceIn(query: URLSearchParams): string {
  const namespace = query.get('namespace') ?? '/';
  if (shape.namespace.safeParse(namespace).success) return namespace;
  throw new HttpError(400, `"namespace" must be ${rules['namespace']}.`);
}

function mostIn(query: URLSearchParams): number {
  const text = query.get('most');
  if (text === null) return MOST_DEFAULT;
  const most = Number(text);
  if (/^\d{1,5}$/.test(text) && most >= 1 && most <= LIMITS.roomsListed) return most;
  throw new HttpError(400, `"most" must be a whole number from 1 to ${LIMITS.roomsListed}.`);
}

async function readDisconnect(request: Request, bounds: BodyBounds): Promise<DisconnectRequest> {
  const body = await readJson(request, bounds, '{"user":"ada"}');
  const parsed = disconnectSchema.safeParse(body);
  if (!parsed.success) throw refusal(parsed.error, 'the body', rules);
  const { user, room, session } = parsed.data;
  const given = [user, room, session].filter((one) => one !== undefined);
  if (given.length === 1) return parsed.data;
  throw new HttpError(400, 'Give one of "user", "room" and "session".');
}
