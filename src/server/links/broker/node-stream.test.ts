/** A stream of two nodes, in a process, that can break off and lose what it had. */

import { afterEach, describe, expect, test } from 'bun:test';
import type { Log } from '../../core/log/log.ts';
import { NodeStream, type RawEntry, type StreamAccess } from './node-stream.ts';
import { offsetOf, STREAM_FIELD, STREAM_TYPE, type StreamSaid } from './stream-entry.ts';
import type { EntryFields } from './stream-writer.ts';

const LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };
const FIRST_MS = 1_800_000_000_000;

/** A stream as Redis has it. */
class FakeStream implements StreamAccess {
  entries: RawEntry[] = [];
  isBroken = false;
  /** Takes entries, and breaks before it says so. */
  isMute = false;
  added = 0;

  async write(entries: readonly EntryFields[]): Promise<readonly unknown[]> {
    if (this.isBroken) throw new Error('broken');
    const ids = entries.map((fields) => this.add(fields));
    if (this.isMute) throw new Error('broken');
    return ids;
  }

  add(fields: EntryFields): string {
    const id = `${FIRST_MS + this.added++}-0`;
    const map = new Map<string, Buffer>();
    for (let at = 0; at < fields.length; at += 2) {
      map.set(String(fields[at]), Buffer.from(fields[at + 1] as Uint8Array));
    }
    this.entries.push({ id, fields: map });
    return id;
  }

  async read(after: string, count: number): Promise<readonly RawEntry[]> {
    await Bun.sleep(1);
    if (this.isBroken) throw new Error('broken');
    return this.entries.filter(({ id }) => isBehind(id, after)).slice(0, count);
  }

  async range(from: string, count: number): Promise<readonly RawEntry[]> {
    if (this.isBroken) throw new Error('broken');
    const [behind, at] = from.startsWith('(') ? [from.slice(1), ''] : [from, from];
    return this.entries.filter(({ id }) => id === at || isBehind(id, behind)).slice(0, count);
  }

  async isCut(): Promise<boolean | undefined> {
    if (this.added === 0) return undefined;
    return this.entries.length < this.added;
  }
}

function isBehind(id: string, other: string): boolean {
  return Number.parseInt(id, 10) > Number.parseInt(other, 10);
}

class Reader {
  readonly said: (readonly [text: string, isOwn: boolean, isPast: boolean])[] = [];
  readonly foreign: string[] = [];
  readonly missed: (readonly [upTo: number, lost: number])[] = [];
  readonly stream: NodeStream;
  isHeld = false;

  constructor(access: StreamAccess, node: number, queueBytes = 100_000) {
    this.stream = new NodeStream({
      node,
      boot: 1,
      access,
      queueBytes,
      readCount: 7,
      pastMs: 60_000,
      isHeld: () => this.isHeld,
      log: LOG,
      events: {
        onSaid: ({ body }: StreamSaid, { isOwn, isPast }) =>
          void this.said.push([Buffer.from(body).toString(), isOwn, isPast]),
        onForeign: ({ fields }) => void this.foreign.push(String(fields.get('nsp'))),
        onRepeated: () => {},
        onMissed: (upTo, lost) => void this.missed.push([upTo, lost]),
      },
    });
  }

  get texts(): readonly string[] {
    return this.said.map(([text]) => text);
  }

  say(text: string): boolean {
    return this.stream.say(STREAM_TYPE.event, [], Buffer.from(text)) !== undefined;
  }
}

const readers: Reader[] = [];

afterEach(() => {
  for (const { stream } of readers.splice(0)) stream.close();
});

async function open(access: StreamAccess, node: number, queueBytes?: number): Promise<Reader> {
  const reader = new Reader(access, node, queueBytes);
  readers.push(reader);
  await reader.stream.load(FIRST_MS, true);
  reader.stream.start();
  return reader;
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 5_000; !isSo(); ) {
    if (performance.now() > endMs) throw new Error(`not in time: ${what}`);
    await Bun.sleep(2);
  }
}

