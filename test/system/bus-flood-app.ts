/** An app whose clients can make it flood the bus, beside what honest clients ask. */

import { type App, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

const FLOOD = 'x'.repeat(100_000);

const app: App = defineApp({
  on: {
    ...honestHandlers,
    /** One that takes what floods bring, on whichever worker. */
    drain: (session) => session.join('flood'),
    flood: (session) => session.server.to('flood').emit('flood', FLOOD),
    floodLater: async (session) => {
      await Bun.sleep(1);
      session.server.to('flood').emit('flood', FLOOD);
    },
    hear: (session) => session.join('numbered'),
    say: (session, number: number) => {
      session.server.to('numbered').emit('said', session.user ?? session.id, number);
      return session.server.workerId.split('-')[0];
    },
  },
});

export default app;
