/** Clients that come back to workers that died or were replaced, and sessions that two want. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { RoomsConfig } from '../../src/host/config/rooms.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import {
  ALL,
  type Asked,
  type Comer,
  type Connect,
  closeAll,
  come,
  type Kind,
} from './comeback-client.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'comeback-app.ts');
const ROOMS: RoomsConfig = {
  'kept:*': {
    join: 'anyone',
    publish: 'nobody',
    presence: false,
    recovery: true,
    history: { messages: 1000, seconds: 60 },
  },
};

let node: HoldfastProcess;
const comers: Comer[] = [];
let rooms = 0;

beforeAll(async () => {
  const config = { rooms: ROOMS, recoveryWindowMs: 60_000 };
  node = await HoldfastProcess.start({ app: APP, config, workers: 3 });
});
afterAll(async () => {
  closeAll(comers);
  await node.stop();
});

const newRoom = (): string => `kept:${(rooms += 1)}`;

async function opened(kind: Kind, asked?: Asked): Promise<Comer> {
  const comer = await come(node.url, kind, asked);
  comers.push(comer);
  return comer;
}

/** Comes back as soon as somebody is there. */
async function back(comer: Comer): Promise<Comer> {
  const next = await eventually(
    'it is let in again',
    () => comer.again().catch((error: unknown) => String(error)),
    (answer) => typeof answer !== 'string',
  );
  comers.push(next as Comer);
  return next as Comer;
}

async function say(room: string, ...args: readonly unknown[]): Promise<void> {
  const answer = await node.publish({ event: 'said', args, room });
  if (!answer.ok) throw new Error(`POST /send answered ${answer.status}`);
}

describe.each(['SIGKILL', 'SIGTERM'] as const)('all workers end by %s', (signal) => {
  test('and nobody misses anything', async () => {
    const [room, joined] = [newRoom(), newRoom()];
    const all = await Promise.all(
      ALL.map((kind) => opened(kind, { rooms: [room], auth: { user: kind, data: { kind } } })),
    );
    for (const comer of all) await comer.ask('enter', joined);
    await say(room, 'before');
    for (const comer of all) await comer.heard('before');
    const pids = await node.workerPids();
    for (const pid of pids) process.kill(pid as number, signal);
    const told = Array.from({ length: 20 }, (_, i) => i);
    for (const i of told) await say(i % 2 === 0 ? room : joined, i);
    await eventually(
      'all workers are others',
      () => node.workerPids(),
      (now) => now.every((pid, i) => pid !== undefined && pid !== pids[i]),
    );
    for (const comer of all) {
      await comer.until('the cut', () => comer.over !== undefined);
    }
    const again = await Promise.all(all.map(back));
    await say(room, 'after');
    for (const [i, comer] of again.entries()) {
      await comer.heard('after');
      const before = (all[i] as Comer).of('said').slice(1);
      expect([ALL[i], ...before, ...comer.of('said')]).toEqual([ALL[i], ...told, 'after']);
      const { id } = (all[i] as Comer).connect as { id: string };
      expect(await comer.hello()).toEqual({
        recovered: true,
        unrecovered: false,
        id,
        rooms: [room, joined].sort(),
        data: { kind: ALL[i] },
      });
      expect(comer.connect).toMatchObject({ id, recovered: true });
    }
  });
});

describe.each(ALL.filter((kind) => kind !== 'polling'))('%s', (kind) => {
  /** A client that has heard the event 0, and what another one presents as it. */
  async function begun(): Promise<{ room: string; comer: Comer; asked: Asked; id: string }> {
    const room = newRoom();
    const auth = { user: 'ada' };
    const comer = await opened(kind, { rooms: [room], auth });
    await comer.hello();
    await say(room, 0);
    await comer.heard(0);
    const { recovery, id } = comer.connect as Connect;
    const asked = { rooms: [room], auth, recovery, since: comer.position };
    return { room, comer, id, asked };
  }
  const isOver = ({ over }: Comer): boolean => over !== undefined;

  test('back before the cut is noticed', async () => {
    const { room, comer, id, asked } = await begun();
    const next = await opened(kind, asked);
    await comer.until('the old one is ended', () => isOver(comer));
    await say(room, 1);
    await next.heard(1);
    expect(await next.hello()).toMatchObject({ id, recovered: true });
    expect([comer.of('said'), next.of('said')]).toEqual([[0], [1]]);
  });

  test('several with one recovery at once', async () => {
    const { room, comer, id, asked } = await begun();
    comer.cut();
    await say(room, 1);
    const all = await Promise.all(Array.from({ length: 5 }, () => opened(kind, asked)));
    await say(room, 2);
    // Who comes a little later takes it from who had it.
    const owners = all.filter(({ connect }) => connect?.id === id);
    const isDone = (one: Comer): boolean => one.of('said').includes(2) || isOver(one);
    for (const one of all) await one.until('it hears or is ended', () => isDone(one));
    const alive = owners.filter((one) => !isOver(one));
    expect(alive).toHaveLength(1);
    for (const one of all.filter((each) => !isOver(each))) {
      const isOwner = one === alive[0];
      expect(await one.hello()).toMatchObject({ recovered: isOwner, unrecovered: !isOwner });
      expect(one.of('said')).toEqual(isOwner ? [1, 2] : [2]);
    }
  });

  test('again with the same, and after its end', async () => {
    const { comer, id, asked } = await begun();
    comer.cut();
    const first = await opened(kind, asked);
    expect(await first.hello()).toMatchObject({ id, recovered: true });
    const second = await opened(kind, asked);
    expect(await second.hello()).toMatchObject({ id, recovered: true });
    await first.until('the first is ended', () => isOver(first));
    void second.ask('dismiss').catch(() => undefined);
    await second.until('it is over', () => isOver(second));
    const third = await opened(kind, asked);
    expect(await third.hello()).toMatchObject({ recovered: false, unrecovered: true });
    expect((await third.hello()).id).not.toBe(id);
  });
});
