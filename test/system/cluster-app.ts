/** What clients of a cluster ask of their node. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  authenticate({ auth }) {
    const { user, rooms } = auth as { readonly user?: string; readonly rooms?: string[] };
    return { ...(user === undefined ? {} : { user }), rooms: rooms ?? [] };
  },
  mayJoin: () => true,
  connected(session) {
    session.data = { at: session.server.workerId };
  },
  on: {
    say(session, room, ...args) {
      session.server.to(room as string[]).emit('said', ...args);
      return 'said';
    },
    others(session, room, ...args) {
      session.to(room as string).emit('said', ...args);
      return 'said';
    },
    except(session, room, without, text) {
      session.server
        .to(room as string)
        .except(without as string)
        .emit('said', text);
      return 'said';
    },
    tell(session, user, ...args) {
      session.server.user(user as string).emit('said', ...args);
      return 'said';
    },
    async fetch(session, room) {
      const found = await session.server.in(room as string).fetchSessions();
      return found.map(({ id, user, rooms }) => ({ id, user, rooms }));
    },
    async count(session, room) {
      return await session.server.in(room as string).count();
    },
    async ask(session, room) {
      return await session.server
        .in(room as string)
        .timeout(5_000)
        .emitWithAck('question', 1);
    },
    joinAll(session, room, into) {
      session.server.in(room as string).join(into as string);
      return 'done';
    },
    leaveAll(session, room, from) {
      session.server.in(room as string).leave(from as string);
      return 'done';
    },
    endAll(session, room) {
      session.server.in(room as string).disconnect(true);
      return 'done';
    },
    async present(session, room) {
      return await session.server.presence(room as string);
    },
    async where(session, user) {
      return await session.server.whereabouts(user as string);
    },
    async askServers(session, text) {
      return await session.server.serverSideEmitWithAck('greet', text);
    },
  },
  onServer: {
    greet: (server, text: string) => `${text} from ${server.workerId.split('-')[1]}`,
  },
});

export default app;
