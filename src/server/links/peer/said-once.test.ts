import { expect, test } from 'bun:test';
import { SaidOnce } from './said-once.ts';

test('what is said to many sockets stands once, in the order in which it was said first', () => {
  const said = new SaidOnce();
  const events = Array.from({ length: 200 }, (_, number) => `42["goal",${number}]`);
  const rounds = Array.from({ length: 50 }, () => events.map((event) => said.placeOf(event)));
  expect(said.data.slice(0, events.length)).toEqual(events);
  // A few may stand there twice, those that look like another.
  expect(said.data.length).toBeLessThan(events.length * 1.2);
  for (const places of rounds) expect(places.map((place) => said.data[place])).toEqual(events);
});

test('one text and its attachment alternate', () => {
  const said = new SaidOnce();
  const attachment = new Uint8Array([1, 2, 3]);
  const places = Array.from({ length: 4 }, () => [
    said.placeOf('451-["a"]'),
    said.placeOf(attachment),
  ]);
  expect(places).toEqual([
    [0, 1],
    [0, 1],
    [0, 1],
    [0, 1],
  ]);
  expect(said.data).toEqual(['451-["a"]', attachment]);
  expect(said.length).toBe(12);
});

test('texts that differ have places of their own', () => {
  const said = new SaidOnce();
  // All look alike to the table: they differ where it does not look.
  const texts = Array.from({ length: 1_000 }, (_, number) =>
    `${number}`.padEnd(8, '-').padEnd(64, 'x'),
  );
  for (const text of [...texts, ...texts]) expect(said.data[said.placeOf(text)]).toBe(text);
});

test('empty data have a place', () => {
  const said = new SaidOnce();
  expect([said.placeOf(''), said.placeOf(new Uint8Array()), said.placeOf('')]).toHaveLength(3);
  expect(said.length).toBe(0);
});
