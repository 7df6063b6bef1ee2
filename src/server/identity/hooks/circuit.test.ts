import { beforeEach, expect, test } from 'bun:test';
import { Circuit } from './circuit.ts';

let nowMs = 0;
let circuit: Circuit;

beforeEach(() => {
  nowMs = 0;
  circuit = new Circuit({ failures: 3, pauseMs: 100 }, () => nowMs);
});

function open(): void {
  for (let i = 0; i < 3; i++) {
    circuit.sent();
    circuit.failed();
  }
}

test('opens after failures in a row', () => {
  circuit.failed();
  circuit.failed();
  circuit.answered();
  circuit.failed();
  expect([circuit.failed(), circuit.isOpen, circuit.lets]).toEqual([false, false, true]);
  expect([circuit.failed(), circuit.isOpen, circuit.lets]).toEqual([true, true, false]);
  expect(circuit.waitMs).toBe(100);
});

test('lets one try after the pause', () => {
  open();
  nowMs = 100;
  expect(circuit.lets).toBe(true);
  circuit.sent();
  expect(circuit.lets).toBe(false);
  circuit.answered();
  expect([circuit.isOpen, circuit.lets]).toEqual([false, true]);
});

test('waits once more when that fails', () => {
  open();
  nowMs = 150;
  circuit.sent();
  expect(circuit.failed()).toBe(true);
  expect([circuit.lets, circuit.waitMs]).toEqual([false, 100]);
});

test('is not held open by calls that were sent before', () => {
  open();
  nowMs = 50;
  expect(circuit.failed()).toBe(false);
  expect(circuit.waitMs).toBe(50);
  circuit.answered();
  expect(circuit.isOpen).toBe(false);
});
