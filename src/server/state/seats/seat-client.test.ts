import { expect, test } from 'bun:test';
import { LIMITS } from '../../core/limits/limits.ts';
import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { SeatClient } from './seat-client.ts';
import {
  readReleases,
  readTakes,
  type SeatAsk,
  SeatsSay,
  writeAnswer,
  writeEnd,
} from './seat-frames.ts';

function written(write: (frame: FrameWriter) => void): FrameReader {
  const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(15);
  write(writer);
  writer.finish();
  return new FrameReader(15, Buffer.from(writer.take().subarray(FRAME_HEADER_BYTES)));
}

const seated = (id: string) => ({ namespace: '/', user: 'ada', id });
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

function begin() {
  const frames: FrameReader[] = [];
  const ended: string[] = [];
  const state = { isReachable: true };
  const client = new SeatClient({
    most: 2,
    isReachable: () => state.isReachable,
    say: (write) => frames.push(written(write)),
    end: (_namespace, id) => ended.push(id),
  });
  const takes = (): SeatAsk[] => {
    const frame = frames.shift() as FrameReader;
    expect(frame.u8()).toBe(SeatsSay.take);
    return readTakes(frame);
  };
  return { client, frames, ended, state, takes };
}

const NO = (): boolean => false;

test('what is asked and given back in a turn is a frame each, what is free first', async () => {
  const { client, frames, takes } = begin();
  const answers = [client.take(seated('a'), NO), client.take(seated('b'), NO)];
  client.release(seated('old'));
  expect(frames).toHaveLength(0);
  await nextTurn();
  expect(frames).toHaveLength(2);
  const released = frames.shift() as FrameReader;
  expect(released.u8()).toBe(SeatsSay.release);
  expect(readReleases(released)).toEqual([seated('old')]);
  const asks = takes();
  expect(asks.map(({ session }) => session)).toEqual([seated('a'), seated('b')]);
  for (const [at, { id }] of asks.entries()) {
    client.onSaid(written((frame) => writeAnswer(frame, id, at === 0)));
  }
  expect(await Promise.all(answers)).toEqual([true, false]);
});

test('who loses the seat that was just granted comes in before it ends', async () => {
  const { client, ended, takes } = begin();
  const order: string[] = [];
  const answer = client.take(seated('a'), NO).then(() => order.push(`in, ${ended.length}`));
  await nextTurn();
  const [ask] = takes();
  client.onSaid(written((frame) => writeAnswer(frame, ask?.id ?? 0, true)));
  client.onSaid(written((frame) => writeEnd(frame, '/', 'a')));
  await answer;
  await nextTurn();
  expect([order, ended]).toEqual([['in, 0'], ['a']]);
});

test('without the controller nobody is asked', async () => {
  const { client, frames, state } = begin();
  state.isReachable = false;
  expect(await client.take(seated('a'), NO)).toBeUndefined();
  client.release(seated('a'));
  await nextTurn();
  expect(frames).toEqual([]);
});

test('a late answer changes nothing, and a seat that nobody has is given back', async () => {
  const { client, frames, takes } = begin();
  const answers = [client.take(seated('in'), () => true), client.take(seated('out'), NO)];
  await nextTurn();
  const asks = takes();
  expect(await Promise.all(answers)).toEqual([undefined, undefined]);
  for (const { id } of asks) {
    client.onSaid(written((frame) => writeAnswer(frame, id, true)));
    client.onSaid(written((frame) => writeAnswer(frame, id, true)));
  }
  await nextTurn();
  const [released] = frames as [FrameReader];
  released.u8();
  expect(readReleases(released)).toEqual([seated('out')]);
  expect(frames).toHaveLength(1);
});

test('a storm goes in frames of a bounded size', async () => {
  const { client, frames } = begin();
  const count = LIMITS.seatsAtOnce * 2 + 1;
  for (let at = 0; at < count; at++) void client.take(seated(`s${at}`), NO);
  await nextTurn();
  expect(frames).toHaveLength(3);
});

test('who loses the seat on the way in ends once it is in', async () => {
  const { client, ended } = begin();
  const isIn = client.comes(seated('a'));
  client.onSaid(written((frame) => writeEnd(frame, '/', 'a')));
  await nextTurn();
  expect(ended).toEqual([]);
  isIn();
  expect(ended).toEqual(['a']);
  client.comes(seated('b'))();
  client.onSaid(written((frame) => writeEnd(frame, '/', 'b')));
  await nextTurn();
  expect(ended).toEqual(['a', 'b']);
});
