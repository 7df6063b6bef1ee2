/** An app whose clients can make it ask and say much, beside what honest clients ask. */

import { type App, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

const app: App = defineApp({
  on: {
    ...honestHandlers,
    /** Asks the client so many questions, which it may never answer. */
    askMe: (session, count: number) => {
      for (let i = 0; i < count; i++) session.emitWithAck('question', i).catch(() => {});
    },
    /** The client's answer to one question. */
    askOnce: (session, value: unknown) => session.emitWithAck('question', value),
  },
});

export default app;
