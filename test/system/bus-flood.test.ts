/** Who floods what workers share, on the real command, beside honest clients and `POST /send`. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { Attackers, type AttackSocket } from '../support/attackers.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { HonestWatch } from '../support/honest-watch.ts';
import { ask, Clients } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(120_000);

const WORKERS = 3;
const ATTACK_MS = 4_000;
const UNSENT_MAX_BYTES = 65_536;

const clients = new Clients();
let node: HoldfastProcess;
let watch: HonestWatch;

beforeAll(async () => {
  const app = join(import.meta.dir, 'bus-flood-app.ts');
  node = await HoldfastProcess.start({ app, workers: WORKERS });
  watch = await HonestWatch.start(node.url);
});

afterAll(async () => {
  clients.close();
  await watch[Symbol.asyncDispose]();
  await node.stop();
});

/** Has the app flood the bus for as long as the attack lasts. */
async function flood(socket: AttackSocket, event: string): Promise<void> {
  const untilMs = performance.now() + ATTACK_MS;
  while (performance.now() < untilMs && !socket.isClosed) {
    if (socket.unsentBytes < UNSENT_MAX_BYTES) socket.send(...Array<string>(50).fill(event));
    await Bun.sleep(20);
  }
}

/** What listeners hear, by who said it. */
class Heard {
  readonly of: Map<string, number[]>[] = [];

  listen(socket: Socket): void {
    const bySpeaker = new Map<string, number[]>();
    this.of.push(bySpeaker);
    socket.on('said', (speaker: string, number: number) => {
      bySpeaker.set(speaker, [...(bySpeaker.get(speaker) ?? []), number]);
    });
  }

  /** Every listener has heard all of it once and in order. */
  async all(speaker: string, numbers: readonly number[]): Promise<void> {
    for (const bySpeaker of this.of) {
      const isAll = (count: number): boolean => count >= numbers.length;
      const count = (): number => bySpeaker.get(speaker)?.length ?? 0;
      await eventually(`all of ${speaker} is heard`, count, isAll);
      expect(bySpeaker.get(speaker)).toEqual([...numbers]);
    }
  }
}

test('floods of some sessions make nothing vanish that was accepted from others', async () => {
  const heard = new Heard();
  const listeners = await clients.connectMany(node.url, 9, () => ({ transports: ['websocket'] }));
  for (const listener of listeners) {
    heard.listen(listener);
    listener.emit('hear');
  }
  const speaker = listeners[0] as Socket;
  const sent: number[] = [];
  const said: number[] = [];
  const speak = async (attack: Promise<unknown>): Promise<void> => {
    let isOver = false;
    void attack.then(() => {
      isOver = true;
    });
    for (let number = 0; !isOver; number++) {
      const message = { event: 'said', args: ['outside', number], room: 'numbered' };
      const { status } = await node.post('/send', JSON.stringify(message));
      if (status === 202) sent.push(number);
      else expect(status).toBe(503);
      await ask(speaker, 'say', number);
      said.push(number);
      await Bun.sleep(10);
    }
  };
  await watch.expectServedDuring(async () => {
    await using attackers = new Attackers(node.publicPort);
    const drains = await Promise.all(Array.from({ length: 6 }, () => attackers.openWebSocket()));
    for (const drain of drains) drain.send('42["drain"]');
    const flooders = await Promise.all(Array.from({ length: 4 }, () => attackers.openWebSocket()));
    const floods = flooders.map((flooder, index) =>
      flood(flooder, index < 3 ? '42["flood"]' : '42["floodLater"]'),
    );
    await speak(Promise.all(floods));
    expect(flooders.map(({ isClosed }) => isClosed)).toEqual(flooders.map(() => false));
  });
  console.log(`${sent.length} accepted of ${said.length} that were sent from outside`);
  await heard.all('outside', sent);
  await heard.all(speaker.id ?? '', said);
  expect(sent.length).toBeGreaterThan(said.length * 0.9);
  expect(said.length).toBeGreaterThan(50);
});
