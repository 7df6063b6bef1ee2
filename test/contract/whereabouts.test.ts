import { InterestTable } from '../../src/server/links/bus/interest-table.ts';
import { userKey } from '../../src/server/protocol/interest-key.ts';
import { EmbeddedWhereabouts } from '../../src/server/state/whereabouts/embedded-whereabouts.ts';
import { NODE, whereaboutsSuite } from './whereabouts-suite.ts';

whereaboutsSuite('embedded', () => {
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
});
