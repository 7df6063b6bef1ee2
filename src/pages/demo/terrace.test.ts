import { expect, test } from 'bun:test';
import type { Server, Session } from 'holdfast';
import { Tally } from './tally.ts';
import { type Comment, isForTerrace, TERRACE, Terrace } from './terrace.ts';

const START_MS = 1_800_000_000_000;

function createTerrace(nowMs = START_MS): { terrace: Terrace; tally: Tally; told: Comment[] } {
  const told: Comment[] = [];
  const room = { emit: (_event: string, comment: Comment) => told.push(comment) };
  const rooms: Record<string, unknown> = { [TERRACE]: room };
  const server = { workerId: '3-k', to: (name: string) => rooms[name] } as unknown as Server;
  const tally = new Tally(server.workerId);
  return { terrace: new Terrace(server, tally, () => nowMs), tally, told };
}

function session(id: string, rooms: string[], user?: string): Session {
  return { id, rooms, user, transport: 'sse' } as unknown as Session;
}

test('nothing is said while nobody listens', () => {
  const { terrace, told } = createTerrace();
  const listener = session('a', [TERRACE]);
  terrace.enter(session('b', []));
  terrace.enter(session('c', [TERRACE], 'f'.repeat(32)));
  terrace.tick(START_MS + 4000);
  expect(told).toEqual([]);
  terrace.enter(listener);
  terrace.tick(START_MS + 8000);
  expect(told).toEqual([
    { id: expect.stringContaining('comment-'), atMs: START_MS + 8000, text: expect.any(String) },
  ]);
  // It has left the room before; who was never counted is not taken off either.
  terrace.leave(session('a', []));
  terrace.leave(session('b', []));
  terrace.tick(START_MS + 12_000);
  expect(told).toHaveLength(1);
});

test('each comment is said once, and none again when the clock goes back', () => {
  const { terrace, told } = createTerrace();
  terrace.enter(session('a', [TERRACE]));
  for (const afterMs of [0, 200, 1800, 2000, 2200, 3800, 1000, 2000, 4000]) {
    terrace.tick(START_MS + afterMs);
  }
  expect(told.map(({ atMs }) => atMs - START_MS)).toEqual([2000, 4000]);
  expect(new Set(told.map(({ id }) => id)).size).toBe(2);
});

test('nothing is said before the others can know of the first listener', () => {
  const { terrace, told } = createTerrace(START_MS + 1500);
  terrace.enter(session('a', [TERRACE]));
  terrace.tick(START_MS + 2000);
  expect(told).toEqual([]);
  terrace.tick(START_MS + 4000);
  expect(told).toHaveLength(1);
});

test('a shout is passed on with who shouted, and answered with where they are', () => {
  const { terrace, told } = createTerrace();
  const where = { transport: 'sse', worker: '3-k', atMs: START_MS };
  expect(terrace.shout(session('a', []))).toEqual(where as never);
  terrace.shout(session('a', []));
  expect(told).toEqual([
    { id: '3-k-1', atMs: START_MS, by: 'a' },
    { id: '3-k-2', atMs: START_MS, by: 'a' },
  ]);
});

test('clients of Socket.IO come for the room by their auth', () => {
  expect(isForTerrace({ room: TERRACE })).toBe(true);
  for (const room of ['match', [TERRACE], null, 7]) expect(isForTerrace({ room })).toBe(false);
});
