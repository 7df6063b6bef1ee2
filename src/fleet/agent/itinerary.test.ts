import { describe, expect, test } from 'bun:test';
import { Connection, wayOf } from './connection.ts';
import type { AgentOrder, ClientProtocol, ProtocolWeight } from './contract.ts';
import { Itinerary, type Leg } from './itinerary.ts';

const ORDER: AgentOrder = {
  run: 'r',
  connections: 1,
  rate: 1,
  targets: ['ws://127.0.0.1:8500/'],
  sources: [],
  mix: [{ protocol: 'socket-io', weight: 1 }],
  firstNumber: 0,
  churnPerMinute: 0,
  storms: 0,
  coalesceMs: 0,
  clockOffsetMs: 0,
};

describe('pairs of target and source', () => {
  test.each([
    [1, 1],
    [2, 3],
    [4, 6],
    [5, 5],
    [36, 4],
  ])('%d targets and %d sources: all pairs come alike', (targets, sources) => {
    const itinerary = new Itinerary({
      ...ORDER,
      targets: many(targets, (index) => `ws://127.0.0.1:${9_000 + index}/`),
      sources: many(sources, (index) => `127.0.0.${index + 1}`),
    });
    const rounds = 3;
    const legs = many(rounds * targets * sources, () => itinerary.next());
    const counts = countBy(legs, ({ target, source }) => `${target.port} ${source}`);
    expect(counts.size).toBe(targets * sources);
    expect(new Set(counts.values())).toEqual(new Set([rounds]));
  });

  test('neighbours go to different targets, so that none is hit by a burst', () => {
    const targets = many(4, (index) => `ws://127.0.0.1:${9_000 + index}/`);
    const itinerary = new Itinerary({ ...ORDER, targets, sources: ['127.0.0.1', '127.0.0.2'] });
    const ports = many(8, () => itinerary.next().target.port);
    expect(ports).toEqual([9_000, 9_001, 9_002, 9_003, 9_000, 9_001, 9_002, 9_003]);
  });

  test('without sources the kernel chooses', () => {
    expect(new Itinerary(ORDER).next().source).toBeUndefined();
  });
});

describe('mix of protocols', () => {
  test.each([[[1]], [[1, 1]], [[3, 1]], [[1, 9]], [[0.25, 0.75]], [[5, 2]]])(
    'weights %j are kept to within one at any time',
    (weights) => {
      const names: readonly ClientProtocol[] = ['socket-io', 'websocket'];
      const mix = weights.map((weight, i): ProtocolWeight => ({ protocol: names[i]!, weight }));
      const itinerary = new Itinerary({ ...ORDER, mix });
      const sum = weights.reduce((total, weight) => total + weight);
      let sessions = 0;
      for (let turn = 1; turn <= 400; turn++) {
        if (!itinerary.next().codec.isEstablishedByAnswer) sessions++;
        expect(Math.abs(sessions - (turn * weights[0]!) / sum)).toBeLessThanOrEqual(1);
      }
    },
  );

  test('it does not go with the targets: each target gets the mix', () => {
    const itinerary = new Itinerary({
      ...ORDER,
      targets: ['ws://127.0.0.1:1/', 'ws://127.0.0.1:2/'],
      mix: [
        { protocol: 'socket-io', weight: 1 },
        { protocol: 'websocket', weight: 1 },
      ],
    });
    const legs = many(400, () => itinerary.next());
    const counts = countBy(legs, ({ target, codec }: Leg) =>
      [target.port, codec.isEstablishedByAnswer].join(' '),
    );
    expect([...counts.values()]).toEqual([100, 100, 100, 100]);
  });
});

describe('the upgrade request', () => {
  test.each([
    ['ws://127.0.0.1:8500/', '127.0.0.1', 8_500, '127.0.0.1:8500'],
    ['ws://[::1]:8500/', '::1', 8_500, '[::1]:8500'],
    ['http://LocalHost:9/', 'localhost', 9, 'localhost:9'],
    ['ws://host/', 'host', 80, 'host'],
    ['wss://host/', 'host', 443, 'host'],
    ['https://host:444/', 'host', 444, 'host:444'],
  ])('of %s goes to %s, port %d, for host %s', (url, hostname, port, host) => {
    const { target, codec } = new Itinerary({ ...ORDER, targets: [url] }).next();
    expect(target).toMatchObject({ hostname, port, isSecure: /^(wss|https):/.test(url) });
    const [line, ...headers] = requestOf({ target, codec, source: undefined }).split('\r\n');
    expect(line).toBe('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1');
    expect(headers.slice(-2)).toEqual(['', '']);
    const fields = Object.fromEntries(
      headers.slice(0, -2).map((header) => header.toLowerCase().split(': ')),
    );
    expect(fields).toMatchObject({
      host,
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
    });
    const [, key] = /^sec-websocket-key: (.*)$/im.exec(headers.join('\n')) ?? [];
    expect(Buffer.from(key!, 'base64')).toHaveLength(16);
  });
});

describe('an order that changes', () => {
  test('keeps its way while targets, sources, protocols and payload stay the same', () => {
    const itinerary = new Itinerary(ORDER);
    const copy = JSON.parse(JSON.stringify({ ...ORDER, rate: 7, connections: 9, storms: 1 }));
    expect(itinerary.isFor(copy)).toBe(true);
    for (const changed of [
      { targets: ['ws://127.0.0.1:8501/'] },
      { sources: ['127.0.0.2'] },
      { mix: [{ protocol: 'websocket', weight: 1 } as const] },
      { auth: '{}' },
    ]) {
      expect(itinerary.isFor({ ...ORDER, ...changed })).toBe(false);
    }
  });

  test('knows its own targets from those of another', () => {
    const one = new Itinerary(ORDER);
    const other = new Itinerary({ ...ORDER, targets: ['ws://127.0.0.1:8501/'] });
    expect(one.has(one.next().target)).toBe(true);
    expect(one.has(other.next().target)).toBe(false);
  });

  test('an echo is encoded anew when it changes, and for each protocol and server', () => {
    const mix = (['websocket', 'socket-io'] as const).map((protocol) => ({ protocol, weight: 1 }));
    const itinerary = new Itinerary({ ...ORDER, mix });
    const connections = many(2, () => connectionOf(itinerary.next()));
    const lengthsOf = (payloadBytes: number): number[] => {
      const echo = { perSecond: 1, event: 'e', payloadBytes };
      return connections.map((connection) => itinerary.echoFrame(connection, echo).length);
    };
    expect([10, 20].map(lengthsOf)).toEqual([
      [16, 27],
      [26, 37],
    ]);
    for (const connection of connections) wayOf(connection).times.told(1, 1);
    // {"type":"event","event":"e","args":["…"],"id":0}
    expect(lengthsOf(20)).toEqual([73, 37]);
  });
});

function requestOf(leg: Leg): string {
  return new TextDecoder().decode(wayOf(connectionOf(leg)).requests.first(0));
}

function connectionOf({ target, codec }: Leg): Connection {
  return new Connection(0, codec, target, 0);
}

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}
