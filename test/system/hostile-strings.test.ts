/**
 * Strings made to collide in the tables of the runtime, by every way in, beside honest clients: the
 * real command. Without a look at them, one message of 400 KB stops a worker for seconds.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { bytesOf, memoryComesBack } from '../support/honest-clients.ts';
import { HonestWatch } from '../support/honest-watch.ts';
import {
  COLLIDING_FAMILIES,
  collidingNames,
  objectText,
  rapidhashNames,
} from '../support/hostile-names.ts';
import { openWebSocket, type RawWebSocket } from '../support/raw-websocket.ts';

setDefaultTimeout(180_000);

const MIB = 1 << 20;
const ATTACK_MS = 3_000;
/** Between two messages of an attacker: what one carries is the harm, not how many there are. */
const PAUSE_MS = 100;
const longName = COLLIDING_FAMILIES['24 characters'] as (i: number) => string;

let node: HoldfastProcess;
let honest: HonestWatch;
let pids: readonly number[];
let restBytes: number;

beforeAll(async () => {
  const app = join(import.meta.dir, 'hostile-strings-app.ts');
  // Garbage is not what is looked for.
  node = await HoldfastProcess.start({ app, workers: 1, config: { gc: 2 } });
  honest = await HonestWatch.start(node.url);
  pids = (await node.workerPids()).map(Number);
  restBytes = bytesOf(pids);
});

afterAll(async () => {
  await honest[Symbol.asyncDispose]();
  await node.stop();
});

/**
 * Attackers come again and again, each for itself, some of them at the same time.
 *
 * @returns how many of their messages were refused
 */
async function attackedBy(...attacks: readonly (() => Promise<void>)[]): Promise<number> {
  const before = await refusals();
  await honest.expectServedDuring(async () => {
    const until = performance.now() + ATTACK_MS;
    await Promise.all(
      attacks.map(async (attack) => {
        while (performance.now() < until) {
          await attack();
          await Bun.sleep(PAUSE_MS);
        }
      }),
    );
  });
  await memoryComesBack(pids, restBytes, 80 * MIB);
  return (await refusals()) - before;
}

async function refusals(): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const counts = text.matchAll(/^holdfast_refusals_total\{.*reason="stringsCollide"\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function joined(): Promise<RawWebSocket> {
  const { socket } = await openWebSocket(node.url, {});
  socket.send('40');
  await socket.next('the answer to CONNECT');
  return socket;
}

/** Each name is sent once only, so that none is known already. */
let used = 0;
function fresh(count: number): string[] {
  used += count;
  return rapidhashNames(count, used);
}

/** Longer than what is looked up of a message, so that each is the name of a room and no more. */
function freshRooms(count: number): string[] {
  used += count;
  return Array.from({ length: count }, (_, i) => longName(used + i));
}

const escaped = (names: readonly string[]): readonly string[] =>
  names.map((name) => name.replace(/[^\w.]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`));

test('large messages: CONNECT, events, acks, attachments', async () => {
  const names = fresh(19_000);
  const keys = objectText(names);
  const events = [
    `420["keep",${keys}]`,
    `420["keep",[${names.map((name) => objectText([name])).join()}]]`,
    `420["keep",${JSON.stringify(names)}]`,
    `420["keep",["${escaped(names.slice(0, 15_000)).join('","')}"]]`,
  ];
  const refused = await attackedBy(
    async () => {
      const { socket } = await openWebSocket(node.url, {});
      socket.send(`40${keys}`);
      expect(await socket.next('a refusal')).toStartWith('44{"message":"the message has texts');
      socket.close();
    },
    async () => {
      const socket = await joined();
      for (const event of events) {
        socket.send(event);
        expect(await socket.next('a refusal')).toStartWith('430[{"error":"the message has texts');
      }
      socket.send(`430${JSON.stringify(names)}`);
      socket.send(`451-1["keep",{"_placeholder":true,"num":0},${keys}]`, new Uint8Array(10));
      expect(await socket.next('a refusal')).toStartWith('431[{"error":"the message has texts');
      // It is still its session.
      socket.send('429["honest:ack",7]');
      expect(await socket.next('an ack')).toBe('439[7]');
      socket.close();
    },
  );
  expect(refused).toBeGreaterThan(20);
});

test('small messages of many that add up, kept by the app or not', async () => {
  const sockets: RawWebSocket[] = [];
  const refused = await attackedBy(async () => {
    const { socket } = await openWebSocket(node.url, {});
    sockets.push(socket);
    // A few are let pass, since they may be anybody's; these are kept by the app.
    socket.send(`40${objectText(fresh(8))}`);
    await socket.next('an answer');
    for (const size of [1, 3, 180]) socket.send(`42["keep",${objectText(fresh(size))}]`);
    for (let i = 0; i < 20; i++) socket.send(`42["keep",${JSON.stringify(fresh(12))}]`);
  });
  expect(refused).toBeGreaterThan(100);
  for (const socket of sockets) socket.close();
});

test('rooms that clients name', async () => {
  const sockets: RawWebSocket[] = [];
  let told = 0;
  await attackedBy(async () => {
    const socket = await joined();
    sockets.push(socket);
    const rooms = freshRooms(2_000);
    socket.send(`42["room:join",${JSON.stringify(rooms)}]`);
    for (const room of rooms.slice(0, 20)) socket.send(`42["room:tell","${room}",1]`);
    socket.send('420["honest:ack",1]');
    await socket.next('an ack');
    told++;
  });
  expect(told).toBeGreaterThan(10);
  for (const socket of sockets) socket.close();
});

test('names of headers and of the query', async () => {
  const names = collidingNames(1_500, 12);
  const refused = await attackedBy(async () => {
    for (let at = 0; at < names.length; at += 150) {
      const headers = Object.fromEntries(names.slice(at, at + 150).map((name) => [name, '1']));
      const query = names.slice(at, at + 150).map((name) => `${name}q=1`);
      const url = `${node.url}/socket.io/?EIO=4&transport=polling&${query.join('&')}`;
      const response = await fetch(url, { headers });
      await response.body?.cancel();
    }
  });
  expect(refused).toBeGreaterThan(10);
});

test('POST /send', async () => {
  await attackedBy(async () => {
    const body = `{"event":"news","args":[${objectText(fresh(19_000))}]}`;
    const response = await node.post('/send', body);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('made to collide');
    const since = performance.now();
    expect((await node.publish({ event: 'news', args: [{ a: 1 }] })).status).toBe(202);
    expect(performance.now() - since).toBeLessThan(1_000);
  });
});
