/** The app of tokens.test.ts and room-rules.test.ts: it says who its clients are, and no more. */

import { type App, ClientError, defineApp } from 'holdfast';

const app: App = defineApp({
  authenticate({ user, auth }) {
    if (auth['be'] === 'somebody else') return { user: 'somebody else' };
    if (auth['be'] === 'refused') throw new ClientError(`not you, ${user}`);
    return auth['data'] === undefined ? { rooms: ['of the app'] } : { data: auth['data'] };
  },
  on: {
    who: ({ user, rooms, data }) => ({ user, rooms, data }),
  },
});

export default app;
