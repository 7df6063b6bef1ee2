import { beforeEach, expect, test } from 'bun:test';
import { type AddressLimitSettings, AddressLimits } from './address-limits.ts';

interface FakeSession {
  readonly address: number;
  readonly hasUser: boolean;
  readonly isSilent: boolean;
}

const NONE: AddressLimitSettings = {
  maxSessionsPerAddress: 0,
  maxHandshakesPerAddress: 0,
  maxUnauthenticatedPerAddress: 0,
  maxSilentPerAddress: 0,
};

let sessions: FakeSession[];
let walks: number;

beforeEach(() => {
  sessions = [];
  walks = 0;
});

function limits(settings: Partial<AddressLimitSettings>): AddressLimits {
  const made = new AddressLimits({ ...NONE, ...settings });
  made.watch({
    size: 0,
    visitUnproven: () => {},
    visitAll(visit) {
      walks++;
      for (const { address, hasUser, isSilent } of sessions) visit(address, hasUser, isSilent);
    },
  });
  return made;
}

/** Tries to open so many sessions. @returns how many came in, and why the last was refused */
function open(made: AddressLimits, count: number, session: FakeSession): [number, string?] {
  let last: string | undefined;
  let taken = 0;
  for (let i = 0; i < count; i++) {
    last = made.refusalOf(session.address);
    if (last !== undefined) continue;
    taken++;
    sessions.push(session);
    made.opened(session.address);
  }
  return last === undefined ? [taken] : [taken, last];
}

const user = (address: number): FakeSession => ({ address, hasUser: true, isSilent: false });

test('without limits nothing is counted', () => {
  expect(open(limits({}), 100_000, user(1))).toEqual([100_000]);
  expect(walks).toBe(0);
});

test('an address has so many sessions, and others theirs', () => {
  const made = limits({ maxSessionsPerAddress: 5 });
  expect(open(made, 9, user(1))).toEqual([5, 'addressSessions']);
  expect(open(made, 9, user(2))).toEqual([5, 'addressSessions']);
});

test('what has ended counts no more', async () => {
  const made = limits({ maxSessionsPerAddress: 5 });
  open(made, 9, user(1));
  sessions.length = 2;
  await Bun.sleep(50);
  expect(open(made, 9, user(1))).toEqual([3, 'addressSessions']);
});

test('users do not count among the unauthenticated, nor those that ask among the silent', () => {
  const silent = { address: 1, hasUser: false, isSilent: true };
  const asking = { address: 2, hasUser: false, isSilent: false };
  const made = limits({ maxUnauthenticatedPerAddress: 5, maxSilentPerAddress: 3 });
  expect(open(made, 9, silent)).toEqual([3, 'addressSilent']);
  expect(open(made, 2, asking)).toEqual([2]);
  expect(open(made, 2, user(3))).toEqual([2]);
});

test('handshakes are counted by the second', async () => {
  const made = limits({ maxHandshakesPerAddress: 10 });
  await Bun.sleep(1_020 - (performance.now() % 1_000));
  expect(open(made, 20, user(1))).toEqual([10, 'addressHandshakes']);
  expect(open(made, 5, user(2))).toEqual([5]);
  await Bun.sleep(1_020 - (performance.now() % 1_000));
  expect(open(made, 1, user(1))).toEqual([1]);
});

test('who hammers at a limit does not have all counted each time', () => {
  for (let i = 0; i < 20_000; i++) sessions.push(user(i));
  const made = limits({ maxSessionsPerAddress: 1 });
  open(made, 1, user(7));
  for (let i = 0; i < 1_000; i++) expect(made.refusalOf(7)).toBe('addressSessions');
  expect(walks).toBeLessThan(20);
});
