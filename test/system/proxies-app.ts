/** The app of proxies.test.ts: tells each client from where it came. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  authenticate: ({ address }) => ({ data: { address } }),
  on: {
    whereFrom: ({ data }) => (data as { address: string }).address,
  },
});

export default app;
