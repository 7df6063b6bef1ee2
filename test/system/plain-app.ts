/** The app of the tests of plain clients. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  async authenticate({ auth, query }) {
    // Some take their time, in which clients may send already.
    if (auth['slow'] === true) await Bun.sleep(50);
    if (auth['bad'] === true) throw new Error('no such user');
    const user = auth['user'] ?? query.get('user');
    return typeof user === 'string' ? { user, rooms: ['all'] } : {};
  },
  mayJoin: (_session, room) => room !== 'secret',
  connected(session) {
    if (session.user !== undefined) session.emit('welcome', session.user, session.transport);
  },
  on: {
    echo: (_session, value: unknown) => value,
    say: (session, room: string, text: string) => {
      session.server.to(room).emit('said', text);
      return 'said';
    },
    fail() {
      throw new Error('not so');
    },
    where: (session) => [session.transport, ...session.rooms],
    async ask(session) {
      session.emit('answered', await session.emitWithAck('question', 1));
    },
    binary: (session, bytes: Uint8Array) => session.emit('binary', bytes),
    bytes: (session) => session.emit('bytes', { deep: new Uint8Array([1, 2, 3]) }),
    message: (session, value: unknown) => session.emit('message', value),
    burst: (session, count: number) => {
      for (let at = 0; at < count; at++) session.emit('one', at);
    },
    kick: (session) => session.disconnect(true),
  },
});

export default app;
