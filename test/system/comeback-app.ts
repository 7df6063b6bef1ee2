/** The app of comeback.test.ts: it says what it sees of those who come back. */

import { type App, defineApp, type Session } from 'holdfast';

const banned: Set<string> = new Set();
const lost: WeakSet<Session> = new WeakSet();

interface Given {
  readonly user?: string;
  readonly rooms?: readonly string[];
  readonly data?: unknown;
}

const app: App = defineApp({
  authenticate: ({ auth }) => {
    const { user, rooms, data } = auth as Given;
    return {
      ...(user === undefined ? {} : { user }),
      ...(rooms === undefined ? {} : { rooms }),
      ...(data === undefined ? {} : { data }),
    };
  },
  mayJoin: (_session, room) => !banned.has(room),
  unrecovered(session) {
    lost.add(session);
  },
  connected(session) {
    const { recovered, id, rooms, data } = session;
    session.emit('hello', {
      recovered,
      unrecovered: lost.has(session),
      id,
      rooms: rooms.filter((room) => room !== id).sort(),
      data,
    });
  },
  on: {
    rooms: ({ id, rooms }) => rooms.filter((room) => room !== id).sort(),
    pid: () => process.pid,
    enter(session, room: string) {
      session.join(room);
    },
    quit(session, room: string) {
      session.leave(room);
    },
    put(session, key: string, value: unknown) {
      session.data = { ...(session.data as object), [key]: value };
    },
    count(session, room: string, from: number, count: number) {
      for (let i = from; i < from + count; i += 1) session.server.to(room).emit('n', i);
    },
    say(session, room: string, ...values: readonly unknown[]) {
      session.to(room).emit('said', ...values);
    },
    bytes(session, room: string) {
      const bytes = new Uint8Array([0, 1, 254, 255]);
      session.server.to(room).emit('bytes', { bytes }, 'with text');
    },
    hint(session, room: string, value: unknown) {
      session.server.to(room).volatile.emit('hint', value);
    },
    ask(session, room: string) {
      void session.server
        .to(room)
        .timeout(200)
        .emitWithAck('asked')
        .catch(() => {});
    },
    async ban(session, room: string) {
      banned.add(room);
      await session.server.serverSideEmitWithAck('ban', room);
    },
    dismiss(session) {
      session.disconnect(true);
    },
  },
  onServer: {
    ban: (_server, room: string) => {
      banned.add(room);
      return true;
    },
  },
  namespaces: {
    '/other': {
      connected: (session) => session.emit('hello', { recovered: session.recovered }),
    },
  },
});

export default app;
