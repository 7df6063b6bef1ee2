/** The app behind generated proxies: tells clients from where they came and who serves them. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  authenticate: ({ address }) => ({ rooms: ['all'], data: { address } }),
  mayJoin: () => true,
  on: {
    echo: (_session, value: unknown) => value,
    whereFrom: ({ data }) => (data as { address: string }).address,
    worker: ({ server }) => Number(server.workerId.split('-')[0]),
  },
});

export default app;
