/** An app with one room for clients of every kind, and a page of its own for those in browsers. */

import { type App, ack, ClientError, defineApp } from 'holdfast';

const app: App = defineApp({
  authenticate: ({ auth }) => ({ rooms: (auth as { rooms?: string[] }).rooms ?? [] }),
  mayJoin: (_session, room) => room !== 'forbidden',
  on: {
    echo: (_session, ...args: unknown[]) => ack(...args),
    refuse: () => {
      throw new ClientError('not like that');
    },
    count: (session, room: string, from: number, total: number) => {
      for (let number = from; number < from + total; number += 1) {
        session.server.in(room).emit('number', number);
      }
    },
    say: (session, room: string, what: unknown) => session.to(room).emit('said', what),
    // Socket.IO clients have no messages of their own to join and leave by.
    join: (session, room: string) => session.join(room),
    leave: (session, room: string) => session.leave(room),
  },
  request: ({ url }) => {
    if (new URL(url).pathname !== '/page') return undefined;
    return new Response('<!doctype html><title>One room</title>', {
      headers: { 'content-type': 'text/html' },
    });
  },
});

export default app;
