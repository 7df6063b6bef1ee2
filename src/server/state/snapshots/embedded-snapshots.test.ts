import { expect, test } from 'bun:test';
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

test('what has changed is as small as before once it is swept, and gone when it is over', () => {
  const options = { budgetBytes: 1e6, windowMs: WINDOW_MS, nowMs: () => 0 };
  const snapshots = new EmbeddedSnapshots(options);
  const rooms = [{ name: 'a', origin: 0, after: 3 }] as const;
  snapshots.opened({ id: 's', namespace: '/', user: 'u', rooms, data: undefined }, 1);
  const { bytes } = snapshots.view;
  snapshots.joined('s', [{ name: 'b', origin: 1, after: undefined }]);
  snapshots.left('s', ['b', 'c']);
  expect(snapshots.view.bytes).toBeGreaterThan(bytes);
  snapshots.sweep();
  expect(snapshots.view.bytes).toBe(bytes);
  snapshots.joined('s', [{ name: 'b', origin: 1, after: undefined }]);
  snapshots.cut('s');
  snapshots.end('/', { room: 'b' });
  expect(snapshots.view).toMatchObject({ bytes: 0, cut: 0 });
});
