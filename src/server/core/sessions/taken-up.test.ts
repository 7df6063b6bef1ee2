/** Sessions that are taken up again: they have their own ids, which were made elsewhere. */

import { beforeEach, expect, test } from 'bun:test';
import { FakeClient, FakeCore, MAX_ROOMS } from '../../../../test/support/fake-core.ts';
import { NamespaceSession } from './namespace-session.ts';

const ID = 'made elsewhere';

let core: FakeCore;
let client: FakeClient;

beforeEach(() => {
  core = new FakeCore(50);
  client = new FakeClient();
});

function takeUp(restored: readonly string[], given: readonly string[] = []): NamespaceSession {
  const session = new NamespaceSession(ID, undefined, undefined, client, core.home);
  core.home.add(session, given, { asked: [], restored });
  return session;
}

test('it may have as many rooms as others', () => {
  const rooms = Array.from({ length: MAX_ROOMS }, (_, at) => `r${at}`);
  const session = takeUp(rooms.slice(1), ['r0']);
  expect([session.roomCount, session.rooms.length]).toEqual([MAX_ROOMS, MAX_ROOMS]);
  expect(() => session.join('one more')).toThrow(RangeError);
  session.leave('r7');
  session.join('another');
  expect(session.roomCount).toBe(MAX_ROOMS);
});

test('it cannot leave itself', () => {
  const session = takeUp(['a']);
  session.leave(ID);
  core.home.server.in(ID).leave(ID);
  core.home.server.to(ID).emit('said');
  session.broadcast.emit('said by itself');
  return Promise.resolve().then(() => {
    expect(client.received).toEqual(['said']);
    core.home.server.in(ID).disconnect();
    expect([session.connected, core.home.rooms.size]).toEqual([false, 0]);
  });
});

test('its own room is none that is counted', () => {
  core.enter('s', ['a']);
  const session = takeUp(['a', 'b']);
  expect(core.home.roomCount).toBe(2);
  core.home.remove(session, 'transport close');
  expect(core.home.roomCount).toBe(1);
});

test('what it held is given back', () => {
  const before = core.budget.heldBytes;
  const session = takeUp(Array.from({ length: MAX_ROOMS }, (_, at) => `r${at}`));
  expect(core.budget.heldBytes).toBeGreaterThan(before);
  session.leave('r3');
  core.home.remove(session, 'transport close');
  expect(core.budget.heldBytes).toBe(before);
});
