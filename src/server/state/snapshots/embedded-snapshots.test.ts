import { snapshotsSuite } from '../../../../test/contract/snapshots.ts';
import { EmbeddedSnapshots } from './embedded-snapshots.ts';

const WINDOW_MS = 1_000;

snapshotsSuite('embedded', async (budgetBytes) => {
  let nowMs = 0;
  const options = { budgetBytes, windowMs: WINDOW_MS, nowMs: () => nowMs };
  return {
    snapshots: new EmbeddedSnapshots(options),
    windowMs: WINDOW_MS,
    pass: async (ms) => {
      nowMs += ms;
    },
    close: async () => {},
  };
});
