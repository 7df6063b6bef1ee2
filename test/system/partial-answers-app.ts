/** Asks for sessions, counts and answers of all workers, and tells also what is not whole. */

import {
  type App,
  defineApp,
  type PartialAnswerError,
  type RemoteSession,
  type Session,
} from 'holdfast';

type Ask = (session: Session) => Promise<unknown>;

const ASKS: Readonly<Record<string, Ask>> = {
  count: ({ server }) => server.count(),
  server: ({ server }) => server.serverSideEmitWithAck('who'),
  fails: ({ server }) => server.serverSideEmitWithAck('fails'),
  acks: ({ server }) => server.timeout(500).emitWithAck('who'),
  sessions: async ({ server }) => summary(await server.fetchSessions()),
};

function summary(sessions: readonly RemoteSession[]): readonly unknown[] {
  return sessions.map(({ id, data, dataError }) => {
    const { size } = (data ?? {}) as { size?: string };
    return { id, size: size?.length ?? 0, dataError };
  });
}

const app: App = defineApp({
  on: {
    data(session, kind: string, bytes: number) {
      if (kind === 'function') session.data = { callback: () => {} };
      else session.data = { size: 'x'.repeat(bytes) };
    },
    worker: ({ server }) => Number(server.workerId.split('-')[0]),
    async ask(session, name: string) {
      try {
        return { answer: await (ASKS[name] as Ask)(session) };
      } catch (error) {
        const { partial, values, workers } = error as PartialAnswerError & { values?: unknown };
        const part = name === 'sessions' ? summary(partial as RemoteSession[]) : partial;
        return { error: (error as Error).name, partial: part ?? values, workers };
      }
    },
  },
  onServer: {
    who: ({ workerId }) => Number(workerId.split('-')[0]),
    fails: ({ workerId }) => {
      if (workerId.startsWith('1-')) throw new Error('no answer on purpose');
      return 'answered';
    },
  },
});

export default app;
