/** An app that has a handler for some events, and says who may join; the rest is for hooks. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  mayJoin: (_session, room) => room !== 'locked',
  on: {
    own: () => 'of the app',
    rooms: (session) => [...session.rooms].sort(),
    who: (session) => [session.user, session.data],
  },
});

export default app;
