/** What `authenticate` may return; all else must refuse, since it admits by accident otherwise. */

import { describe, expect, test } from 'bun:test';
import { runInNewContext } from 'node:vm';
import { readAdmission } from './admission.ts';

describe('admits', () => {
  test.each<[string, unknown, object]>([
    ['nothing', undefined, {}],
    ['an empty object', {}, {}],
    ['a user', { user: 'ada' }, { user: 'ada' }],
    ['all of it', { user: 'a', rooms: ['b'], data: null }, { user: 'a', rooms: ['b'], data: null }],
    ['a room that is a number', { rooms: ['b', 42] }, { rooms: ['b', 42] }],
    ['parts that are undefined', { rooms: undefined, data: undefined }, {}],
    ['an object of another realm', runInNewContext('({ user: "a", rooms: ["b"] })'), {}],
    ['an object without a prototype', Object.assign(Object.create(null), { user: 'ada' }), {}],
    ['a frozen one', Object.freeze({ rooms: Object.freeze(['r']) }), { rooms: ['r'] }],
  ])('%s', (_name, result, admission) => {
    expect(readAdmission(result)).toMatchObject(admission);
  });
});

class Account {
  readonly user = 'ada';
}

describe('refuses', () => {
  test.each<[string, unknown, string]>([
    ['false', false, 'returned false'],
    ['true', true, 'returned true'],
    ['null, as a database says of nobody', null, 'returned null'],
    ['a number', 1, 'a number'],
    ['a text', 'ada', 'a text'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['a big number', 1n, 'a bigint'],
    ['a function', () => ({}), 'a function'],
    ['a class', Account, 'a class'],
    ['a user that was not found', { user: undefined }, 'undefined as user'],
    ['a list', [], 'a list'],
    ['a Proxy', new Proxy({ user: 'ada' }, {}), 'a Proxy'],
    ['an error', new Error('no'), 'an instance of Error'],
    ['an instance', new Account(), 'an instance of Account'],
    ['a map', new Map([['user', 'ada']]), 'an instance of Map'],
    ['a date', new Date(), 'an instance of Date'],
    ['a response', new Response('no', { status: 401 }), 'an instance of Response'],
    ['an object that inherits', Object.create({ user: 'ada' }), 'inherits'],
    ['one that hides what it inherits', Object.create(Object.create(null)), 'inherits'],
    ['what a generator gives', (function* () {})(), 'an object that inherits'],
    ['a row of a database', { id: 7, name: 'ada' }, "'id'"],
    ['a key that is misspelt', { user: 'ada', room: ['x'] }, "the nearest is 'rooms'"],
    ['a key that cannot be seen', Object.defineProperty({}, 'ok', { value: false }), "'ok'"],
    ['a symbol as key', { [Symbol('ok')]: false }, 'Symbol(ok)'],
    ['a user that is a number', { user: 42 }, 'a number as user'],
    ['a user that is null', { user: null }, 'null as user'],
    ['a user that is a promise', { user: Promise.resolve('ada') }, 'a promise as user'],
    ['rooms that are a text', { rooms: 'lobby' }, 'a text as rooms'],
    ['rooms that are a set', { rooms: new Set(['a']) }, 'an instance of Set as rooms'],
    ['rooms that are null', { rooms: null }, 'null as rooms'],
    ['a room that is no whole number', { rooms: ['a', 1.5] }, 'a number as a room'],
    ['rooms with a hole', { rooms: Array.from({ length: 2 }) }, 'undefined as a room'],
  ])('%s', (_name, result, told) => {
    expect(() => readAdmission(result)).toThrow(TypeError);
    expect(() => readAdmission(result)).toThrow(told);
  });

  test('what throws when it is read', () => {
    const trap = Object.defineProperty({}, 'user', {
      get: () => {
        throw new Error('no user');
      },
    });
    expect(() => readAdmission(trap)).toThrow('no user');
  });
});

test('what was judged is what is used, though the app changes it', () => {
  const rooms = ['a'];
  const admission = readAdmission({ rooms });
  rooms.push('b');
  expect(admission.rooms).toEqual(['a']);
});
