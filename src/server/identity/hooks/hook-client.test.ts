import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  HOOK_SECRET,
  HookBackend,
  RawBackend,
  rawAnswer,
} from '../../../../test/support/hook-backend.ts';
import { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import { createCounters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { type RefusalCounts, Refusals } from '../../core/limits/refusals.ts';
import { readEventAnswer } from './answers.ts';
import { HookClient, type HookClientOptions, type Outcome } from './hook-client.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
/** Longer than a busy machine takes for a call that is answered. */
const TIMEOUT_MS = 1_000;

let refusals: Refusals;
let counters: ReturnType<typeof createCounters>;
let backend: HookBackend;

beforeEach(() => {
  refusals = new Refusals(SILENT);
  counters = createCounters();
  backend = new HookBackend(() => ({ ack: [1] }));
});

afterEach(async () => {
  await backend[Symbol.asyncDispose]();
});

function clientOf(url: string = backend.url, more: Partial<HookClientOptions> = {}): HookClient {
  return new HookClient({
    url,
    secret: HOOK_SECRET,
    timeoutMs: TIMEOUT_MS,
    concurrency: 4,
    json: new ForeignJson({ maxKeys: 100, maxDepth: 10 }),
    counters,
    refusals,
    ...more,
  });
}

/** @param lane of one session; without it each is of another */
function ask(client: HookClient, what = 'x', lane = {}): Promise<Outcome<unknown>> {
  return client.ask('event', lane, `"what":"${what}"`, readEventAnswer);
}

function failures(): RefusalCounts {
  return refusals.totals();
}

const ANSWERED: Outcome<unknown> = { kind: 'answered', answer: { ack: [1] } };
const FAILED: Outcome<unknown> = { kind: 'failed' };
const REFUSED: Outcome<unknown> = { kind: 'refused' };

test('a call is signed, and answered', async () => {
  expect(await ask(clientOf())).toEqual(ANSWERED);
  expect(backend.calls).toEqual([{ id: expect.any(String), call: 'event', what: 'x' }]);
  expect(backend.forged).toBe(0);
  expect(counters.hookEventCalls).toBe(1);
  expect(counters.hookMicroseconds).toBeGreaterThan(0);
  expect(failures()).toEqual({});
});

describe('answers that are none', () => {
  const whole = rawAnswer('{"ack":[1]}');
  const huge = rawAnswer(JSON.stringify({ ack: ['x'.repeat(LIMITS.hookAnswerBytes)] }));
  const deep = rawAnswer(`{"ack":${'['.repeat(20)}${']'.repeat(20)}}`);

  test.each<[string, string, keyof RefusalCounts, Outcome<unknown>]>([
    ['rubbish', 'rubbish\r\n\r\n', 'hookUnreachable', FAILED],
    ['nothing', '', 'hookUnreachable', FAILED],
    ['half an answer', whole.slice(0, -4), 'hookUnreachable', FAILED],
    ['no JSON', rawAnswer('{"ack":'), 'hookAnswer', FAILED],
    ['an empty body', rawAnswer(''), 'hookAnswer', FAILED],
    ['another type', rawAnswer('{"ack":[1]}', 'text/html'), 'hookAnswer', FAILED],
    ['no type', whole.replace(/content-type: .*\r\n/, ''), 'hookAnswer', FAILED],
    ['too long', huge, 'hookAnswer', FAILED],
    ['too deep', deep, 'hookAnswer', FAILED],
    ['another shape', rawAnswer('{"ack":[1],"more":2}'), 'hookShape', REFUSED],
    ['a list', rawAnswer('[]'), 'hookShape', REFUSED],
    ['null', rawAnswer('null'), 'hookShape', REFUSED],
    ['a redirect', whole.replace('200 OK', '307 To\r\nlocation: /hooks'), 'hookStatus', FAILED],
    ['500', rawAnswer('{"ack":[1]}', undefined, '500 No'), 'hookStatus', FAILED],
    ['429', rawAnswer('{"ack":[1]}', undefined, '429 No'), 'hookStatus', FAILED],
    ['401', rawAnswer('{"ack":[1]}', undefined, '401 No'), 'hookStatus', REFUSED],
    ['204', 'HTTP/1.1 204 No\r\n\r\n', 'hookStatus', FAILED],
  ])('%s', async (_name, bytes, reason, outcome) => {
    await using raw = await RawBackend.listen((socket) => socket.end(bytes));
    expect(await ask(clientOf(raw.url))).toEqual(outcome);
    expect(failures()).toEqual({ [reason]: 1 });
    expect(raw.requests).toBe(1);
  });

  test.each<[string, (write: (text: string) => void) => void]>([
    ['never', () => {}],
    ['a head, and no more', (write) => write(whole.slice(0, 60))],
    [
      'a byte now and then',
      (write) => {
        write(`${whole.slice(0, -9)}`);
        for (let i = 1; i < 9; i++) setTimeout(() => write(' '), (i * TIMEOUT_MS) / 4);
      },
    ],
  ])('in time: %s', async (_name, take) => {
    await using raw = await RawBackend.listen((socket) =>
      take((text) => socket.writable && socket.write(text)),
    );
    const fromMs = performance.now();
    expect(await ask(clientOf(raw.url))).toEqual(FAILED);
    expect(performance.now() - fromMs).toBeLessThan(10 * TIMEOUT_MS);
    expect(failures()).toEqual({ hookTimeout: 1 });
    while (raw.open > 0) await Bun.sleep(5);
  });

  test('a body without end after a status is not read', async () => {
    await using raw = await RawBackend.listen((socket) => {
      socket.write('HTTP/1.1 500 No\r\ncontent-length: 1000000000\r\n\r\nx');
    });
    expect(await ask(clientOf(raw.url))).toEqual(FAILED);
    while (raw.open > 0) await Bun.sleep(5);
  });
});

describe('second tries', () => {
  test('of an event only when nothing of it was sent', async () => {
    const { port, url } = backend;
    await backend[Symbol.asyncDispose]();
    const outcome = ask(clientOf(url));
    await Bun.sleep(20);
    backend = new HookBackend(() => ({ ack: [1] }), port);
    expect(await outcome).toEqual(ANSWERED);
    await using raw = await RawBackend.listen((socket) => socket.destroy());
    expect(await ask(clientOf(raw.url))).toEqual(FAILED);
    expect(raw.requests).toBe(1);
  });

  test('of a connect have its id, and a time of their own', async () => {
    let tries = 0;
    backend.answers = () => (tries++ === 0 ? new Response('', { status: 503 }) : { ack: [1] });
    const outcome: unknown = await clientOf().ask('connect', {}, '"a":1', readEventAnswer);
    expect(outcome).toEqual(ANSWERED);
    const [first, second] = backend.calls;
    expect(backend.calls).toHaveLength(2);
    expect(second).toEqual(first);
    expect(counters.hookConnectCalls).toBe(2);
    expect(backend.forged).toBe(0);
  });

  test('are no more than one', async () => {
    backend.answers = () => new Response('', { status: 503 });
    const outcome = clientOf().ask('join', {}, '"a":1', readEventAnswer);
    expect(await outcome).toEqual(FAILED);
    expect(backend.calls).toHaveLength(2);
  });
});

describe('many at once', () => {
  test('go so many at a time', async () => {
    backend.answers = async () => {
      await Bun.sleep(2);
      return { ack: [1] };
    };
    const client = clientOf(backend.url, { timeoutMs: 10_000 });
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => ask(client)));
    expect(outcomes.every(({ kind }) => kind === 'answered')).toBe(true);
    expect(backend.mostAtOnce).toBe(4);
    expect(client.gauges()).toEqual({
      hookCallsInFlight: 0,
      hookCallsWaiting: 0,
      hookCircuitOpen: 0,
    });
  });

  test('of one session go one after another, and leave the others their turn', async () => {
    backend.answers = async () => {
      await Bun.sleep(1);
      return { ack: [1] };
    };
    const client = clientOf();
    const lane = {};
    const many = Array.from({ length: 50 }, (_, at) => ask(client, `${at}`, lane));
    const other = ask(client, 'other');
    await other;
    expect(backend.calls.length).toBeLessThan(10);
    await Promise.all(many);
    const order = backend.calls.map(({ what }) => what).filter((what) => what !== 'other');
    expect(order).toEqual(Array.from({ length: 50 }, (_, at) => `${at}`));
  });

  test('wait for so long only', async () => {
    backend.answers = () => Bun.sleep(10 * TIMEOUT_MS);
    const client = clientOf(backend.url, { concurrency: 1 });
    const fromMs = performance.now();
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => ask(client)));
    expect(outcomes).toEqual(Array.from({ length: 5 }, () => FAILED));
    expect(performance.now() - fromMs).toBeLessThan(3 * TIMEOUT_MS);
    expect(failures()).toEqual({ hookTimeout: 5 });
  });
});

