/** What finds sessions on other nodes does, told as tests, for who makes one. */

import { afterEach, describe, expect, test } from 'bun:test';
import {
  ROOM_ORIGIN,
  type SessionClaim,
  type SessionSnapshot,
  type SessionsElsewhere,
  type Snapshots,
  type Whom,
} from '../../src/server/core/contracts/snapshots.ts';
import { SessionIdFactory } from '../../src/server/protocol/session-id.ts';

/** Made of one node; its workers let go of a session as soon as they are told. */
export interface NodeOfSessions {
  readonly node: number;
  readonly elsewhere: SessionsElsewhere;
  /** What this node has itself. */
  readonly own: Snapshots;
  /** What happened to its own is where the others find it when it dies. */
  readonly written: () => Promise<void>;
}

export interface SessionsAtWork {
  readonly nodes: readonly [NodeOfSessions, NodeOfSessions, NodeOfSessions];
  /** A node does not answer any more; the others do not know why. */
  readonly die: (node: number) => void;
  /** A node stands still: it takes what it is asked and says nothing. */
  readonly still: (node: number) => void;
  /** What a node is asked it does at once, and says so late. */
  readonly tardy: (node: number) => void;
  /** Its workers let go of sessions late from now on: so many times of what one answer may take. */
  readonly slow: (node: number, times: number) => void;
  /** The others count it as gone. */
  readonly gone: (node: number) => void;
  /** One more node begins; the others have not looked for nodes since. */
  readonly join: () => NodeOfSessions;
  readonly close: () => void | Promise<void>;
}

