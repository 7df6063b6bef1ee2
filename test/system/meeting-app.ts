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
    sayTo: ({ server }, id: string) => server.to(id).emit('said', 'to it alone'),
    who: ({ server }, room: string) => server.presence(room),
    async all({ server }: Session) {
      const all = await server.fetchSessions();
      return all.map(({ id, rooms }) => ({ id, rooms }));
    },
  },
};

/** It sets the data of its sessions as they come in, and some time after an event. */
const marking: NamespaceHandlers = {
  ...handlers,
  connected(session) {
    if (!session.recovered) session.data = { set: 'as it came in' };
  },
  on: {
    ...handlers.on,
    async later(session) {
      await Bun.sleep(400);
      session.data = { ...(session.data as object), later: true };
    },
  },
};

const namespaces = { '/other': handlers, '/marking': marking };
const app: App = defineApp({ ...handlers, namespaces });

export default app;