describe('the circuit', () => {
  test('opens, lets one try, and closes', async () => {
    let isBroken = true;
    backend.answers = () => (isBroken ? new Response('', { status: 500 }) : { ack: [1] });
    const client = clientOf();
    for (let i = 0; i < LIMITS.hookCircuitFailures; i++) expect(await ask(client)).toEqual(FAILED);
    expect(client.gauges().hookCircuitOpen).toBe(1);
    expect(await ask(client)).toEqual(FAILED);
    expect(backend.calls).toHaveLength(LIMITS.hookCircuitFailures);
    expect(failures()).toMatchObject({ hookCircuit: 1 });
    isBroken = false;
    await Bun.sleep(LIMITS.hookCircuitMs);
    expect(await ask(client)).toEqual(ANSWERED);
    expect(client.gauges().hookCircuitOpen).toBe(0);
  }, 15_000);

  test('has those fail that wait', async () => {
    backend.answers = async () => {
      await Bun.sleep(20);
      return new Response('', { status: 500 });
    };
    const client = clientOf(backend.url, { timeoutMs: 10_000 });
    await Promise.all(Array.from({ length: 100 }, () => ask(client)));
    expect(backend.calls.length).toBeLessThan(20);
  });

  test('does not open for a backend that says no', async () => {
    backend.answers = () => new Response('', { status: 401 });
    const client = clientOf();
    for (let i = 0; i < 2 * LIMITS.hookCircuitFailures; i++) {
      expect(await ask(client)).toEqual(REFUSED);
    }
    expect(client.gauges().hookCircuitOpen).toBe(0);
  });
});

