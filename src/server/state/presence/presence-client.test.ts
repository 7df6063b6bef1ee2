import { afterAll, afterEach, beforeAll, expect, jest, test } from 'bun:test';
import type { PresenceSource, RoomReport } from '../../core/contracts/presence.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { PresenceClient } from './presence-client.ts';
import { PresenceSays, readAsk, readReports, writeAnswer } from './presence-frames.ts';

// Other files run in the same process, in any order.
beforeAll(() => void jest.useFakeTimers());
afterAll(() => void jest.useRealTimers());

afterEach(() => jest.clearAllTimers());

/** The frame that is written, as its reader has it. */
function written(write: (frame: FrameWriter) => void): FrameReader {
  const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(15);
  write(writer);
  writer.finish();
  return new FrameReader(15, Buffer.from(writer.take().subarray(FRAME_HEADER_BYTES)));
}

/** A worker's end whose frames are kept, and a namespace with so many sessions of each user. */
function begin() {
  const frames: FrameReader[] = [];
  const client = new PresenceClient({ say: (write) => frames.push(written(write)) }, 500);
  const sessions = new Map<string, number>();
  const source: PresenceSource = {
    name: '/',
    sessionsInRoom: (user) =>
      Array.from({ length: sessions.get(user) ?? 0 }, (_, i) => {
        return { transport: i % 2 === 0 ? 'websocket' : 'sse' } as const;
      }),
    anonymousInRoom: () => sessions.get('') ?? 0,
  };
  const reports = (): RoomReport[][] =>
    frames.splice(0).map((frame) => {
      expect(frame.u8()).toBe(PresenceSays.report);
      return readReports(frame);
    });
  return { client, frames, sessions, source, reports };
}

test('however often somebody comes and goes, what is so is said once', () => {
  const { client, frames, sessions, source, reports } = begin();
  for (let i = 0; i < 1_000; i++) client.changed(source, 'r', 'ada', i % 2 === 0);
  client.changed(source, 's', undefined, false);
  sessions.set('ada', 3).set('', 2);
  expect(frames).toHaveLength(0);
  jest.advanceTimersByTime(LIMITS.presenceGatherMs);
  const ada = { user: 'ada', sessions: 3, transports: ['websocket', 'sse'], hasLeft: false };
  expect(reports() as unknown).toEqual([
    [
      { namespace: '/', room: 'r', anonymous: undefined, users: [ada] },
      { namespace: '/', room: 's', anonymous: 2, users: [] },
    ],
  ]);
  jest.advanceTimersByTime(LIMITS.presenceGatherMs * 10);
  expect(frames).toHaveLength(0);
  sessions.clear();
  client.changed(source, 'r', 'ada', true);
  jest.advanceTimersByTime(LIMITS.presenceGatherMs);
  const gone = { user: 'ada', sessions: 0, transports: [], hasLeft: true };
  expect(reports()[0]?.[0]?.users as unknown).toEqual([gone]);
});

test('a storm goes in frames of a bounded size, and nobody is lost', () => {
  const { client, sessions, source, reports } = begin();
  const count = 30_000;
  for (let i = 0; i < count; i++) {
    const user = `${'x'.repeat(40)}${i}`;
    sessions.set(user, 1);
    client.changed(source, `room ${i % 3}`, user, false);
  }
  jest.advanceTimersByTime(LIMITS.presenceGatherMs);
  const said = reports();
  expect(said.length).toBeGreaterThan(3);
  const users = said.flat().flatMap((room) => room.users.map(({ user }) => user));
  expect(new Set(users).size).toBe(count);
});

test('who asks the same shares an answer, after what has been gathered', async () => {
  const { client, frames, source } = begin();
  client.changed(source, 'r', 'ada', false);
  const answers = [client.list('/', 'r', 9), client.list('/', 'r', 9), client.list('/', 'r', 8)];
  expect(frames.map((frame) => frame.u8())).toEqual([
    PresenceSays.report,
    PresenceSays.ask,
    PresenceSays.ask,
  ]);
  const [, first, second] = frames;
  const presence = {
    count: 5,
    anonymous: 1,
    users: [{ user: 'ada', sinceMs: 1_700_000_000_123.5, sessions: 2, transports: [] }],
  };
  const { id, ...ask } = readAsk(first as FrameReader);
  expect(ask).toEqual({ namespace: '/', room: 'r', most: 9 });
  client.onSaid(written((frame) => writeAnswer(frame, id + 100, presence)));
  client.onSaid(written((frame) => writeAnswer(frame, id, presence)));
  expect(await answers[0]).toEqual(presence);
  expect(await answers[1]).toEqual(presence);
  // Twice, and too late.
  client.onSaid(written((frame) => writeAnswer(frame, id, presence)));
  jest.advanceTimersByTime(LIMITS.busRequestMs);
  expect(answers[2]).rejects.toThrow('did not say');
  await Promise.allSettled(answers);
  client.onSaid(
    written((frame) => writeAnswer(frame, readAsk(second as FrameReader).id, presence)),
  );
  void client.list('/', 'r', 8);
  expect(frames).toHaveLength(4);
});

test('so many wait for answers and no more', async () => {
  const { client } = begin();
  const asked = Array.from({ length: LIMITS.presenceAsks }, () => client.list('/', 'r', 1));
  expect(client.list('/', 'r', 1)).rejects.toThrow('too much is being asked');
  jest.advanceTimersByTime(LIMITS.busRequestMs);
  expect((await Promise.allSettled(asked)).every(({ status }) => status === 'rejected')).toBe(true);
  void client.list('/', 'r', 1);
});

test('half a report is refused whole, names that cannot be are left out', () => {
  const long = 'x'.repeat(LIMITS.keyLength + 1);
  const { client, frames, sessions, source } = begin();
  sessions.set('ada', 1);
  for (const user of ['ada', '', long]) client.changed(source, 'r', user, false);
  client.changed(source, long, 'ada', false);
  client.flush();
  const [frame] = frames as [FrameReader];
  frame.u8();
  const whole = frame.rest();
  expect(readReports(new FrameReader(15, whole)).map(({ users }) => users.length)).toEqual([1]);
  for (let length = 0; length < whole.byteLength; length++) {
    const half = new FrameReader(15, whole.subarray(0, length));
    expect(() => readReports(half)).toThrow(RangeError);
  }
});
