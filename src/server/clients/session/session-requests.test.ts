import { expect, test } from 'bun:test';
import { FakeEngine } from '../../../../test/support/fake-engine.ts';
import type { Exchange } from '../../core/contracts/exchange.ts';
import { type KnowingOwner, SessionRequests } from './session-requests.ts';
import { WaitingPolls } from './waiting-polls.ts';

test('a POST that has begun is vouched for, if its session is there', async () => {
  const vouched: number[] = [];
  const watch = {
    isWatching: true,
    vouch: (connection: number) => void vouched.push(connection),
    disown: () => {},
    isLastAnswer: () => false,
  };
  const requests = new SessionRequests({
    table: new FakeEngine({}).context,
    watch,
    waiting: new WaitingPolls(watch),
    ownerOf: () => undefined,
  });
  const here = { knows: (id: string) => id === 'there' };
  const elsewhere = { knows: async (id: string) => id === 'there' };
  const begin = (connection: number, owner: KnowingOwner, id: string): Promise<void> =>
    requests.vouchForPost({ connection } as Exchange, owner, id);
  await begin(1, here, 'there');
  await begin(2, here, 'gone');
  await begin(3, elsewhere, 'there');
  await begin(4, elsewhere, 'gone');
  watch.isWatching = false;
  await begin(5, here, 'there');
  expect(vouched).toEqual([1, 3]);
});
