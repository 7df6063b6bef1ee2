/** An app whose clients can make it ask and say much, beside what honest clients ask. */

import { type App, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

const app: App = defineApp({
  on: {
    ...honestHandlers,
    whoami: ({ server }) => ({ workerId: server.workerId }),
    /** Asks the client so many questions, which it may never answer. */
    askMe: (session, count: number) => {
      for (let i = 0; i < count; i++) session.emitWithAck('question', i).catch(() => {});
    },
    /** The client's answer to one question. */
    askOnce: (session, value: unknown) => session.emitWithAck('question', value),
    /** Asks the other workers so many times. @returns how often it was refused */
    askWorkers: async ({ server }, count: number) => {
      let refused = 0;
      for (let i = 0; i < count; i++) server.count().catch(() => refused++);
      await Bun.sleep(0);
      return refused;
    },
  },
});

export default app;
