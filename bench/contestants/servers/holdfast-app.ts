/**
 * The app of the Holdfast contestant: the same user and the same two rooms as the Socket.IO
 * server beside it gives its sessions.
 */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  mayJoin: () => true,
  authenticate(handshake) {
    const { token } = handshake.auth;
    const number = typeof token === 'string' ? /^user-(\d+)$/.exec(token)?.[1] : undefined;
    if (number === undefined) throw new Error('unknown token');
    return { user: `user-${number}`, rooms: ['lobby', `match:${Number(number) % 1000}`] };
  },
});

export default app;
