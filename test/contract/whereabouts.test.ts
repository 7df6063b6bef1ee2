import { afterEach, expect, test } from 'bun:test';
import { InterestTable } from '../../src/server/links/bus/interest-table.ts';
import { userKey } from '../../src/server/protocol/interest-key.ts';
import { ClusterWhereabouts } from '../../src/server/state/whereabouts/cluster-whereabouts.ts';
import { EmbeddedWhereabouts } from '../../src/server/state/whereabouts/embedded-whereabouts.ts';
import { NODE, type WhereaboutsAtWork, whereaboutsSuite } from './whereabouts-suite.ts';

whereaboutsSuite('embedded', embedded);

const OTHERS = [0xa, 0xab_cd_ef];

/** Of other nodes, the keys they want to hear of. */
let others: Map<number, string> = new Map();
afterEach(() => void (others = new Map()));

const cluster = (): WhereaboutsAtWork => {
  const own = embedded();
  const nodesWith = (key: string): number[] => OTHERS.filter((node) => others.get(node) === key);
  return { ...own, whereabouts: new ClusterWhereabouts(own.whereabouts, { nodesWith }) };
};

whereaboutsSuite('over nodes', cluster);

test('a user is on this node and on others, by their names', async () => {
  const { whereabouts, has } = cluster();
  for (const node of OTHERS) others.set(node, userKey('/', 'ada'));
  expect(await whereabouts.nodesOf('/', 'ada')).toEqual(['00000a', 'abcdef']);
  has(0, 'ada', true);
  expect(await whereabouts.nodesOf('/', 'ada')).toEqual([NODE, '00000a', 'abcdef']);
  expect(await whereabouts.nodesOf('/chat', 'ada')).toEqual([]);
});

function embedded(): WhereaboutsAtWork {
  const interest = new InterestTable();
  return {
    whereabouts: new EmbeddedWhereabouts(NODE, interest),
    has(worker, user, isHere) {
      if (isHere) interest.add(userKey('/', user), worker);
      else interest.remove(userKey('/', user), worker);
    },
    workerDies: (worker) => interest.removeWorker(worker),
    close: () => {},
  };
}