describe('a stream', () => {
  test('brings what each says to all, once and in one order', async () => {
    const access = new FakeStream();
    const [a, b] = [await open(access, 1), await open(access, 2)];
    for (let i = 0; i < 50; i++) (i % 2 ? a : b).say(`${i}`);
    await until('all is read', () => a.said.length === 50 && b.said.length === 50);
    expect(a.texts).toEqual(b.texts);
    expect(a.said.filter(([, isOwn]) => isOwn)).toHaveLength(25);
  });

  test('is read from the beginning by one that comes late', async () => {
    const access = new FakeStream();
    const a = await open(access, 1);
    for (let i = 0; i < 20; i++) a.say(`${i}`);
    await until('it is written', () => access.entries.length === 20);
    const late = await open(access, 2);
    expect(late.said).toHaveLength(20);
    expect(late.said.every(([, isOwn, isPast]) => isPast && !isOwn)).toBe(true);
    expect(late.missed).toEqual([]);
  });

  test('says what is not known of one that was cut', async () => {
    const access = new FakeStream();
    const a = await open(access, 1);
    for (let i = 0; i < 20; i++) a.say(`${i}`);
    await until('it is written', () => access.entries.length === 20);
    access.entries.splice(0, 10);
    const late = await open(access, 2);
    expect(late.said).toHaveLength(10);
    const first = access.entries[0]?.id as string;
    expect(late.missed.at(-1)).toEqual([offsetOf(first) - 1, 0]);
  });

  test('has all once after a break of which it is not known what came through', async () => {
    const access = new FakeStream();
    const [a, b] = [await open(access, 1), await open(access, 2)];
    a.say('0');
    await until('it is read', () => b.said.length === 1);
    access.isMute = true;
    for (let i = 1; i <= 10; i++) a.say(`${i}`);
    await until('it is written', () => access.entries.length >= 11);
    access.isBroken = true;
    access.isMute = false;
    a.stream.lost();
    for (let i = 11; i <= 20; i++) a.say(`${i}`);
    await Bun.sleep(20);
    access.isBroken = false;
    await a.stream.connected();
    await until('all is read', () => b.said.length >= 21);
    expect(b.texts).toEqual(Array.from({ length: 21 }, (_, i) => `${i}`));
    expect(access.entries.length).toBeGreaterThan(21);
  });

  test('has again what Redis had and lost', async () => {
    const access = new FakeStream();
    const [a, b] = [await open(access, 1), await open(access, 2)];
    b.isHeld = true;
    await Bun.sleep(30);
    for (let i = 0; i < 10; i++) a.say(`${i}`);
    await until('it is written', () => access.entries.length === 10);
    a.stream.lost();
    access.entries = [];
    b.isHeld = false;
    await a.stream.connected();
    a.say('10');
    await until('all is read', () => b.said.length === 11);
    expect(b.texts).toEqual(Array.from({ length: 11 }, (_, i) => `${i}`));
    expect(a.texts).toEqual(b.texts);
  });

  test('counts what was gone before it was read', async () => {
    const access = new FakeStream();
    const [a, b] = [await open(access, 1), await open(access, 2)];
    a.say('0');
    await until('it is read', () => b.said.length === 1);
    b.isHeld = true;
    await Bun.sleep(30);
    for (let i = 1; i <= 10; i++) a.say(`${i}`);
    await until('it is written', () => access.entries.length === 11);
    access.entries.splice(0, 6);
    b.isHeld = false;
    await until('the rest is read', () => b.texts.at(-1) === '10');
    expect(b.texts).toEqual(['0', '6', '7', '8', '9', '10']);
    expect(b.stream.figures.lost).toBe(5);
    expect(b.missed.at(-1)?.[1]).toBe(5);
  });

  test('refuses what does not fit while nothing is written', async () => {
    const access = new FakeStream();
    const a = await open(access, 1, 1_000);
    access.isBroken = true;
    a.stream.lost();
    const taken = Array.from({ length: 100 }, (_, i) => a.say(`${i}`)).filter(Boolean).length;
    expect(taken).toBeGreaterThan(1);
    expect(taken).toBeLessThan(20);
    expect(a.stream.figures.refused).toBe(100 - taken);
    access.isBroken = false;
    await a.stream.connected();
    await until('what was taken is read', () => a.said.length === taken);
  });

  test('goes on behind entries that cannot be read, and hands on those of others', async () => {
    const access = new FakeStream();
    const a = await open(access, 1);
    access.add([STREAM_FIELD, Buffer.from('rubbish')]);
    access.add([STREAM_FIELD, Buffer.alloc(3, 1)]);
    access.add(['nsp', Buffer.from('/chat'), 'uid', Buffer.from('x')]);
    a.say('after');
    await until('it is read', () => a.said.length === 1);
    expect(a.foreign).toEqual(['/chat']);
    expect(a.stream.figures.malformed).toBe(2);
  });
});
