import { afterAll, afterEach, beforeAll, expect, jest, test } from 'bun:test';
import type { SessionSnapshot, SessionsElsewhere } from '../../core/contracts/snapshots.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { EmbeddedSnapshots } from './embedded-snapshots.ts';
import { SessionSaid, SessionTold, writeSnapshot } from './session-frames.ts';
import { LET_GO_FOR_NODE_MS, SessionService } from './session-service.ts';

// Other files run in the same process, in any order.
beforeAll(() => void jest.useFakeTimers());
afterAll(() => void jest.useRealTimers());

afterEach(() => jest.clearAllTimers());

function written(write: (frame: FrameWriter) => void): FrameReader {
  const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(1);
  write(writer);
  writer.finish();
  return new FrameReader(1, Buffer.from(writer.take().subarray(FRAME_HEADER_BYTES)));
}

/** The controller's end, and what workers are told: `worker: word`. */
function begin(elsewhere?: SessionsElsewhere) {
  const told: string[] = [];
  const service = new SessionService({
    snapshots: new EmbeddedSnapshots({ budgetBytes: 1e6, windowMs: 60_000, nowMs: () => 0 }),
    latest: () => 0,
    elsewhere,
    say: (worker, _service, write) => {
      const frame = written(write);
      if (frame.u8() === SessionTold.letGo) told.push(`${worker}: let go of ${frame.text()}`);
      else told.push(`${worker}: ${frame.u32()} ${frame.u8() === 1 ? frame.text() : 'none'}`);
      return true;
    },
  });
  return {
    told,
    service,
    opened: (worker: number, id: string) =>
      service.onSaid(
        worker,
        written((frame) => {
          frame.u8(SessionSaid.opened);
          writeSnapshot(frame, { id, namespace: '/', user: undefined, rooms: [], data: undefined });
        }),
      ),
    cut: (worker: number, id: string) =>
      service.onSaid(
        worker,
        written((frame) => frame.u8(SessionSaid.cut).text(id)),
      ),
    take: (worker: number, request: number, id: string, user?: string[]) =>
      service.onSaid(
        worker,
        written((frame) =>
          frame
            .u8(SessionSaid.take)
            .u32(request)
            .text(id)
            .text('/')
            .texts(user ?? []),
        ),
      ),
  };
}

test('who is asked for before the word of it comes', () => {
  const { told, opened, cut, take } = begin();
  take(1, 7, 's');
  expect(told).toEqual([]);
  opened(0, 's');
  expect(told).toEqual(['0: let go of s']);
  cut(0, 's');
  expect(told.slice(1)).toEqual(['1: 7 s']);
  jest.advanceTimersByTime(LIMITS.handOverMs);
  expect(told).toHaveLength(2);
});

test('who is never heard of', () => {
  const { told, opened, take } = begin();
  take(1, 7, 's');
  jest.advanceTimersByTime(LIMITS.lateReportMs);
  expect(told).toEqual(['1: 7 none']);
  opened(0, 's');
  expect(told).toHaveLength(1);
});

test('two who ask for one', () => {
  const { told, opened, cut, take } = begin();
  opened(0, 's');
  take(1, 7, 's');
  take(2, 8, 's');
  cut(0, 's');
  expect(told).toEqual(['0: let go of s', '2: 8 none', '1: 7 s']);
});

test('a worker that does not let go', () => {
  const { told, opened, take } = begin();
  opened(0, 's');
  take(1, 7, 's');
  jest.advanceTimersByTime(LIMITS.handOverMs);
  expect(told.slice(1)).toEqual(['1: 7 none']);
});

test('a worker that dies while it is to let go', () => {
  const { told, service, opened, take } = begin();
  opened(0, 's');
  take(1, 7, 's');
  service.workerGone(0);
  expect(told.slice(1)).toEqual(['1: 7 s']);
});

