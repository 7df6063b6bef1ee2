import { expect, test } from 'bun:test';
import type { Figures } from './summary.ts';
import { median } from './summary.ts';
import { judge, judgeWaiting } from './targets.ts';

function figures(contestant: string, memory: number, cpu: number, handshakes: number): Figures {
  return {
    contestant,
    bouts: 1,
    memoryIdle: memory,
    memoryAfterBroadcasts: memory,
    memory,
    cpuMicrosPerDelivery: cpu,
    cpuMicrosPerDeliveryInBurst: cpu,
    broadcastMs: 1,
    handshakesPerCore: handshakes,
    handshakesPerWallSecond: handshakes,
    idleMicrosPerSecond: undefined,
    generatorLimited: 0,
    handshakePhases: 2,
    foreignCores: 0,
    lost: 0,
    cut: 0,
  };
}

const control = figures('bare', 1600, 5, 40_000);
const rival = figures('socket.io', 16_000, 18, 3000);

test('must and aim are judged apart, and all bounds of one count', () => {
  const [memory, cpu, handshakes] = judge(figures('x', 3000, 6, 10_000), control, rival);
  expect([memory?.must.verdict, memory?.aim.verdict]).toEqual(['PASS', 'MISS']);
  expect([cpu?.must.verdict, cpu?.aim.verdict]).toEqual(['PASS', 'MISS']);
  expect([handshakes?.must.verdict, handshakes?.aim.verdict]).toEqual(['PASS', 'MISS']);
});

test('a target without its baseline is open, unless another bound is missed already', () => {
  const [memory, cpu] = judge(figures('x', 3000, 6, 1), control, undefined);
  expect([memory?.must.verdict, memory?.aim.verdict]).toEqual(['open', 'MISS']);
  expect([cpu?.must.verdict, cpu?.aim.verdict]).toEqual(['open', 'MISS']);
});

test('what was not measured is not judged', () => {
  expect(judge(rival, control, rival).map(({ what }) => what)).not.toContain(
    'idle CPU per session',
  );
});

test('waiting clients are compared with others on the same protocol', () => {
  const all = [
    figures('holdfast-sse', 1_900, 1, 1),
    figures('http-sse', 9_000, 1, 1),
    figures('nchan-sse', 1_900, 1, 1),
    figures('holdfast-poll', 1_700, 1, 1),
    figures('http-poll', 9_000, 1, 1),
    figures('holdfast-stream', 2_100, 1, 1),
  ];
  const others = {
    websocket: ['ws'],
    sse: ['http-sse', 'nchan-sse'],
    stream: [],
    poll: ['http-poll'],
  };
  const judgements = judgeWaiting(
    (name) => all.find(({ contestant }) => contestant === name),
    others,
  );
  expect(judgements.map(({ must, aim }) => [must.verdict, aim.verdict])).toEqual([
    ['MISS', 'PASS'],
    ['open', 'MISS'],
    ['PASS', 'MISS'],
  ]);
});

test('the median of an even number of values is the middle of the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
});
