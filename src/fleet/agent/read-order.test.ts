import { describe, expect, test } from 'bun:test';
import type { AgentOrder } from './contract.ts';
import { OrderError, readOrder } from './read-order.ts';

const SMALLEST: AgentOrder = {
  run: 'r',
  connections: 0,
  rate: 0.5,
  targets: ['ws://127.0.0.1:8500/'],
  sources: [],
  mix: [{ protocol: 'socket-io', weight: 1 }],
  firstNumber: 0,
  churnPerMinute: 0,
  storms: 0,
  coalesceMs: 0,
  clockOffsetMs: 0,
};

const WHOLE: AgentOrder = {
  ...SMALLEST,
  connections: 20_000,
  targets: ['ws://[::1]:1/a?b', 'http://host/', 'wss://host/', 'https://host:1'],
  sources: ['127.0.0.2', '::1', '2001:db8::7'],
  mix: [
    { protocol: 'websocket', weight: 0.1 },
    { protocol: 'socket-io', weight: 9 },
  ],
  auth: '{"user":"u{n}","number":{n}}',
  echo: { perSecond: 0.1, event: 'é', payloadBytes: 32_768 },
  churnPerMinute: 0.5,
  jitter: { everyMs: 15_000, awayMs: 2_000 },
  storms: 3,
  coalesceMs: 100,
  clockOffsetMs: -1.5,
};

test.each([
  ['with nothing but what it needs', SMALLEST],
  ['with everything', WHOLE],
])('an order %s is read as it is', (_which, order) => {
  expect(readOrder(JSON.parse(JSON.stringify(order)))).toEqual(order);
});

test('fields that are not known are left out', () => {
  const read = readOrder({ ...SMALLEST, more: 1 });
  expect(read).toEqual(SMALLEST);
  expect(read).not.toHaveProperty('more');
});

const NO_NUMBERS = ['1', null, true, {}, [], Number.NaN, Number.POSITIVE_INFINITY];

const REFUSED: Readonly<Record<keyof AgentOrder, readonly unknown[]>> = {
  run: [undefined, '', 7, null, {}],
  connections: [undefined, -1, 1.5, 10_000_001, ...NO_NUMBERS],
  rate: [undefined, 0, -1, 1e308, ...NO_NUMBERS],
  targets: [
    undefined,
    'ws://h/',
    [],
    [7],
    [''],
    ['h:8500'],
    ['ftp://h/'],
    ['ws://'],
    ['ws://h:99999/'],
    ['ws://h:0/'],
    ['ws://name:secret@h/'],
    Array.from({ length: 4_097 }, () => 'ws://h/'),
  ],
  sources: [undefined, '127.0.0.1', [7], [''], ['localhost'], ['127.0.0.256'], ['127.0.0.1:80']],
  mix: [
    undefined,
    [],
    {},
    ['socket-io'],
    [null],
    [{ protocol: 'socket-io' }],
    [{ protocol: 'socket-io', weight: 0 }],
    [{ protocol: 'socket-io', weight: -1 }],
    [{ protocol: 'socket-io', weight: '1' }],
    [{ protocol: 'http', weight: 1 }],
    [{ weight: 1 }],
  ],
  firstNumber: [undefined, -1, 0.5, 2 ** 53, ...NO_NUMBERS],
  auth: ['', 7, null, {}, 'user', '7', '"text"', '[1]', '{"a":', `{"a":"${'x'.repeat(40_000)}"}`],
  echo: [
    null,
    7,
    [],
    {},
    { event: 'e', payloadBytes: 1 },
    { perSecond: 0, event: 'e', payloadBytes: 1 },
    { perSecond: 1e308, event: 'e', payloadBytes: 1 },
    { perSecond: 1, payloadBytes: 1 },
    { perSecond: 1, event: '', payloadBytes: 1 },
    { perSecond: 1, event: 'x'.repeat(70_000), payloadBytes: 1 },
    { perSecond: 1, event: 'e' },
    { perSecond: 1, event: 'e', payloadBytes: -1 },
    { perSecond: 1, event: 'e', payloadBytes: 0.5 },
    { perSecond: 1, event: 'e', payloadBytes: 32_769 },
  ],
  churnPerMinute: [undefined, -1, 1e308, ...NO_NUMBERS],
  jitter: [
    null,
    7,
    [],
    {},
    { everyMs: 1_000 },
    { awayMs: 1_000 },
    { everyMs: 0, awayMs: 1 },
    { everyMs: 5e-324, awayMs: 1 },
    { everyMs: 1, awayMs: 0 },
    { everyMs: 1e308, awayMs: 1e308 },
  ],
  storms: [undefined, -1, 0.5, ...NO_NUMBERS],
  coalesceMs: [undefined, -1, 0.5, 101, ...NO_NUMBERS],
  clockOffsetMs: [undefined, ...NO_NUMBERS],
};

describe.each(Object.entries(REFUSED))('%s', (field, values) => {
  test.each(values.map((value) => [describeValue(value), value] as const))(
    'is refused as %s, in one sentence',
    (_shown, value) => {
      const sentence = refusalOf({ ...SMALLEST, [field]: value });
      expect(sentence).toMatch(/^[A-Z`].*\.$/);
      expect(sentence).not.toContain('\n');
      expect(sentence.length).toBeLessThan(300);
      expect(sentence).toContain('`');
    },
  );
});

test.each([[null], [undefined], [7], ['text'], [[]], [true]])('%p is no order', (value) => {
  expect(refusalOf(value)).toMatch(/^[A-Z].*\.$/);
});

test('sessions that only listen are not to echo', () => {
  const echo = { perSecond: 1, event: 'e', payloadBytes: 1 };
  const mix = [{ protocol: 'poll', weight: 1 }];
  expect(readOrder({ ...SMALLEST, mix }).mix).toEqual([{ protocol: 'poll', weight: 1 }]);
  expect(refusalOf({ ...SMALLEST, mix, echo })).toMatch(/^`echo` is for socket-io and websocket/);
});

test('the longest echo and the longest payload still fit their frames', async () => {
  const { createCodec } = await import('./codecs.ts');
  const event = '\u0000'.repeat(1_024);
  const order = readOrder({
    ...SMALLEST,
    echo: { perSecond: 1, event, payloadBytes: 32_768 },
    auth: `{"a":"${'{n}'.repeat(1_000)}"}`,
  });
  const codec = createCodec('socket-io', order.auth);
  expect(codec.echoFrame(order.echo!, false).length).toBeGreaterThan(32_768);
  expect(codec.connectFrame?.(Number.MAX_SAFE_INTEGER).length).toBeGreaterThan(15_000);
});

function refusalOf(value: unknown): string {
  try {
    readOrder(value);
  } catch (error) {
    expect(error).toBeInstanceOf(OrderError);
    return (error as OrderError).message;
  }
  throw new Error('it was taken');
}

function describeValue(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'missing');
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
