/**
 * The app of the system tests. A client says at CONNECT who it wants to be, and can have every verb
 * of the server carried out on its worker (`operate`), so that the tests say what happens.
 */

import { createHash, randomBytes } from 'node:crypto';
import {
  type App,
  ack,
  ClientError,
  defineApp,
  type NamespaceHandlers,
  type Session,
} from 'holdfast';

/** What a client presents. */
export interface SystemAuth {
  readonly user?: string;
  readonly rooms?: readonly string[];
  readonly data?: unknown;
}

/** Names of members and their arguments, applied one to the result of the one before. */
export type Operation = readonly (readonly [member: string, ...args: unknown[]])[];

const WATCHERS = 'watchers';

/** What goes wrong is told in its own words, since the test wants to read them. */
async function operate(session: Session, from: 'session' | 'server', operation: Operation) {
  try {
    return await carryOut(session, from, operation);
  } catch (error) {
    throw new ClientError((error as Error).message);
  }
}

async function carryOut(session: Session, from: 'session' | 'server', operation: Operation) {
  let value: unknown = from === 'session' ? session : session.server;
  for (const [name, ...args] of operation) {
    const member = (value as Record<string, unknown>)[name];
    value = await (typeof member === 'function' ? member.apply(value, args) : member);
  }
  return value === undefined || value === null ? null : JSON.parse(JSON.stringify(value));
}

/** Sends bytes in two places of an event; tells whether they came back the same. */
async function askForBytes(session: Session, length: number): Promise<boolean> {
  const bytes = randomBytes(length);
  const back = await session.emitWithAck('bytes', { nested: [bytes] }, bytes);
  return back instanceof Uint8Array && bytes.equals(back);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const common: NamespaceHandlers = {
  on: {
    echo: (_session, ...args: unknown[]) => ack(...args),
    whoami: ({ id, user, rooms, transport, server }) => {
      return { id, user, rooms, transport, workerId: server.workerId };
    },
    digest: (_session, bytes: Uint8Array) => ack(sha256(bytes), { back: bytes }),
    askForBytes,
    operate,
    throwing: () => {
      throw new Error('thrown on purpose');
    },
    rejecting: async () => {
      await Bun.sleep(0);
      throw new Error('rejected on purpose');
    },
    faulty: (_session, value: { deep: { deeper: string } }) => value.deep.deeper,
    failLater: () => {
      setTimeout(() => {
        throw new Error('thrown by a timer');
      });
      void Promise.reject(new Error('rejected by nobody'));
    },
    print: (_session, text: string) => console.log(text),
    block: () => {
      for (;;);
    },
  },
  disconnected({ user, id, namespace, server }, reason) {
    server
      .of('/')
      .to(WATCHERS)
      .emit('left', { user: user ?? id, namespace, reason });
  },
};

const app: App = defineApp({
  ...common,
  mayJoin: () => true,
  authenticate({ auth }) {
    // Clients of the fleet present more, which is nothing to admit them by.
    const { user, rooms, data } = auth as SystemAuth;
    return { ...(user === undefined ? {} : { user }), rooms, data } as SystemAuth;
  },
  onServer: {
    double: (server, value: number) => ({ by: server.workerId, value: value * 2 }),
    tell: (server, event: string) => server.local.emit(event, server.workerId),
  },
  namespaces: {
    '/members': {
      ...common,
      mayJoin: () => true,
      async authenticate({ auth }) {
        await Bun.sleep(0);
        if (auth['token'] !== 'right') {
          throw Object.assign(new Error('wrong token'), { data: { retry: false } });
        }
        return { user: 'member', rooms: ['lounge'] };
      },
    },
    '/faulty': {
      mayJoin: () => true,
      authenticate({ auth }) {
        return { user: (auth as { missing: { user: string } }).missing.user };
      },
      connected() {
        throw new Error('connected on purpose');
      },
    },
  },
});

export default app;
