import { describe, expect, test } from 'bun:test';
import {
  decodeSessionId,
  MAX_NODE,
  MAX_SLOT,
  MAX_WORKER,
  SessionIdFactory,
  sameSessionId,
} from './session-id.ts';

test.each([
  [0, 0, 0],
  [1, 2, 3],
  [0x12_34_56, 0x78, 0x9a_bc_de],
  [MAX_NODE, MAX_WORKER, MAX_SLOT],
])('an id of node %p, worker %p and slot %p says so', (node, worker, slot) => {
  const id = new SessionIdFactory(node, worker).create(slot);
  expect(id).toMatch(/^[A-Za-z0-9_-]{24}$/);
  expect(decodeSessionId(id)).toEqual({ node, worker, slot });
});

test('an address that does not fit is refused instead of cut', () => {
  expect(() => new SessionIdFactory(MAX_NODE + 1, 0)).toThrow(RangeError);
  expect(() => new SessionIdFactory(0, MAX_WORKER + 1)).toThrow(RangeError);
  expect(() => new SessionIdFactory(0, 0).create(MAX_SLOT + 1)).toThrow(RangeError);
});

test('ids of one slot never repeat, over many blocks of random bytes', () => {
  const factory = new SessionIdFactory(1, 1);
  const ids = Array.from({ length: 5_000 }, () => factory.create(7));
  expect(new Set(ids.map((id) => id.slice(10))).size).toBe(ids.length);
});

describe('decodeSessionId', () => {
  const id = new SessionIdFactory(5, 6).create(7);

  test.each([
    '',
    id.slice(1),
    `${id}A`,
    `${id.slice(0, 23)}=`,
    `${id.slice(0, 23)}+`,
    `${id.slice(0, 23)}/`,
    `${id.slice(0, 23)}\n`,
    `${id.slice(0, 23)}é`,
    'a room of 24 characters!',
    '🐟'.repeat(12),
  ])('refuses %p', (text) => {
    expect(decodeSessionId(text)).toBeUndefined();
  });
});

test('sameSessionId tells every character', () => {
  const id = new SessionIdFactory(5, 6).create(7);
  expect(sameSessionId(id, `${id}`)).toBe(true);
  for (let at = 0; at < id.length; at++) {
    const other = id[at] === 'A' ? 'B' : 'A';
    expect(sameSessionId(id, id.slice(0, at) + other + id.slice(at + 1))).toBe(false);
  }
  expect(sameSessionId(id, id.slice(1))).toBe(false);
});
