/** An app for the small client: it answers, asks, refuses, sends away, and tells rooms. */

import { type App, ClientError, defineApp, type Session } from 'holdfast';

const counted: WeakMap<Session, number[]> = new WeakMap();

const app: App = defineApp({
  authenticate({ auth }) {
    if (auth['token'] === 'wrong') throw new ClientError('wrong token', { data: { tries: 3 } });
    const { name } = auth as { readonly name?: string };
    return { user: name ?? 'nobody', rooms: ['everyone'] };
  },
  mayJoin: (_session, room) => room !== 'locked',
  request: () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }),
  on: {
    whoami: (session) => [session.user, session.id, session.transport],
    echo: (_session, ...values: unknown[]) => values,
    tell(session, room: string, ...values: unknown[]) {
      session.server.to(room).emit('told', room, ...values);
    },
    rooms: (session) => [...session.rooms].sort(),
    count(session, number: number) {
      const numbers = counted.get(session) ?? [];
      counted.set(session, numbers);
      numbers.push(number);
    },
    counted: (session) => counted.get(session),
    ask: (session, ...values: unknown[]) => session.emitWithAck('question', ...values),
    async slow() {
      await Bun.sleep(500);
      return 'late';
    },
    fail() {
      throw new ClientError('not today', { data: { until: 'Monday' } });
    },
    dismiss: (session) => session.disconnect(true),
  },
});

export default app;
