/**
 * What honest clients ask of an app. A test that attacks an app of its own spreads these handlers
 * into it; others start this file.
 */

import { type App, defineApp, type NamespaceHandlers } from 'holdfast';

const ROOM = 'honest';

export const honestHandlers: NonNullable<NamespaceHandlers['on']> = {
  'honest:join': (session) => session.join(ROOM),
  'honest:ack': (_session, value: unknown) => value,
  'honest:event': (session, value: unknown) => session.emit('honest:event', value),
  'honest:broadcast': (session, value: unknown) =>
    session.server.to(ROOM).emit('honest:broadcast', value),
};

const app: App = defineApp({ on: honestHandlers });

export default app;
