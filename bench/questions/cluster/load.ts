/**
 * The load client, a process of its own: sessions of all users, and one more a node by which things
 * are said there. Orders come as lines of JSON, and each is answered by one.
 *
 * So many messages are under way and no more: for each that is heard another is said, on a node
 * taken at random, to a user taken at random. So no server is given more than it delivers.
 */

import { createInterface } from 'node:readline';
import { frameOf, LoadSocket } from './load-socket.ts';
import type { Fill, Order, Said, Say } from './wire.ts';

const OPEN_AT_ONCE = 50;
/** What was not heard for so long is lost. */
const LOST_MS = 3_000;

let users = 0;
let nodes = 0;
let speakers: readonly LoadSocket[] = [];
let delivered = 0;
let refill: () => void = () => {};

async function fill({ ports, users: count }: Fill): Promise<number> {
  users = count;
  nodes = ports.length;
  const port = (node: number): number => ports[node % nodes] as number;
  const heard = (events: number): void => {
    delivered += events;
    refill();
  };
  for (let from = 0; from < count; from += OPEN_AT_ONCE) {
    const numbers = Array.from(
      { length: Math.min(OPEN_AT_ONCE, count - from) },
      (_, i) => from + i,
    );
    await Promise.all(numbers.map((n) => LoadSocket.open(port(n), `user-${n}`, heard)));
  }
  speakers = await Promise.all(ports.map((at, n) => LoadSocket.open(at, `speaker-${n}`, () => {})));
  return count;
}

async function say(order: Say): Promise<Said> {
  const { window, batch, milliseconds } = order;
  const all = Array.from({ length: nodes }, (_, node) => node);
  const [from, to] = [order.from ?? all, order.to ?? all];
  let said = 0;
  delivered = 0;
  let isDue = false;
  let isOver = false;
  const some = (): void => {
    isDue = false;
    if (isOver) return;
    const frames = new Map<number, Buffer[]>();
    for (; said - delivered + batch <= window; said += batch) {
      const node = one(from);
      const numbers = Array.from({ length: batch }, () => userOf(one(to)));
      const frame = frameOf(`42["say",${JSON.stringify(numbers)}]`);
      const list = frames.get(node);
      if (list === undefined) frames.set(node, [frame]);
      else list.push(frame);
    }
    for (const [node, list] of frames) speakers[node]?.write(Buffer.concat(list));
  };
  refill = () => {
    if (isDue) return;
    isDue = true;
    setImmediate(some);
  };
  const startedAt = performance.now();
  some();
  await Bun.sleep(milliseconds);
  const [heard, seconds] = [delivered, (performance.now() - startedAt) / 1_000];
  isOver = true;
  await settled(() => said - delivered);
  return { said, delivered, lost: said - delivered, perSecond: Math.round(heard / seconds) };
}

/** Waits until nothing is under way, or nothing has come for a while. */
async function settled(left: () => number): Promise<void> {
  let last = left();
  let sinceMs = performance.now();
  while (left() > 0 && performance.now() - sinceMs < LOST_MS) {
    await Bun.sleep(20);
    if (left() === last) continue;
    last = left();
    sinceMs = performance.now();
  }
}

/** A user of a node: users are dealt out to nodes in turn. */
function userOf(node: number): number {
  return node + nodes * Math.floor(Math.random() * Math.floor((users - node + nodes - 1) / nodes));
}

function one(list: readonly number[]): number {
  return list[Math.floor(Math.random() * list.length)] as number;
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order;
  console.log(JSON.stringify(order.kind === 'fill' ? await fill(order) : await say(order)));
}
process.exit(0);
