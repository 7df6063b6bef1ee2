import { expect, test } from 'bun:test';
import { Random } from '../../../../test/fuzz/random.ts';
import { SlotTable } from './slot-table.ts';

test('agrees with a Map through a random life', () => {
  const random = Random.announced('slot table');
  const table = new SlotTable<{ readonly step: number }>();
  const model = new Map<number, { readonly step: number }>();
  let highest = -1;
  for (let step = 0; step < 5_000; step++) {
    if (random.chance(0.55)) {
      const item = { step };
      const slot = table.add(item);
      expect(model.has(slot)).toBe(false);
      model.set(slot, item);
      highest = Math.max(highest, slot);
    } else {
      const slot = random.below(highest + 3);
      table.remove(slot);
      model.delete(slot);
    }
    expect(table.size).toBe(model.size);
  }
  for (let slot = 0; slot <= highest + 1; slot++) expect(table.get(slot)).toBe(model.get(slot));
  expect(new Set(table.all())).toEqual(new Set(model.values()));
  // Slots are used again: there are never many more than items at the same time.
  expect(highest).toBeLessThan(5_000 * 0.55);
});

test('what `all` gave stays as it is', () => {
  const table = new SlotTable<string>();
  for (const name of ['a', 'b', 'c']) table.add(name);
  const walked: string[] = [];
  for (const name of table.all()) {
    walked.push(name);
    table.remove(1);
    table.remove(2);
  }
  expect(walked).toEqual(['a', 'b', 'c']);
  expect(table.all()).toEqual(['a']);
});
