/** The app of Holdfast here: clients name their user, and say things to users by number. */

import { type App, defineApp } from 'holdfast';
import { PAYLOAD } from '../wire.ts';

const app: App = defineApp({
  authenticate: ({ auth }) => ({ user: String(auth['user']) }),
  on: {
    say(session, numbers) {
      for (const number of numbers as readonly number[]) {
        session.server.user(`user-${number}`).emit('said', PAYLOAD);
      }
    },
  },
});

export default app;
