import { expect, test } from 'bun:test';
import { bearerCheck, isToken, makeToken } from './token.ts';

const TOKEN = 'sixteen-letters!';

test('a token has 16 or more visible ASCII characters', () => {
  for (const text of [TOKEN, makeToken(), '~'.repeat(500)]) expect(isToken(text)).toBe(true);
  for (const text of ['', 'x', 'fifteen-letters', `${TOKEN} `, `${TOKEN}\n`, `ä${TOKEN}`]) {
    expect(isToken(text)).toBe(false);
  }
});

test('no two tokens that are made are the same', () => {
  expect(new Set(Array.from({ length: 100 }, makeToken)).size).toBe(100);
});

test('a bearer presents the whole token and nothing else', () => {
  const isPresented = bearerCheck(TOKEN);
  for (const header of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER  ${TOKEN} `]) {
    expect(isPresented(header)).toBe(true);
  }
  for (const header of [
    null,
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN} ${TOKEN}`,
    `x Bearer ${TOKEN}`,
  ]) {
    expect(isPresented(header)).toBe(false);
  }
});

test('nothing is guarded by a token that breaks the rule', () => {
  for (const token of ['', 'x']) expect(() => bearerCheck(token)).toThrow('16 or more');
});
