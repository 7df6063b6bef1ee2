/**
 * The app that is fuzzed: every kind of handler, none of them endless whatever a client sends, and
 * no state of its own, so that memory which stays is the server's.
 */

import type { App, NamespaceHandlers, Session } from 'holdfast';
import { ack, defineApp } from 'holdfast';

const handlers: NamespaceHandlers = {
  mayJoin: () => true,
  authenticate(handshake) {
    if (handshake.auth['refuse'] !== undefined) throw new Error('not today');
    return { user: 'someone', rooms: ['lobby'], data: handshake.auth };
  },
  connected: (session) => session.emit('hello', session.data),
  disconnected: (session) => session.server.to('watchers').emit('gone', session.id),
  on: {
    echo: (_session, ...args: unknown[]) => ack(...args),
    back: (session, ...args: unknown[]) => session.emit('back', ...args),
    slow: async (_session, value: unknown) => {
      await Bun.sleep(5);
      return value;
    },
    fail: () => {
      throw new Error('a handler of the fuzzed app fails on purpose');
    },
    join: (session, room: string) => session.join(room),
    leave: (session, room: string) => session.leave(room),
    tell: (session, room: string, ...args: unknown[]) => session.to(room).emit('told', ...args),
    shout: (session: Session) => session.server.emit('shouted', session.id),
    ask: async (session, ...args: unknown[]) =>
      await session.timeout(50).emitWithAck('question', ...args),
    'leave-me': (session) => session.disconnect(),
    'close-me': (session) => session.disconnect(true),
  },
};

const app: App = defineApp({ ...handlers, namespaces: { '/custom': handlers } });

export default app;
