/** The app of the tests of bounds: what clients ask of it is more than they should. */

import { type App, defineApp, type NamespaceHandlers } from 'holdfast';

export const NAMESPACES = 40;

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `room ${i}`);

const handlers: NamespaceHandlers = {
  on: {
    echo: (_session, ...args: unknown[]) => args[0] ?? null,
    join: (session, count: number) => {
      session.join(names(count));
      return session.rooms.length;
    },
    rooms: (session) => session.rooms.length,
  },
};

const app: App = defineApp({
  ...handlers,
  namespaces: Object.fromEntries(
    Array.from({ length: NAMESPACES }, (_, index) => [`/n${index}`, handlers]),
  ),
});

export default app;