test('one that is claimed by another user stays where it is', () => {
  const { told, opened, cut, take } = begin();
  opened(2, 's');
  take(1, 7, 's', ['eve']);
  expect(told).toEqual(['1: 7 none']);
  // Also where the word of it comes later than the claim.
  take(1, 8, 't', ['eve']);
  opened(2, 't');
  expect(told.slice(1)).toEqual(['1: 8 none']);
  cut(2, 's');
  take(1, 9, 's', ['eve']);
  take(1, 10, 's');
  expect(told.slice(2)).toEqual(['1: 9 none', '1: 10 s']);
});

/** Other nodes, which have a session when the test says so. */
function others(mayHave: boolean) {
  const finds: ((snapshot: SessionSnapshot | undefined) => void)[] = [];
  const elsewhere: SessionsElsewhere = {
    mayHave: () => mayHave,
    find: () => new Promise((resolve) => finds.push(resolve)),
    end: async () => {},
  };
  const answer = async (id?: string): Promise<void> => {
    const snapshot = { id: id ?? '', namespace: '/', user: undefined, rooms: [], data: undefined };
    finds.shift()?.(id === undefined ? undefined : snapshot);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { elsewhere, finds, answer };
}

test('one that another node has made is asked for there first, and here if not', async () => {
  const { elsewhere, finds, answer } = others(true);
  const { told, opened, cut, take } = begin(elsewhere);
  take(1, 7, 's');
  take(2, 8, 's');
  expect([told, finds.length]).toEqual([['2: 8 none'], 1]);
  await answer('s');
  expect(told.slice(1)).toEqual(['1: 7 s']);
  take(1, 9, 't');
  await answer();
  opened(0, 't');
  cut(0, 't');
  expect(told.slice(2)).toEqual(['0: let go of t', '1: 9 t']);
});

test('one that this node has made is asked for elsewhere when nobody here has it', async () => {
  const { elsewhere, finds, answer } = others(false);
  const { told, opened, cut, take } = begin(elsewhere);
  opened(0, 'here');
  cut(0, 'here');
  take(1, 7, 'here');
  take(1, 8, 's');
  expect([told, finds.length]).toEqual([['1: 7 here'], 0]);
  jest.advanceTimersByTime(LIMITS.lateReportMs);
  expect(finds).toHaveLength(1);
  await answer('s');
  expect(told.slice(1)).toEqual(['1: 8 s']);
});

test('one from another node is passed over when a worker of this one has it', async () => {
  const { elsewhere, answer } = others(true);
  const { told, service, opened, cut, take } = begin(elsewhere);
  take(1, 7, 's');
  service.workerGone(3);
  opened(0, 's');
  expect(told).toEqual(['0: let go of s']);
  await answer('s');
  cut(0, 's');
  expect(told.slice(1)).toEqual(['1: 7 s']);
  take(1, 8, 's');
  await answer();
  jest.advanceTimersByTime(LIMITS.lateReportMs);
  expect(told.slice(2)).toEqual(['1: 8 none']);
});

test('another node is given what is here, once, and nothing of another user', async () => {
  const { service, opened, cut } = begin();
  opened(0, 's');
  const claim = { id: 's', namespace: '/', user: undefined };
  expect(await service.handOver({ ...claim, user: 'eve' })).toBeUndefined();
  const [first, second] = [service.handOver(claim), service.handOver(claim)];
  cut(0, 's');
  expect([await first, await second]).toMatchObject([{ id: 's' }, undefined]);
});

test('another node has its answer before it takes this one for dead', async () => {
  const { told, service, opened, cut } = begin();
  opened(0, 's');
  const claim = { id: 's', namespace: '/', user: undefined };
  const given = service.handOver(claim);
  expect(told).toEqual(['0: let go of s']);
  jest.advanceTimersByTime(LET_GO_FOR_NODE_MS);
  expect(await given).toBe('held');
  const again = service.handOver(claim);
  cut(0, 's');
  expect(await again).toMatchObject({ id: 's' });
});
