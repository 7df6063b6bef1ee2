import { expect, test } from 'bun:test';
import { runInNewContext } from 'node:vm';
import { thenable } from '../../../../test/support/thenable.ts';
import { readOriginAnswer } from './origin-answer.ts';

test('only true lets a page in, and false or nothing keeps it out', () => {
  expect([true, false, undefined].map(readOriginAnswer)).toEqual([true, false, false]);
});

test.each<[string, () => unknown, string]>([
  ['a promise', () => Promise.resolve(true), 'a promise'],
  ['one that fails', () => Promise.reject(new Error('late')), 'a promise'],
  ['one of another realm', () => runInNewContext('Promise.reject(new Error("late"))'), 'a promise'],
  ['one of a library', () => thenable((done) => done(true)), 'a promise'],
  ['null', () => null, 'null'],
  ['a text', () => 'true', 'a text'],
  ['a number', () => 1, 'a number'],
  ['a list of origins', () => ['https://example.com'], 'a list'],
])('%s refuses, in words for the log', (_what, answer, told) => {
  expect(() => readOriginAnswer(answer())).toThrow(`allowOrigin returned ${told}, which refuses`);
});