export function sessionsElsewhereSuite(
  name: string,
  make: () => SessionsAtWork | Promise<SessionsAtWork>,
): void {
  describe(`sessions elsewhere: ${name}`, () => {
    let open: SessionsAtWork | undefined;

    async function begin(): Promise<SessionsAtWork> {
      open = await make();
      return open;
    }

    afterEach(async () => await open?.close());

    test('one that lives on another node is let go of there', async () => {
      const [one, two, three] = (await begin()).nodes;
      const session = sessionOf(one);
      one.own.opened(session, 0);
      expect([two.elsewhere.mayHave(session.id), one.elsewhere.mayHave(session.id)]).toEqual([
        true,
        false,
      ]);
      expect(await two.elsewhere.find(claimOf(session))).toEqual(session);
      expect(one.own.workerOf(session.id)).toBeUndefined();
      expect(await three.elsewhere.find(claimOf(session))).toBeUndefined();
    });

    test('one whose worker is slow is waited for', async () => {
      const { nodes, slow } = await begin();
      const [one, two] = nodes;
      const sessions = Array.from({ length: 20 }, () => sessionOf(one));
      for (const session of sessions) one.own.opened(session, 0);
      await one.written();
      slow(one.node, 1.5);
      const asked = sessions.map((session) => two.elsewhere.find(claimOf(session)));
      expect(await Promise.all(asked)).toEqual(sessions);
    });

    test('one that was let go of, and whose node says so late, is not lost', async () => {
      const { nodes, tardy } = await begin();
      const [one, two] = nodes;
      const sessions = Array.from({ length: 3 }, () => sessionOf(one));
      for (const session of sessions) one.own.opened(session, 0);
      await one.written();
      tardy(one.node);
      const asked = sessions.map((session) => two.elsewhere.find(claimOf(session)));
      expect(await Promise.all(asked)).toEqual(sessions);
    });

    test('what was taken of a node that is slow is not left there', async () => {
      const { nodes, slow, tardy } = await begin();
      const [one, two] = nodes;
      const session = sessionOf(one);
      one.own.opened(session, 0);
      await one.written();
      slow(one.node, 3);
      tardy(one.node);
      expect(await two.elsewhere.find(claimOf(session))).toEqual(session);
      await untilNone(async () => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return one.own.isOf(claimOf(session)) === undefined;
      });
    }, 10_000);

    test('one that has moved on is found where it is', async () => {
      const [one, two, three] = (await begin()).nodes;
      const session = sessionOf(one);
      two.own.opened(session, 0);
      await two.written();
      expect(await three.elsewhere.find(claimOf(session))).toEqual(session);
      expect(two.own.workerOf(session.id)).toBeUndefined();
      three.own.opened(session, 0);
      await three.written();
      // Back on the node that has made it.
      expect(await one.elsewhere.find(claimOf(session))).toEqual(session);
    });

    test('also when who has made it stands still', async () => {
      const { nodes, still } = await begin();
      const [one, two, three] = nodes;
      const sessions = Array.from({ length: 3 }, () => sessionOf(one));
      for (const session of sessions) two.own.opened(session, 0);
      await two.written();
      still(one.node);
      const asked = sessions.map((session) => three.elsewhere.find(claimOf(session)));
      expect(await Promise.all(asked)).toEqual(sessions);
    });

    test('one of a node that has died is given once, as it was last', async () => {
      const { nodes, die, gone } = await begin();
      const [one, two, three] = nodes;
      const session = sessionOf(one, new Uint8Array([0, 255, 10, 13, 128]));
      one.own.opened({ ...session, rooms: [], data: undefined }, 0);
      await one.written();
      one.own.joined(session.id, session.rooms);
      one.own.changed(session.id, session.data);
      await one.written();
      die(one.node);
      gone(one.node);
      const asked = [two, three, two, three].map((node) => node.elsewhere.find(claimOf(session)));
      const given = (await Promise.all(asked)).filter((found) => found !== undefined);
      expect(given).toEqual([session]);
    });

    test('also before the others have heard of its death', async () => {
      const { nodes, die } = await begin();
      const [one, two, three] = nodes;
      // More than are asked for at once.
      const sessions = Array.from({ length: 1_200 }, () => sessionOf(one));
      for (const session of sessions) one.own.opened(session, 0);
      await one.written();
      die(one.node);
      const asked = sessions.map((session) => two.elsewhere.find(claimOf(session)));
      expect(await Promise.all(asked)).toEqual(sessions);
      const again = sessions.map((session) => three.elsewhere.find(claimOf(session)));
      expect((await Promise.all(again)).filter(Boolean)).toEqual([]);
    });

    test('one of a node that has come and gone since the others looked is found', async () => {
      const { nodes, join, die, gone } = await begin();
      const [one, two] = nodes;
      const late = join();
      const session = sessionOf(one);
      late.own.opened(session, 0);
      await late.written();
      die(late.node);
      gone(late.node);
      expect(await two.elsewhere.find(claimOf(session))).toEqual(session);
    });

    test('one that was over before its node died is not given', async () => {
      const { nodes, die, gone } = await begin();
      const [one, two] = nodes;
      const [over, brief, cut] = [sessionOf(one), sessionOf(one), sessionOf(one)];
      one.own.opened(over, 0);
      one.own.opened(cut, 0);
      await one.written();
      one.own.opened(brief, 0);
      one.own.over(brief.id);
      one.own.over(over.id);
      one.own.cut(cut.id);
      await one.written();
      die(one.node);
      gone(one.node);
      expect(await two.elsewhere.find(claimOf(over))).toBeUndefined();
      expect(await two.elsewhere.find(claimOf(brief))).toBeUndefined();
      expect(await two.elsewhere.find(claimOf(cut))).toEqual(cut);
    });

    test('who is somebody else gets nothing, and takes nothing away', async () => {
      const { nodes, die, gone } = await begin();
      const [one, two] = nodes;
      const sessions = [
        { ...sessionOf(one), user: 'ada"]' },
        { ...sessionOf(one), user: undefined, rooms: [] },
      ] as const;
      for (const session of sessions) one.own.opened(session, 0);
      await one.written();
      const strangers = sessions.flatMap((session) => [
        { ...claimOf(session), user: 'eve' },
        { ...claimOf(session), user: '' },
        { ...claimOf(session), namespace: '/b' },
      ]);
      for (const claim of strangers) expect(await two.elsewhere.find(claim)).toBeUndefined();
      die(one.node);
      gone(one.node);
      for (const claim of strangers) expect(await two.elsewhere.find(claim)).toBeUndefined();
      for (const session of sessions) {
        expect(await two.elsewhere.find(claimOf(session))).toEqual(session);
      }
    });

    test('one that nobody knows is none', async () => {
      const [one, two] = (await begin()).nodes;
      expect(await two.elsewhere.find(claimOf(sessionOf(one)))).toBeUndefined();
      expect(await two.elsewhere.find({ ...claimOf(sessionOf(one)), id: 'x' })).toBeUndefined();
    });

    test('those that wait are ended on all nodes, also of one that is gone', async () => {
      const { nodes, die, gone } = await begin();
      const [one, two, three] = nodes;
      const whoms: ((session: SessionSnapshot) => Whom)[] = [
        ({ id }) => ({ session: id }),
        ({ user }) => ({ user }),
        ({ rooms }) => ({ room: rooms[2]?.name }),
      ];
      const ended: SessionSnapshot[] = [];
      const left: SessionSnapshot[] = [];
      for (const holder of [one, two, three]) {
        for (const at of whoms.keys()) {
          const own = { name: `of "${holder.node}" ${at}`, origin: ROOM_ORIGIN.app, after: 3 };
          const base = sessionOf(holder);
          const session = { ...base, user: `u\\${at}${holder.node}`, rooms: [...base.rooms, own] };
          const other = { ...sessionOf(holder), user: 'other' };
          ended.push(session);
          left.push(other);
          for (const each of [session, other]) {
            holder.own.opened(each, 0);
            holder.own.cut(each.id);
          }
        }
        await holder.written();
      }
      die(one.node);
      gone(one.node);
      for (const [at, session] of ended.entries()) {
        await two.elsewhere.end('/b', whoms[at % 3]?.(session) as Whom);
        await two.elsewhere.end('/', whoms[at % 3]?.(session) as Whom);
      }
      await untilNone(async () => {
        const found = await Promise.all(ended.map(({ id }) => has(nodes, id)));
        return !found.includes(true);
      });
      for (const session of ended.filter((_, at) => at < 3)) {
        expect(await two.elsewhere.find(claimOf(session))).toBeUndefined();
      }
      for (const session of left.filter((_, at) => at < 3 || at >= 6)) {
        expect(await two.elsewhere.find(claimOf(session))).toEqual(session);
      }
    });
  });

  async function has(nodes: readonly NodeOfSessions[], id: string): Promise<boolean> {
    const claim = { id, namespace: '/', user: 'nobody' };
    return nodes.slice(1).some((node) => node.own.isOf(claim) !== undefined);
  }
}

async function untilNone(isNone: () => Promise<boolean>): Promise<void> {
  while (!(await isNone())) await new Promise<void>((resolve) => setImmediate(resolve));
}

function sessionOf({ node }: NodeOfSessions, data?: Uint8Array): SessionSnapshot {
  const id = new SessionIdFactory(node, 0).create(0);
  const rooms = [
    { name: '', origin: ROOM_ORIGIN.admission, after: 7 },
    { name: 'match:"42"\n日本', origin: ROOM_ORIGIN.client, after: undefined },
  ];
  return { id, namespace: '/', user: 'ada', rooms, data };
}

function claimOf({ id, namespace, user }: SessionSnapshot): SessionClaim {
  return { id, namespace, user };
}
