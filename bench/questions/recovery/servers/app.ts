/** The app of Holdfast here: rooms as clients ask, and one for clients of Socket.IO. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  mayJoin: () => true,
  authenticate: ({ query }) => (query.has('EIO') ? { rooms: ['match:1'] } : {}),
});

export default app;
