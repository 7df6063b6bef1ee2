import { describe, expect, test } from 'bun:test';
import {
  COLLIDING_FAMILIES,
  objectText,
  plainNames,
  rapidhashNames,
} from '../../../test/support/hostile-names.ts';
import { ForeignJson } from './foreign-json.ts';

const all = (names: readonly string[]): readonly string[] => names;

const BOUNDS = { maxKeys: 2_000, maxDepth: 64 };

function faultIn(text: string, bounds = BOUNDS): string | undefined {
  return new ForeignJson(bounds).faultIn(text, 0, {});
}

/** As a client may write it that wants nobody to see what it sends. */
const escaped = (text: string): string =>
  text.replace(/[^"{}[\]:,]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });

describe('keys', () => {
  test('as many as there may be, and more', () => {
    expect(faultIn(objectText(plainNames(1_900)))).toBeUndefined();
    expect(faultIn(objectText(plainNames(2_300)))).toBe('tooManyKeys');
  });

  test('of many objects count together', () => {
    const objects = plainNames(2_300).map((name) => objectText([name]));
    expect(faultIn(`["e",[${objects.join()}]]`)).toBe('tooManyKeys');
  });

  test('that repeat count once, however many objects there are', () => {
    const row = '{"id":1,"name":"Ada","team":"red","score":7,"\\u0061live":true}';
    expect(faultIn(`["e",[${Array(20_000).fill(row).join()}]]`)).toBeUndefined();
  });

  test('are told from values, whatever stands in them', () => {
    const values = plainNames(5_000).map((name, i) => `${name}{"${i}":[`);
    expect(faultIn(JSON.stringify(['e', ...values]))).toBeUndefined();
    expect(faultIn(JSON.stringify({ a: values, b: { c: values } }))).toBeUndefined();
  });

  test('with quotes, brackets and backslashes count too', () => {
    const names = plainNames(2_300).map((name) => `\\"]}${name}\\\\"`);
    expect(faultIn(objectText(names))).toBe('tooManyKeys');
    expect(faultIn(JSON.stringify([objectText(names)]))).toBeUndefined();
  });

  test('longer than the marks have keys count each', () => {
    const tail = 'x'.repeat(150);
    expect(faultIn(objectText(plainNames(2_300).map((name) => tail + name)))).toBe('tooManyKeys');
    expect(faultIn(objectText(plainNames(2_300).map((name) => name + tail)))).toBe('tooManyKeys');
  });
});

describe('depth', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth) + ' '.repeat(600);

  test('as deep as it may be, and deeper', () => {
    expect(faultIn(nested(64))).toBeUndefined();
    expect(faultIn(nested(65))).toBe('nestedTooDeep');
    const objects = '{"a":'.repeat(65) + '}'.repeat(65) + ' '.repeat(600);
    expect(faultIn(objects)).toBe('nestedTooDeep');
    expect(faultIn(`${'['.repeat(65)}"]"${' '.repeat(600)}`)).toBe('malformed');
  });

  test('brackets in strings are none', () => {
    expect(faultIn(JSON.stringify(['['.repeat(10_000), '{"\\'.repeat(10_000)]))).toBeUndefined();
    expect(faultIn(JSON.stringify({ ['['.repeat(10_000)]: 1 }))).toBeUndefined();
  });

  test('what closes more than it opened is left to the parser', () => {
    expect(faultIn(']'.repeat(10_000))).toBeUndefined();
    expect(faultIn(`${']'.repeat(10_000)}${'['.repeat(65)}`)).toBe('malformed');
  });
});

