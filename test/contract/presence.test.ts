import { EmbeddedPresence } from '../../src/server/state/presence/embedded-presence.ts';
import { GRACE_MS, NAMED_USERS, presenceSuite } from './presence-suite.ts';

const STEP_MS = 50;

presenceSuite('embedded', (tell) => {
  let nowMs = 1_700_000_000_000;
  const store = new EmbeddedPresence({
    graceMs: GRACE_MS,
    namedUsers: NAMED_USERS,
    tell,
    clockMs: () => nowMs,
  });
  return {
    store,
    async pass(milliseconds) {
      const endMs = nowMs + milliseconds;
      while (nowMs < endMs) {
        nowMs = Math.min(endMs, nowMs + STEP_MS);
        store.tick();
        await Promise.resolve();
      }
    },
    close: () => store.close(),
  };
});
