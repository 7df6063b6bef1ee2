/** The app of room-rules.test.ts: it adds a rule of its own, and gives rooms that no rule does. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  authenticate: ({ auth }) => (auth['given'] === true ? { rooms: ['closed:given'] } : undefined),
  mayJoin: (_session, room) => !room.startsWith('open:staff'),
  on: {
    rooms: ({ rooms }) => rooms,
    id: ({ id }) => id,
    take(session, room: string) {
      session.join(room);
      return session.rooms;
    },
  },
  namespaces: {
    '/own': {
      on: {
        'holdfast:join': (_session, room: string) => `the app was asked for ${room}`,
      },
    },
  },
});

export default app;
