import { expect, test } from 'bun:test';
import { createCodec } from './codecs.ts';
import { type Client, Connection, type Target } from './connection.ts';
import { Outbound } from './outbound.ts';

/** A socket whose kernel takes so many bytes until it is drained; -1 once it is broken. */
class NarrowSocket {
  readonly data = new Connection(1, createCodec('websocket', undefined), {} as Target, 0);
  readonly sent: number[] = [];
  room = 0;

  write(bytes: Uint8Array): number {
    if (this.room < 0) return -1;
    const taken = bytes.subarray(0, this.room);
    this.room -= taken.length;
    this.sent.push(...taken);
    return taken.length;
  }

  asClient(): Client {
    return this as unknown as Client;
  }
}

test('what fits goes out, and nothing is kept', () => {
  const outbound = new Outbound();
  const socket = new NarrowSocket();
  socket.room = 10;
  outbound.write(socket.asClient(), Uint8Array.of(1, 2, 3));
  expect(socket.sent).toEqual([1, 2, 3]);
  expect(outbound.waiting).toBe(0);
});

test.each([0, 1, 2, 3, 4, 7])('with room for %d bytes at a time, all come, in order', (room) => {
  const outbound = new Outbound();
  const sockets = [new NarrowSocket(), new NarrowSocket()];
  for (const socket of sockets) {
    socket.room = room;
    for (const bytes of [[1, 2, 3], [4], [5, 6, 7]]) {
      outbound.write(socket.asClient(), Uint8Array.from(bytes));
    }
  }
  for (let turn = 0; turn < 7; turn++) {
    for (const socket of sockets) {
      socket.room = Math.max(1, room);
      outbound.drained(socket.asClient());
    }
  }
  for (const { sent } of sockets) expect(sent).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(outbound.waiting).toBe(0);
});

test('a drain with nothing waiting sends nothing', () => {
  const outbound = new Outbound();
  const socket = new NarrowSocket();
  socket.room = 10;
  outbound.drained(socket.asClient());
  expect(socket.sent).toEqual([]);
});

test('a connection that has ended leaves nothing waiting', () => {
  const outbound = new Outbound();
  const socket = new NarrowSocket();
  outbound.write(socket.asClient(), Uint8Array.of(1));
  expect(outbound.waiting).toBe(1);
  outbound.forget(socket.data);
  expect(outbound.waiting).toBe(0);
});

test('a write that fails was reset, unless more is known', () => {
  const outbound = new Outbound();
  const [socket, other] = [new NarrowSocket(), new NarrowSocket()];
  other.data.ending = 'closed 1012';
  for (const broken of [socket, other]) {
    broken.room = -1;
    outbound.write(broken.asClient(), Uint8Array.of(1));
  }
  expect(socket.data.ending).toBe('ECONNRESET');
  expect(other.data.ending).toBe('closed 1012');
  expect(outbound.waiting).toBe(0);
});
