import { expect, test } from 'bun:test';
import { historySuite } from '../../../../test/contract/history.ts';
import { EmbeddedHistory } from './embedded-history.ts';

let nowMs = 0;

function create(budgetBytes: number): EmbeddedHistory {
  nowMs = 1_000_000;
  return new EmbeddedHistory({ budgetBytes, nowMs: () => nowMs });
}

historySuite('embedded', async (budgetBytes) => {
  const history = create(budgetBytes);
  return {
    history,
    pass: async (ms) => {
      for (let left = ms; left > 0; left -= 100) {
        nowMs += 100;
        history.sweep();
      }
    },
    close: async () => {},
  };
});

const settings = { messages: 10, seconds: 1 };

test('rooms that have long kept nothing are forgotten', () => {
  const history = create(10_000_000);
  for (let i = 0; i < 5_000; i++) {
    history.append([{ key: `r${i}`, settings, latestKey: undefined }], Buffer.from('x'), () => {});
  }
  expect(history.view).toMatchObject({ rooms: 5_000, messages: 5_000 });
  nowMs += 3_000;
  for (let i = 0; i < 30; i++) history.sweep();
  nowMs += 3_000;
  for (let i = 0; i < 30; i++) history.sweep();
  expect(history.view).toMatchObject({ rooms: 0, messages: 0, bytes: 0, dropped: 0 });
});

test('what it counts is what it holds, whatever comes and goes', () => {
  const history = create(200_000);
  let seed = 7;
  const random = (most: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % most;
  };
  for (let i = 0; i < 20_000; i++) {
    const rooms = [`r${random(20)}`, `s${random(3)}`].map((key) => ({
      key,
      settings: { messages: 1 + random(30), seconds: 1 + random(3) },
      latestKey: random(2) === 0 ? `k${random(5)}` : undefined,
    }));
    history.append(rooms, Buffer.alloc(random(500)), () => {});
    nowMs += random(20);
    if (random(10) === 0) history.sweep();
    expect(history.view.bytes).toBeLessThanOrEqual(200_000);
  }
  nowMs += 100_000;
  for (let i = 0; i < 10; i++) history.sweep();
  expect(history.view).toMatchObject({ messages: 0, bytes: 0 });
});
