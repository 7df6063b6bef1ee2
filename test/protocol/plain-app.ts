/**
 * The app that the tests of the plain protocol talk to. A client says in its `auth` who it is and
 * which rooms it is given, and sees what handlers were given by what they answer.
 */

import { createHash } from 'node:crypto';
import {
  type Admission,
  type App,
  ack,
  ClientError,
  type DisconnectReason,
  defineApp,
  type Handshake,
  type NamespaceHandlers,
  type Session,
} from 'holdfast';

/** Nobody may join it. */
const FORBIDDEN_ROOM = 'forbidden';
const WATCHERS = 'watchers';
const SURVEY_TIMEOUT_MS = 20_000;

/** What the app keeps of a session. */
interface Kept {
  readonly auth: unknown;
  readonly query: string;
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
  readonly address: string;
  readonly heard: unknown[];
  seldom: number;
}

function authenticate({ auth, query, headers, address }: Handshake): Admission {
  const { user, rooms, refuse } = auth as { user?: string; rooms?: string[]; refuse?: string };
  if (refuse !== undefined) throw new ClientError(refuse, { data: { asked: refuse } });
  const { cookie, authorization } = headers;
  const data: Kept = {
    ...{ auth, query: String(query), cookie, authorization, address },
    heard: [],
    seldom: 0,
  };
  return { ...(user === undefined ? {} : { user }), rooms: rooms ?? [], data };
}

const kept = (session: Session): Kept => session.data as Kept;

async function ask(session: Session, milliseconds: number, ...args: unknown[]): Promise<void> {
  try {
    const values = await session.timeout(milliseconds).emitWithAckValues('question', ...args);
    session.emit('answered', ...values);
  } catch {
    session.emit('unanswered');
  }
}

function digest(_session: Session, { deep }: { deep: readonly [Uint8Array] }): string {
  return createHash('sha256').update(deep[0]).digest('hex');
}

const handlers: NamespaceHandlers = {
  authenticate,
  mayJoin: (_session, room) => room !== FORBIDDEN_ROOM,
  disconnected({ id, server }, reason: DisconnectReason) {
    server.of('/').to(WATCHERS).emit('gone', id, reason);
  },
  limits: { seldom: 2 },
  on: {
    echo: (_session, ...args: unknown[]) => ack(...args),
    back: (session, ...args: unknown[]) => session.emit('back', ...args),
    first: (_session, value: unknown) => value,
    nothing: () => undefined,
    later: async (_session, value: unknown) => {
      await Bun.sleep(30);
      return value;
    },
    refuse: () => {
      throw new ClientError('not like that', { data: { hint: 7 } });
    },
    stumble: (_session, value: { deep: { deeper: string } }) => value.deep.deeper,
    who: (session) => {
      const { id, user, rooms, namespace } = session;
      const { heard: _heard, seldom: _seldom, ...rest } = kept(session);
      return { id, user: user ?? null, rooms, namespace, ...rest };
    },
    count: (_session, ...args: unknown[]) => args.length,
    keep: (session, value: unknown) => void kept(session).heard.push(value),
    slowly: async (session, value: string) => {
      kept(session).heard.push(`${value} begins`);
      await Bun.sleep(30);
      kept(session).heard.push(`${value} ends`);
    },
    heard: (session) => ack(...kept(session).heard),
    seldom: (session) => {
      kept(session).seldom += 1;
    },
    'how-seldom': (session) => kept(session).seldom,
    tell: (session, room: string, event: string, ...args: unknown[]) =>
      session.server.in(room).emit(event, ...args),
    others: (session, room: string, event: string, ...args: unknown[]) =>
      session.to(room).emit(event, ...args),
    burst: (session, room: string, from: number, count: number, padding = '') => {
      for (let number = from; number < from + count; number += 1) {
        session.server.in(room).emit('number', number, padding);
      }
    },
    ask,
    digest,
    bytes: (session, length: number) => {
      session.emit('bytes', { deep: [new Uint8Array(length).fill(7)] });
    },
    binary: (session, bytes: Uint8Array) => {
      session.emit('binary', Uint8Array.from(bytes).reverse());
    },
    message: (session, value: unknown) => {
      if (value === 'kick') session.disconnect(true);
      else if (value === 'else') session.emit('else', 'not a frame');
      else session.emit('message', value);
    },
    mixed: (session, room: string) => {
      for (let number = 0; number < 20; number += 1) {
        if (number % 2 === 0) session.server.in(room).emit('number', number);
        else session.emit('number', number);
      }
    },
    survey: (session, room: string, ...args: unknown[]) =>
      session.server
        .in(room)
        .timeout(SURVEY_TIMEOUT_MS)
        .emitWithAck('question', ...args),
    roll: async (session, room: string) =>
      (await session.server.in(room).fetchSessions()).map(({ id }) => id),
    expel: (session, id: string) => session.server.in(id).disconnect(true),
    usher: (session, id: string, room: string) => session.server.in(id).join(room),
    watch: (session) => session.join(WATCHERS),
    kick: (session) => {
      session.emit('bye');
      session.disconnect();
    },
    close: (session) => session.disconnect(true),
  },
};

const app: App = defineApp({
  ...handlers,
  namespaces: { '/custom': handlers },
  request: (request) =>
    new URL(request.url).pathname === '/page' ? new Response('a page') : undefined,
});

export default app;