describe('what nobody waits for', () => {
  test('is told again', async () => {
    let tries = 0;
    backend.answers = () => (tries++ === 0 ? new Response('', { status: 500 }) : 'thanks');
    const client = clientOf();
    client.tell('disconnect', '"a":1');
    while (backend.calls.length < 2) await Bun.sleep(10);
    while (client.gauges().hookCallsInFlight > 0) await Bun.sleep(10);
    expect(client.gauges().hookCallsWaiting).toBe(0);
    expect(failures()).toEqual({ hookStatus: 1 });
  });

  test('is dropped and counted beyond the bound', async () => {
    backend.answers = () => Bun.sleep(10 * TIMEOUT_MS);
    const client = clientOf();
    for (let i = 0; i < LIMITS.hookCallsWaiting + 14; i++) client.tell('disconnect', `"a":${i}`);
    expect(failures()).toEqual({ hookFull: 10, hookDropped: 10 });
    expect(await ask(client)).toEqual(FAILED);
  });

  test('is still told by who stops', async () => {
    const client = clientOf();
    for (let i = 0; i < 40; i++) client.tell('disconnect', `"a":${i}`);
    expect(await client.close()).toBe(0);
    expect(backend.calls).toHaveLength(40);
    expect(await ask(client)).toEqual(FAILED);
  });

  test('is not waited for by who stops while the backend is down', async () => {
    backend.answers = () => new Response('', { status: 500 });
    const client = clientOf();
    for (let i = 0; i < 40; i++) client.tell('disconnect', `"a":${i}`);
    const fromMs = performance.now();
    expect(await client.close()).toBe(40);
    expect(performance.now() - fromMs).toBeLessThan(LIMITS.hookFarewellMs);
    expect(failures()).toMatchObject({ hookDropped: expect.any(Number) });
  });
});
