import { expect, test } from 'bun:test';
import { replyTo } from '../../../../test/support/reply-to.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { MemoryBudget } from '../../core/limits/memory-budget.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { EnginePolling } from './engine-polling.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const SETTINGS = { maxBackpressureBytes: 1 << 20, backpressureTimeoutMs: 60_000 };

function createTransport() {
  const budget = new MemoryBudget(1 << 28, new Refusals(SILENT));
  const home = { settings: SETTINGS, budget, heartbeat: { clockMs: 0 } };
  return { budget, transport: new EnginePolling('id', home) };
}

test('more than one answer holds comes with several polls, in order', () => {
  const { budget, transport } = createTransport();
  const packets = ['1', '2', '3', '4'].map((mark) => mark.repeat(LIMITS.pollAnswerBytes * 0.4));
  for (const packet of [...packets, '5']) transport.enqueue(packet);
  const bodies: string[] = [];
  while (!transport.isEmpty) transport.poll(replyTo(({ body }) => bodies.push(body)));
  transport.poll(replyTo(() => {}));
  expect(bodies.map((body) => body.split('\x1e').map((packet) => packet[0]))).toEqual([
    ['1', '2'],
    ['3', '4', '5'],
  ]);
  expect(bodies.join('\x1e')).toBe([...packets, '5'].join('\x1e'));
  expect(budget.heldBytes).toBe(0);
});

test('a packet larger than an answer should be comes alone', () => {
  const { transport } = createTransport();
  const packets = ['a', 'b'.repeat(LIMITS.pollAnswerBytes * 2), 'c'];
  for (const packet of packets) transport.enqueue(packet);
  const bodies: string[] = [];
  while (!transport.isEmpty) transport.poll(replyTo(({ body }) => bodies.push(body)));
  expect(bodies.map((body) => body.slice(0, 3))).toEqual(['a', 'bbb', 'c']);
});

test('what cannot be made an answer is not forgotten, and the request goes on waiting', () => {
  const { budget, transport } = createTransport();
  const bodies: string[] = [];
  transport.poll(replyTo(({ body }) => bodies.push(body)));
  const packet = Buffer.from('later');
  packet.toBase64 = () => {
    throw new RangeError('out of memory');
  };
  transport.enqueue(packet);
  expect(() => transport.flush()).toThrow('out of memory');
  expect([transport.isPolled, transport.isEmpty]).toEqual([true, false]);
  packet.toBase64 = () => packet.toString('base64');
  transport.flush();
  expect([bodies, budget.heldBytes]).toEqual([['bbGF0ZXI='], 0]);
});

test('a long answer counts until its client asks again, and a short one does not', () => {
  const { budget, transport } = createTransport();
  const ignore = replyTo(() => {});
  const long = 'x'.repeat(LIMITS.pollAnswerFreeBytes + 1);
  transport.enqueue(long);
  transport.poll(ignore);
  expect([budget.heldBytes, transport.heldBytes, transport.queuedBytes]).toEqual([
    long.length,
    long.length,
    0,
  ]);
  transport.poll(ignore);
  expect([budget.heldBytes, transport.heldBytes]).toEqual([0, 0]);
  transport.enqueue('short');
  transport.flush();
  expect(budget.heldBytes).toBe(0);
  transport.poll(ignore);
  transport.enqueue(long);
  transport.flush();
  expect(budget.heldBytes).toBe(long.length);
  transport.close();
  expect([budget.heldBytes, transport.heldBytes]).toEqual([0, 0]);
});
