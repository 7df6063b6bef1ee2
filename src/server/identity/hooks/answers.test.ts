import { describe, expect, test } from 'bun:test';
import { readConnectAnswer, readEventAnswer, readJoinAnswer } from './answers.ts';

const LONG = 'x'.repeat(1_001);

describe('connect', () => {
  test('allows', () => {
    expect(readConnectAnswer({ allow: true })).toEqual({ allow: true, rooms: [] } as never);
    const whole = { allow: true, user: 'u', rooms: ['a'], grants: ['b:*'], data: [1] };
    const { data, ...rest } = whole;
    expect(readConnectAnswer({ ...whole, expiresAt: 2_000_000_000.5 })).toEqual({
      ...rest,
      data,
      expiresAtMs: 2_000_000_000_500,
    } as never);
  });

  test('refuses', () => {
    expect(readConnectAnswer({ allow: false })).toEqual({ allow: false } as never);
    const whole = { allow: false, message: 'no', data: { a: 1 } } as const;
    expect(readConnectAnswer(whole)).toEqual(whole);
  });

  test.each<[unknown]>([
    [true],
    ['allow'],
    [null],
    [[]],
    [{}],
    [{ alow: true }],
    [{ allow: 'true' }],
    [{ allow: 1 }],
    [{ allow: true, message: 'x' }],
    [{ allow: true, admin: true }],
    [JSON.parse('{"allow":true,"__proto__":{}}')],
    [{ allow: true, user: '' }],
    [{ allow: true, user: null }],
    [{ allow: true, user: 7 }],
    [{ allow: true, user: '\ud800' }],
    [{ allow: true, rooms: 'a' }],
    [{ allow: true, rooms: [7] }],
    [{ allow: true, rooms: [''] }],
    [{ allow: true, grants: [null] }],
    [{ allow: true, grants: ['a*b*'] }],
    [{ allow: true, expiresAt: '2030-01-01' }],
    [{ allow: true, expiresAt: -1 }],
    [{ allow: true, expiresAt: 2_000_000_000_000 }],
    [{ allow: false, user: 'u' }],
    [{ allow: false, message: 7 }],
  ])('%p is not understood', (answer) => {
    expect(readConnectAnswer(answer)).toBeUndefined();
  });
});

test.each<[unknown, boolean | undefined]>([
  [{ allow: true }, true],
  [{ allow: false }, false],
  [{}, undefined],
  [{ allow: 'yes' }, undefined],
  [{ allow: true, why: 1 }, undefined],
  [true, undefined],
])('join: %p', (answer, allow) => {
  expect(readJoinAnswer(answer)?.allow).toBe(allow as never);
});

test.each<[unknown, unknown]>([
  [{}, { ack: [] }],
  [{ ack: [1, null] }, { ack: [1, null] }],
  [{ error: 'no' }, { error: 'no', data: undefined }],
  [
    { error: 'no', data: 0 },
    { error: 'no', data: 0 },
  ],
  [{ ack: 1 }, undefined],
  [{ ack: [], error: 'no' }, undefined],
  [{ error: 7 }, undefined],
  [{ data: 1 }, undefined],
  [[], undefined],
])('event: %p', (answer, read) => {
  expect(readEventAnswer(answer)).toEqual(read as never);
});

test('what is too long is not understood', () => {
  expect(readConnectAnswer({ allow: false, message: LONG })).toBeUndefined();
  expect(readConnectAnswer({ allow: true, user: LONG })).toBeUndefined();
  expect(readEventAnswer({ error: LONG })).toBeUndefined();
});
