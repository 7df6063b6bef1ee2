/** Users and rooms as their clients name them; says who is in a room, and where a session is. */

import { type App, defineApp, type RoomPresence, type Session } from 'holdfast';

interface Auth {
  readonly user?: string;
  readonly rooms?: string[];
}

const app: App = defineApp({
  authenticate({ auth }) {
    const { user, rooms = [] } = auth as Auth;
    return user === undefined ? { rooms } : { user, rooms };
  },
  on: {
    join: (session: Session, room: string) => session.join(room),
    leave: (session: Session, room: string) => session.leave(room),
    who: (session: Session, room: string, most: number | null): Promise<RoomPresence> =>
      session.server.presence(room, most ?? undefined),
    places: (session: Session, user: string) => session.server.whereabouts(user),
    worker: (session: Session) => Number.parseInt(session.server.workerId, 10),
  },
});

export default app;
