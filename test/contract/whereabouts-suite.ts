/** What whatever knows where users are does, told as tests, for who makes one. */

import { afterEach, describe, expect, test } from 'bun:test';
import type { Whereabouts } from '../../src/server/core/contracts/whereabouts.ts';
import { rapidhashNames } from '../support/hostile-names.ts';

export const NODE = 'node-1';

/** At work in a node of two workers, with what happens in it. */
export interface WhereaboutsAtWork {
  readonly whereabouts: Whereabouts;
  /** The first session of a user on a worker, or the end of the last. */
  readonly has: (worker: number, user: string, isHere: boolean) => void;
  readonly workerDies: (worker: number) => void;
  readonly close: () => void;
}

export function whereaboutsSuite(
  name: string,
  make: () => WhereaboutsAtWork | Promise<WhereaboutsAtWork>,
): void {
  describe(name, () => {
    let open: WhereaboutsAtWork | undefined;

    async function begin(): Promise<WhereaboutsAtWork> {
      open = await make();
      return open;
    }

    afterEach(() => open?.close());

    test('a user is where a worker has sessions of it, until the last has none', async () => {
      const { whereabouts, has } = await begin();
      expect(await whereabouts.nodesOf('/', 'ada')).toEqual([]);
      has(0, 'ada', true);
      has(1, 'ada', true);
      expect(await whereabouts.nodesOf('/', 'ada')).toEqual([NODE]);
      has(0, 'ada', false);
      expect(await whereabouts.nodesOf('/', 'ada')).toEqual([NODE]);
      has(1, 'ada', false);
      expect(await whereabouts.nodesOf('/', 'ada')).toEqual([]);
    });

    test('what a worker had that died is forgotten', async () => {
      const { whereabouts, has, workerDies } = await begin();
      has(0, 'ada', true);
      has(0, 'bob', true);
      has(1, 'bob', true);
      workerDies(0);
      expect(await whereabouts.nodesOf('/', 'ada')).toEqual([]);
      expect(await whereabouts.nodesOf('/', 'bob')).toEqual([NODE]);
    });

    test('namespaces and names are kept apart', async () => {
      const { whereabouts, has } = await begin();
      const names = [...rapidhashNames(50), 'a/b', '%', '日本', ' '];
      for (const user of names.filter((_, at) => at % 2 === 0)) has(0, user, true);
      for (const [at, user] of names.entries()) {
        expect(await whereabouts.nodesOf('/', user)).toEqual(at % 2 === 0 ? [NODE] : []);
        expect(await whereabouts.nodesOf('/chat', user)).toEqual([]);
      }
    });
  });
}
