/** Says goodbye and ends the session, so long after it came as the client asked for. */

import { type App, defineApp, type Session } from 'holdfast';

interface Wish {
  readonly delayMs?: number;
  readonly close?: boolean;
}

async function kick(session: Session): Promise<void> {
  const { delayMs, close } = session.data as Wish;
  if (delayMs === undefined) return;
  // Without a wait it happens in the turn in which the client is told that it is in.
  if (delayMs > 0) await Bun.sleep(delayMs);
  session.emit('bye', delayMs);
  session.disconnect(close ?? true);
}

const app: App = defineApp({
  authenticate: ({ auth }) => ({ data: auth }),
  connected: kick,
  on: { say: (session) => session.emit('said') },
});

export default app;
