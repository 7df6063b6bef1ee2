/** An app with one room that is kept, which clients of Socket.IO are let into by authentication. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  authenticate: ({ auth }) => ({ rooms: (auth as { rooms?: string[] }).rooms ?? [] }),
  request: ({ url }) => {
    if (new URL(url).pathname !== '/page') return undefined;
    return new Response('<!doctype html><title>One room</title>', {
      headers: { 'content-type': 'text/html' },
    });
  },
});

export default app;
