/** The app whose presence is measured: each session has the user that it names. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  mayJoin: () => true,
  authenticate: ({ auth }) => ({ user: String(auth['user']) }),
});

export default app;
