import { expect, test } from 'bun:test';
import { FakeNode } from '../../../test/support/fake-node.ts';
import { isSampleOf } from './worker-sample.ts';

const honest = new FakeNode().workers()[0]?.sample as object;

test('what a worker says of itself is taken when it is numbers, and its own', () => {
  expect(isSampleOf(0, honest)).toBe(true);
  expect(isSampleOf(1, honest)).toBe(false);
});

test.each<[string, unknown]>([
  ['nothing', null],
  ['a list', [honest]],
  ['no gauges', { ...honest, gauges: undefined }],
  ['a list of gauges', { ...honest, gauges: [1] }],
  ['a gauge that is a text', { ...honest, gauges: { rssBytes: '9' } }],
  ['a gauge that is null, as JSON has NaN', { ...honest, gauges: { rssBytes: null } }],
  ['a counter that is an object', { ...honest, counters: { deliveries: { valueOf: 1 } } }],
  ['a refusal that is none', { ...honest, refusals: { slowReader: true } }],
  ['no process', { ...honest, pid: undefined }],
])('%s is not', (_what, value) => {
  expect(isSampleOf(0, value)).toBe(false);
});
