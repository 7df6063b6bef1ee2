/** An app of one namespace whose `authenticate` reads all that the first request said. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  async authenticate({ auth, headers, query, address, transport }) {
    const seen = [auth, headers['cookie'], headers['x-none'], query.get('who'), address, transport];
    await Bun.sleep(0);
    return { data: seen };
  },
  connected: (session) => session.emit('auth', session.data),
  on: { leave: (session) => session.disconnect() },
});

export default app;
