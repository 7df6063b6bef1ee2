/** The app of meeting.test.ts: it ends, asks and lists sessions, and says what it sees of one. */

import { type App, defineApp, type NamespaceHandlers, type Session } from 'holdfast';

const handlers: NamespaceHandlers = {
  on: {
    about: ({ user, rooms, data, recovered }) => ({ user, rooms, data, recovered }),
    worker: ({ server }) => server.workerId,
    enter: (session, ...rooms: string[]) => session.join(rooms),
    end(session) {
      session.disconnect();
    },
    endOf: ({ server }, id: string) => server.in(id).disconnect(),
    askOf: ({ server }, id: string) => server.in(id).timeout(5_000).emitWithAck('asked'),
    sayTo: ({ server }, id: string) => server.to(id).emit('said', 'to it alone'),
    who: ({ server }, room: string) => server.presence(room),
    async all({ server }: Session) {
      const all = await server.fetchSessions();
      return all.map(({ id, rooms }) => ({ id, rooms }));
    },
  },
};

const app: App = defineApp({ ...handlers, namespaces: { '/other': handlers } });

export default app;
