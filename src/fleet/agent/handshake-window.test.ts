import { expect, test } from 'bun:test';
import { HandshakeWindow } from './handshake-window.ts';

test('before the first handshake nothing is known, and the most is allowed', () => {
  expect(new HandshakeWindow().size(100)).toBe(200);
});

test('a quick server gets what a quarter of a second of the rate is', () => {
  const window = new HandshakeWindow();
  window.record(3);
  expect(window.size(400)).toBe(100);
  expect(window.size(10_000)).toBe(200);
  expect(window.size(1)).toBe(8);
});

test('far away, four times the best time seen', () => {
  const window = new HandshakeWindow();
  window.record(900);
  window.record(400);
  window.record(2_000);
  expect(window.size(100)).toBe(160);
});
