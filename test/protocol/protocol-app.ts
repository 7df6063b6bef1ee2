/**
 * The app that the protocol tests talk to. It answers in ways that show what it was given, and
 * keeps no state of its own, so it behaves the same on one worker and on several.
 */

import type {
  Admission,
  App,
  DisconnectReason,
  Handshake,
  NamespaceHandlers,
  Session,
} from 'holdfast';
import { ack, defineApp } from 'holdfast';

/** Long enough for a client's answer, short enough to wait for its absence. */
const QUESTION_TIMEOUT_MS = 400;

function authenticate(handshake: Handshake): Admission {
  return { data: { auth: handshake.auth } };
}

function connected(session: Session): void {
  const { auth } = session.data as { auth: unknown };
  session.emit('auth', auth);
}

function disconnected(session: Session, reason: DisconnectReason): void {
  session.server.of('/').to('watchers').emit('gone', session.id, reason);
}

async function ask(session: Session, ...args: unknown[]): Promise<void> {
  try {
    const answer = await session.timeout(QUESTION_TIMEOUT_MS).emitWithAck('question', ...args);
    session.emit('answered', answer);
  } catch {
    session.emit('unanswered');
  }
}

async function tick(session: Session, total: number, everyMs: number): Promise<void> {
  for (let number = 0; number < total; number += 1) {
    session.emit('number', number);
    await Bun.sleep(everyMs);
  }
}

const handlers: NamespaceHandlers = {
  authenticate,
  connected,
  disconnected,
  on: {
    message: (session, ...args: unknown[]) => session.emit('message-back', ...args),
    'message-with-ack': (_session, ...args: unknown[]) => ack(...args),
    'first-value': (_session, value: unknown) => value,
    nothing: () => undefined,
    'after-a-while': async (_session, value: unknown) => {
      await Bun.sleep(20);
      return value;
    },
    fail: () => {
      throw new Error('a handler of the protocol app fails on purpose');
    },
    ask,
    tick,
    count: (session, total: number) => {
      for (let number = 0; number < total; number += 1) {
        session.emit('number', number);
      }
    },
    watch: (session) => session.join('watchers'),
    'join-room': (session, room: string) => {
      session.join(room);
      return room;
    },
    'tell-room': (session, room: string, ...args: unknown[]) =>
      session.server.in(room).emit('told', ...args),
    'leave-me': (session) => session.disconnect(),
    'close-me': (session) => session.disconnect(true),
    kick: (session, close: boolean) => {
      session.emit('bye', Buffer.from([1, 2]));
      session.disconnect(close);
    },
  },
};

const app: App = defineApp({
  ...handlers,
  namespaces: {
    '/custom': handlers,
    '/slow': {
      ...handlers,
      async authenticate(handshake) {
        await Bun.sleep(50);
        return authenticate(handshake);
      },
    },
    '/refused': {
      authenticate: () => {
        throw new Error('not today');
      },
    },
  },
});

export default app;
