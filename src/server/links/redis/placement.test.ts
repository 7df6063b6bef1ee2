import { expect, test } from 'bun:test';
import { mastersThatLost, readSlots } from './placement.ts';
import { RedisLinkError } from './redis-fault.ts';

const ASKED = { host: 'asked', port: 1 };

function faultOf(answer: unknown): string {
  try {
    readSlots(answer, ASKED);
    return 'none';
  } catch (error) {
    return error instanceof RedisLinkError ? error.fault : String(error);
  }
}

test('masters, the slots of each, and who has a replica', () => {
  const answer = [
    [0, 99, ['a', 7, 'id', []], ['c', 9, 'id']],
    [100, 200, [null, 8]],
    [201, 16_383, ['a', 7]],
  ];
  const { masters, slots, covered } = readSlots(answer, ASKED);
  expect(masters).toEqual([
    { host: 'a', port: 7 },
    { host: 'asked', port: 8 },
  ]);
  expect([0, 99, 100, 200, 201, 16_383].map((slot) => slots?.[slot])).toEqual([0, 0, 1, 1, 0, 0]);
  expect([...covered]).toEqual(['a:7']);
});

test.each([
  ['nothing', null],
  ['no list', 'OK'],
  ['no ranges', []],
  ['a slot without a master', [[0, 16_382, ['a', 7]]]],
  ['slots that there are not', [[0, 16_384, ['a', 7]]]],
  ['a slot that is no number', [['0', 16_383, ['a', 7]]]],
  ['ranges that are none', [7, null, [], [[]]]],
  ['a port that is none', [[0, 16_383, ['a', 70_000]]]],
  ['a host that is none', [[0, 16_383, ['a\nb', 7]]]],
])('%s is a Cluster that is down', (_what, answer) => {
  expect(faultOf(answer)).toBe('clusterDown');
});

test('who has lost slots to another', () => {
  const [a, b, c] = [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ];
  const before = readSlots(
    [
      [0, 99, a],
      [100, 16_383, b],
    ],
    ASKED,
  );
  expect(mastersThatLost(before, before)).toEqual([]);
  const moved = readSlots(
    [
      [0, 98, a],
      [99, 16_383, b],
    ],
    ASKED,
  );
  expect(mastersThatLost(before, moved)).toEqual([{ host: 'a', port: 1 }]);
  const replaced = readSlots(
    [
      [0, 99, c],
      [100, 16_383, b],
    ],
    ASKED,
  );
  expect(mastersThatLost(before, replaced)).toEqual([{ host: 'a', port: 1 }]);
});
