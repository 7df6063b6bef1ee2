/** Clients that are cut off and come back, on the real command, by all transports. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { RoomsConfig } from '../../src/host/config/rooms.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { ALL, type Asked, type Comer, closeAll, come, type Kind } from './comeback-client.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'comeback-app.ts');
const kept = (messages: number, more: object = {}): RoomsConfig[string] => ({
  join: 'anyone',
  publish: 'nobody',
  presence: false,
  recovery: true,
  history: { messages, seconds: 60 },
  ...more,
});
const ROOMS: RoomsConfig = {
  'kept:*': kept(1000),
  'few:*': kept(5),
  'short:*': kept(100, { history: { messages: 100, seconds: 1 } }),
  'read:*': kept(1000, { recovery: false }),
  'latest:*': kept(100, { history: { messages: 100, seconds: 60, latestBy: 'id' } }),
  'secret:*': kept(100, { join: 'nobody' }),
};
const CONFIG = { rooms: ROOMS, recoveryWindowMs: 60_000 };

describe.each([1, 3])('over %d workers', (workers) => {
  let node: HoldfastProcess;
  const comers: Comer[] = [];
  let rooms = 0;

  beforeAll(async () => {
    node = await HoldfastProcess.start({ app: APP, config: CONFIG, workers });
  });
  afterAll(async () => {
    closeAll(comers);
    await node.stop();
  });

  const newRoom = (prefix = 'kept'): string => `${prefix}:${workers}-${(rooms += 1)}`;
  const opened = async (kind: Kind, asked: Asked = {}): Promise<Comer> => {
    const comer = await come(node.url, kind, asked);
    comers.push(comer);
    return comer;
  };
  const back = async (comer: Comer, asked?: Asked): Promise<Comer> => {
    const next = await comer.again(asked);
    comers.push(next);
    return next;
  };
  const say = async (room: string, ...args: readonly unknown[]): Promise<void> => {
    const answer = await node.publish({ event: 'said', args, room });
    if (!answer.ok) throw new Error(`POST /send answered ${answer.status}`);
  };

  describe.each(ALL)('%s', (kind) => {
    test('all that was missed', async () => {
      const [room, joined, given] = [newRoom(), newRoom(), newRoom()];
      const auth = { user: 'ada', rooms: [given], data: { first: 1 } };
      const comer = await opened(kind, { rooms: [room], auth });
      await comer.hello();
      await comer.ask('enter', joined);
      await comer.ask('put', 'second', 2);
      await say(room, 'before');
      await comer.heard('before');
      comer.cut();
      for (const [i, to] of [room, joined, given, room].entries()) await say(to, i);
      const again = await back(comer);
      await say(room, 'after');
      await again.heard('after');
      expect(again.connect?.recovered).toBe(true);
      expect(again.connect?.id).toBe(comer.connect?.id as string);
      expect(again.of('said')).toEqual([0, 1, 2, 3, 'after']);
      // A poll goes on where nobody has noticed the cut.
      if (kind === 'polling') return;
      expect(await again.hello()).toEqual({
        recovered: true,
        unrecovered: false,
        id: comer.connect?.id as string,
        rooms: [room, joined, given].sort(),
        data: { first: 1, second: 2 },
      });
      expect(again.events.map(([name]) => name).indexOf('hello')).toBe(4);
    });

    test('cut in a burst, again and again', async () => {
      const room = newRoom();
      const teller = await opened('websocket');
      let comer = await opened(kind, { rooms: [room] });
      await teller.ask('count', room, 0, 1);
      await comer.heard(0, 'n');
      const chain = [comer];
      const got = (): readonly unknown[] => chain.flatMap((one) => one.of('n'));
      const told = teller.ask('count', room, 1, 500);
      for (let cut = 0; cut < 6; cut += 1) {
        comer.cut();
        comer = await back(comer);
        expect(comer.connect?.recovered).toBe(true);
        chain.push(comer);
        const now = comer;
        // Every other time it is cut again at once.
        if (cut % 2 === 1) continue;
        await now.until('one', () => now.of('n').length > 0 || got().length > 500);
      }
      await told;
      await teller.ask('count', room, 501, 1);
      await comer.heard(501, 'n');
      expect(got()).toEqual(Array.from({ length: 502 }, (_, i) => i));
    });
  });
});
