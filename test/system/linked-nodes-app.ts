/** The app of nodes that forward requests to each other: it echoes, and says who is gone. */

import { type App, ack, defineApp } from 'holdfast';

const app: App = defineApp({
  on: {
    echo: (_session, ...args: unknown[]) => ack(...args),
    back: (session, ...args: unknown[]) => session.emit('back', ...args),
    count: (session, total: number, padding = '') => {
      for (let number = 0; number < total; number++) session.emit('number', number, padding);
    },
    'enter-room': (session, room: string) => {
      try {
        session.join(room);
        return 'in';
      } catch (error) {
        return String(error);
      }
    },
  },
  disconnected: ({ id }, reason) => console.log(`gone ${id} ${reason}`),
});

export default app;
