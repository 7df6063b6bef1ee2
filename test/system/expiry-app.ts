/** The app of expiry.test.ts: it says who somebody is, and how sessions ended. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  on: {
    who: ({ user, rooms }) => [user, ...rooms],
  },
  disconnected({ user, transport }, reason) {
    console.log(`${user} over ${transport}: ${reason}`);
  },
});

export default app;
