/** An app beside whose honest clients others send as fast as they can. */

import { type App, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

let taken = 0;

const app: App = defineApp({
  on: {
    ...honestHandlers,
    /** Counts itself. */
    count: () => void taken++,
    taken: () => taken,
    vote: () => 'counted',
  },
  limits: { vote: 5 },
  namespaces: {
    '/private': {
      authenticate() {
        throw new Error('wrong password');
      },
    },
  },
});

export default app;
