/**
 * Keepalive with one timer per session: it looks whether the last ping was answered and sends the
 * next one. The cheapest form of it: all timers share one function, and there is no second timer
 * for the time to answer.
 */

import type { ServerWebSocket } from 'bun';
import type { Holder } from './server.ts';
import { PING, PING_INTERVAL_MS, serveKeepalive } from './server.ts';

interface Session {
  readonly socket: ServerWebSocket<Holder<Session>>;
  timer: Timer | undefined;
  hasAnswered: boolean;
}

function beat(session: Session): void {
  if (!session.hasAnswered) {
    session.socket.close(1008);
    return;
  }
  session.hasAnswered = false;
  session.socket.send(PING);
}

serveKeepalive<Session>({
  created(socket) {
    const session: Session = { socket, timer: undefined, hasAnswered: true };
    session.timer = setInterval(beat, PING_INTERVAL_MS, session);
    return session;
  },
  heard(session) {
    session.hasAnswered = true;
  },
  closed(session) {
    clearInterval(session.timer);
  },
});
