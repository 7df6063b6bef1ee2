/** An app that does with what strangers send what apps do: keeps it, and joins rooms of theirs. */

import { type App, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

const app: App = defineApp({
  authenticate: ({ auth }) => ({ data: auth }),
  on: {
    ...honestHandlers,
    keep: (session, value: unknown) => {
      session.data = value;
      return 'kept';
    },
    'room:join': (session, rooms: readonly string[]) => session.join(rooms),
    'room:tell': (session, room: string, value: unknown) => {
      session.to(room).emit('told', value);
    },
  },
});

export default app;
