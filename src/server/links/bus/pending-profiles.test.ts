import { expect, test } from 'bun:test';
import { PendingProfiles } from './pending-profiles.ts';
import { ProfileError } from './worker-profile.ts';

const LONG_MS = 60_000;

test('four workers are profiled at a time, and a fifth once one of them is done', async () => {
  const profiles = new PendingProfiles();
  const asked: number[] = [];
  const ask = (worker: number): Promise<unknown> =>
    profiles.ask(worker, LONG_MS, () => asked.push(worker)).catch((error: unknown) => error);
  const first = [0, 1, 2, 3].map(ask);
  const refused = (await ask(4)) as ProfileError;
  expect(refused).toBeInstanceOf(ProfileError);
  expect([refused.kind, refused.message]).toEqual([
    'busy',
    '4 workers are being profiled already; ask again after one.',
  ]);
  expect(asked).toEqual([0, 1, 2, 3]);
  profiles.lost(2);
  const fifth = ask(4);
  expect(asked).toEqual([0, 1, 2, 3, 4]);
  for (const worker of [0, 1, 3, 4]) profiles.lost(worker);
  const ends = (await Promise.all([...first, fifth])) as ProfileError[];
  expect(ends.map(({ kind }) => kind)).toEqual(Array(5).fill('failed'));
});

test('one that does not answer is given up, and its worker can be asked again', async () => {
  const profiles = new PendingProfiles();
  const error = await profiles.ask(7, 1, () => {}).catch((reason: unknown) => reason);
  expect(error).toEqual(
    new ProfileError('failed', 'Worker 7 was too busy to answer in time; ask again.'),
  );
  const again = profiles.ask(7, LONG_MS, () => {});
  profiles.lost(7);
  expect(again).rejects.toThrow('Worker 7 ended before its profile was done; ask again.');
});
