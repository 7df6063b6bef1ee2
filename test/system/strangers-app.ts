/** The app of strangers.test.ts: serves honest clients, and answers HTTP slowly where asked to. */

import { type App, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

const SLOW_MS = 20_000;

const app: App = defineApp({
  on: honestHandlers,
  async request(request) {
    if (new URL(request.url).pathname !== '/slow') return undefined;
    await Bun.sleep(SLOW_MS);
    return new Response('at last');
  },
});

export default app;
