/** The app of lockout.test.ts: serves honest clients, and refuses those that ask for it. */

import { type App, ClientError, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

const app: App = defineApp({
  authenticate({ auth }) {
    if (auth['refuse'] === true) throw new ClientError('as you wish');
    return typeof auth['user'] === 'string' ? { user: auth['user'] } : {};
  },
  on: honestHandlers,
});

export default app;