describe('strings that collide', () => {
  const hostile = rapidhashNames(200);

  test('are refused as keys of one object, of many, and as short values', () => {
    expect(faultIn(objectText(hostile))).toBe('stringsCollide');
    expect(faultIn(`[${hostile.map((name) => objectText([name])).join()}]`)).toBe('stringsCollide');
    expect(faultIn(JSON.stringify(hostile))).toBe('stringsCollide');
  });

  test.each(Object.entries(COLLIDING_FAMILIES))('are refused as keys: %s', (_, make) => {
    const names = Array.from({ length: 19_000 }, (_name, i) => make(i));
    const text = objectText(names);
    const since = performance.now();
    expect(faultIn(text, { maxKeys: 20_000, maxDepth: 64 })).toBe('stringsCollide');
    // The parser would take some 9 s.
    expect(performance.now() - since).toBeLessThan(1_000);
    const apart = `[${names.map((name) => objectText([name])).join()}]`;
    expect(faultIn(apart)).toBe('stringsCollide');
  });

  test('are found behind escapes and white space', () => {
    expect(faultIn(escaped(objectText(hostile)))).toBe('stringsCollide');
    expect(faultIn(escaped(JSON.stringify(hostile)))).toBe('stringsCollide');
    expect(faultIn(JSON.stringify({ hostile }, null, '\n\t '))).toBe('stringsCollide');
  });

  test('are found in malformed texts, which the parser reads up to the fault', () => {
    expect(faultIn(`${objectText(hostile).slice(0, -1)}!`)).toBe('stringsCollide');
    expect(faultIn(`{{{:,]${JSON.stringify(hostile)}`)).toBe('stringsCollide');
  });

  test('are harmless as long values, which the runtime does not look up', () => {
    expect(faultIn(JSON.stringify(hostile.map((name) => `${name}-${name}`)))).toBeUndefined();
  });

  test('do not pile up over messages and senders, long or short', () => {
    for (const size of [1, 3, 40]) {
      const json = new ForeignJson(BOUNDS);
      let taken = 0;
      for (let message = 0; message < 6_000; message++) {
        const text = objectText(rapidhashNames(size, message * size));
        // Each sender comes with three messages.
        const sender = senders[Math.floor(message / 3)] as object;
        if (json.faultIn(text, 0, sender) === undefined) taken += size;
      }
      expect(taken).toBeLessThan(2_000);
    }
  });

  test('that one sender repeats without end cost no message more than some time', () => {
    const json = new ForeignJson(BOUNDS);
    for (let i = 0; i < 50; i++) json.faultIn(objectText(hostile), 0, senders[i] as object);
    // Behind all of those, and let pass, since they are few.
    const late = rapidhashNames(8, 1_000);
    expect(json.faultIn(JSON.stringify([late, ' '.repeat(600)]), 0, json)).toBeUndefined();
    const cycle = Array.from({ length: 50_000 }, (_, i) => late[i % late.length]);
    expect(json.faultIn(JSON.stringify(cycle), 0, json)).toBe('stringsCollide');
  });

  test('keep nobody else from sending, not even what belongs in the same place', () => {
    const json = new ForeignJson(BOUNDS);
    for (let i = 0; i < 500; i++) json.faultIn(objectText(hostile), 0, senders[i] as object);
    const [name] = rapidhashNames(1, 1_000_000) as [string];
    const honest = `["e",{"${name}":${JSON.stringify(plainNames(100))}}]`;
    for (let i = 0; i < 500; i++) expect(json.faultIn(honest, 0, json)).toBeUndefined();
  });

  test('cannot lock out a key that is in use, whatever else is sent to have it forgotten', () => {
    let nowMs = 0;
    const json = new ForeignJson({ maxKeys: 100_000, maxDepth: 64 }, () => nowMs);
    // Too long to be passed over.
    const filler = '"' + 'x'.repeat(600) + '"';
    const [key] = rapidhashNames(1, 2_000_000) as [string];
    const honest = `[{"${key}":1},${filler}]`;
    for (let minute = 0; minute < 8; minute++, nowMs += 61_000) {
      expect(json.faultIn(honest, 0, {})).toBeUndefined();
    }
    for (let round = 0; round < 4; round++) {
      for (let junk = 0; junk < 4; junk++) {
        const names = plainNames(50_000, (4 * round + junk) * 50_000);
        json.faultIn(objectText(names), 0, {});
      }
      for (let sender = 0; sender < 400; sender++) {
        const names = rapidhashNames(8, 10_000 * round + 8 * sender);
        json.faultIn(`[${objectText(names)},${filler}]`, 0, {});
      }
      expect(json.faultIn(honest, 0, {})).toBeUndefined();
      nowMs += 10_000;
    }
  });

  test('no chance makes honest strings of them', () => {
    const json = new ForeignJson({ maxKeys: 100_000, maxDepth: 64 });
    for (let message = 0; message < 40; message++) {
      const text = objectText(plainNames(20_000, message * 20_000));
      expect(json.faultIn(text, 0, json)).toBeUndefined();
    }
  });
});

const senders: readonly object[] = Array.from({ length: 2_000 }, () => ({}));

test('names that will be keys are looked at like keys', () => {
  const json = new ForeignJson(BOUNDS);
  let refused = 0;
  for (let i = 0; i < 100; i++) {
    const names = rapidhashNames(50, i * 50);
    if (json.faultInNames(all, names, senders[i] as object) === 'stringsCollide') refused++;
  }
  expect(refused).toBeGreaterThan(70);
  expect(json.faultInNames(all, ['host', 'user-agent', 'x', ''], json)).toBeUndefined();
});
