import { expect, test } from 'bun:test';
import { hashSlot } from './hash-slot.ts';

// As CLUSTER KEYSLOT of Redis 7.0 answers.
test.each([
  ['123456789', 12_739],
  ['', 0],
  ['foo', 12_182],
  ['{foo}bar', 12_182],
  ['a{foo}b{c}', 12_182],
  ['foo{}{bar}', 8_363],
  ['foo{{bar}}zap', 4_015],
  ['foo{bar', 15_278],
  ['grün', 14_522],
])('%j has the slot %d', (key, slot) => {
  expect(hashSlot(key)).toBe(slot);
});
