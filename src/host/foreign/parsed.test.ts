import { expect, test } from 'bun:test';
import { objectText, plainNames, rapidhashNames } from '../../../test/support/hostile-names.ts';
import { foreignJson, parsed, parsedOrNothing } from './parsed.ts';

test('what is no JSON, nests without end or collides is refused at once', () => {
  const hostile = objectText(rapidhashNames(60_000));
  const since = performance.now();
  expect(() => parsed(hostile)).toThrow('made to collide');
  expect(() => parsed(`[${'['.repeat(5_000)}${']'.repeat(5_000)}]`)).toThrow('levels deep');
  expect(() => parsed(objectText(plainNames(200_000)))).toThrow('different keys');
  expect(() => parsed('{')).toThrow(SyntaxError);
  expect([hostile, '{', ''].map((text) => parsedOrNothing(text))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(performance.now() - since).toBeLessThan(2_000);
});

test('what collides is counted over all that one source says', () => {
  const json = foreignJson();
  const texts = Array.from({ length: 200 }, (_, i) => objectText(rapidhashNames(30, 30 * i)));
  const taken = texts.filter((text) => parsedOrNothing(text, json) !== undefined);
  expect(taken.length).toBeLessThan(5);
});

test('a large honest text is read as it is', () => {
  const value = { records: plainNames(50_000).map((name, i) => ({ name, [`k${i}`]: [i, null] })) };
  expect(parsed(JSON.stringify(value))).toEqual(value);
});
