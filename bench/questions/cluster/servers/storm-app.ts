/** The app of the storm: each session has the user that it names, and a room of a hundred. */

import { type App, defineApp } from 'holdfast';

const ROOMS = 1_000;

const app: App = defineApp({
  authenticate({ auth }) {
    const user = String(auth['user']);
    return { user, rooms: [`match:${Number(user.slice('user-'.length)) % ROOMS}`] };
  },
});

export default app;
