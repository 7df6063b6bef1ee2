import { beforeEach, describe, expect, test } from 'bun:test';
import { runInNewContext } from 'node:vm';
import { thenable } from '../../../../test/support/thenable.ts';
import { type Counters, createCounters } from '../limits/counters.ts';
import { jsonBytes } from '../limits/json-bytes.ts';
import { LIMITS } from '../limits/limits.ts';
import { MemoryBudget } from '../limits/memory-budget.ts';
import { Refusals } from '../limits/refusals.ts';
import type { Log } from '../log/log.ts';
import type { NamespaceSession } from '../sessions/namespace-session.ts';
import { ack, type Handshake, type NamespaceHandlers, type Server, type Session } from './app.ts';
import { ClientError } from './client-error.ts';
import { HandlerRunner } from './handler-runner.ts';

const logged: string[] = [];
const LOG: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (message) => logged.push(message),
};
let counters: Counters;
let budget: MemoryBudget;

beforeEach(() => {
  logged.length = 0;
  counters = createCounters();
  budget = new MemoryBudget(1_000_000_000, new Refusals(LOG));
});

function runnerOf(
  handlers: NamespaceHandlers,
  reports?: { touched(session: { readonly id: string }): void },
): HandlerRunner {
  return new HandlerRunner(handlers, { namespace: '/' } as Server, {
    ...{ log: LOG, counters, budget, reports },
    link: { runAs: (_speaker, call, ...args) => call(...args) },
  });
}

/** The runner looks at nothing but its identity. */
function fakeSession(): NamespaceSession {
  return {} as NamespaceSession;
}

type Handler = (session: Session, ...args: never[]) => unknown;

/** What the client is answered when this handler runs. */
async function answerOf(handler: Handler): Promise<unknown[][]> {
  const answers: unknown[][] = [];
  const session = fakeSession();
  const runner = runnerOf({ on: { ask: handler } });
  expect(runner.event(session, 'ask', [1, 2], (values) => answers.push([...values]))).toBe('taken');
  await Bun.sleep(0);
  return answers;
}

class NotToday extends ClientError {
  constructor() {
    super('not today', { data: { retry: true } });
  }
}

describe('acks', () => {
  test.each<[string, Handler, unknown[]]>([
    ['a value', () => 'x', ['x']],
    ['nothing', () => undefined, []],
    ['null', () => null, [null]],
    ['false', () => false, [false]],
    ['several values', () => ack(1, 'two'), [1, 'two']],
    ['no values', () => ack(), []],
    ['a list', () => [1, 2], [[1, 2]]],
    ['a promise', async () => 'x', ['x']],
    ['a promise of several values', async () => ack(1, 2), [1, 2]],
    ['its arguments', (_session: Session, ...args: never[]) => args.join(), ['1,2']],
    ['an error of its own', () => Promise.reject(new Error('no')), [{ error: 'no' }]],
  ])('a handler that returns %s', async (_name, handler, values) => {
    expect(await answerOf(handler)).toEqual([values]);
  });

  test.each([
    ['a plain error of the app', new Error('sold out'), 'sold out'],
    ['one of the system', Object.assign(new Error('/etc/secret'), { code: 'E' }), 'internal error'],
    ['one of another class', new (class extends Error {})('secret'), 'internal error'],
    ['a type error', new TypeError('secret.path is undefined'), 'internal error'],
    ['a range error', new RangeError('secret'), 'internal error'],
    ['text', 'secret', 'internal error'],
    ['nothing', undefined, 'internal error'],
    ['an object without a prototype', Object.create(null), 'internal error'],
  ])('a handler that throws %s, at once or later', async (_name, thrown: unknown, told) => {
    const failAtOnce = (): never => {
      throw thrown;
    };
    expect(await answerOf(failAtOnce)).toEqual([[{ error: told }]]);
    expect(await answerOf(async () => failAtOnce())).toEqual([[{ error: told }]]);
    expect(logged).toEqual(["handler 'ask' failed", "handler 'ask' failed"]);
    expect(counters.handlerErrors).toBe(2);
  });

  test('an ack that cannot be sent is the fault of the handler', async () => {
    const told: unknown[] = [];
    const runner = runnerOf({ on: { now: () => 1n, later: async () => 1n } });
    for (const name of ['now', 'later']) {
      runner.event(fakeSession(), name, [], (values) => told.push(JSON.parse(toJson(values))));
    }
    await Bun.sleep(0);
    expect(told).toEqual([[{ error: 'internal error' }], [{ error: 'internal error' }]]);
    expect(counters.handlerErrors).toBe(2);
  });

  test('an event without a handler gets none, whatever its name', async () => {
    for (const name of ['unheard', '__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const answers: unknown[] = [];
      const runner = runnerOf({ on: {} });
      expect(runner.event(fakeSession(), name, [], (values) => answers.push(values))).toBe(
        'unheard',
      );
      await Bun.sleep(0);
      expect(answers).toEqual([]);
    }
    expect(counters.handlerErrors).toBe(0);
  });

  test('what the app says to the client on purpose is an answer, and no failure', async () => {
    const answers = await answerOf(() => Promise.reject(new NotToday()));
    expect(answers).toEqual([[{ error: 'not today', data: { retry: true } }]]);
    expect(counters.handlerErrors).toBe(0);
  });

  test('data that JSON cannot hold is left out of an error, and reported', async () => {
    const answers = await answerOf(() => {
      throw new ClientError('too many', { data: { total: 5n } });
    });
    expect(answers).toEqual([[{ error: 'too many' }]]);
    expect(counters.handlerErrors).toBe(1);
  });

  test('what is thrown may throw itself when it is looked at', async () => {
    const trap = new Proxy(new Error('trap'), {
      get: () => {
        throw new Error('looked at');
      },
    });
    const answers = await answerOf(() => {
      throw trap;
    });
    expect(answers).toEqual([[{ error: 'internal error' }]]);
    expect(counters.handlerErrors).toBe(1);
  });

  test('a handler that fails without being asked for an ack harms nobody', async () => {
    const fail = (): Promise<never> => Promise.reject(new Error('no'));
    expect(runnerOf({ on: { fail } }).event(fakeSession(), 'fail', [])).toBe('taken');
    await Bun.sleep(0);
    expect(counters.handlerErrors).toBe(1);
  });
});

describe('events whose handlers have not finished', () => {
  const LARGE = `["wait","${'x'.repeat(1_000_000)}"]`;

  test('may hold so much for one session, and what comes then is refused', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const runner = runnerOf({ on: { wait: () => promise, now: () => 1 } });
    const session = fakeSession();
    const take = (): string => runner.event(session, 'wait', [], undefined, LARGE);
    const most = LIMITS.unfinishedBytesPerSession / LARGE.length;
    for (let i = 0; i < most; i++) expect(take()).toBe('taken');
    expect(take()).toBe('flooding');
    expect(runner.event(session, 'now', [])).toBe('flooding');
    expect(runner.event(fakeSession(), 'wait', [])).toBe('taken');
    expect(runner.heldBytes(session)).toBe(17 * (jsonBytes(LARGE) + LIMITS.unfinishedEventBytes));
    resolve();
    await Bun.sleep(0);
    expect([runner.heldBytes(session), budget.heldBytes]).toEqual([0, 0]);
    expect(take()).toBe('taken');
  });

  test('are thousands where they are small', () => {
    const runner = runnerOf({ on: { wait: () => new Promise(() => {}) } });
    const session = fakeSession();
    for (let i = 0; i < 20_000; i++) expect(runner.event(session, 'wait', [])).toBe('taken');
  });

  test('count until their session ends, also those that never finish', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const runner = runnerOf({ on: { never: () => new Promise(() => {}), late: () => promise } });
    const [session, other] = [fakeSession(), fakeSession()];
    runner.event(session, 'never', [], undefined, LARGE, 1_000);
    runner.event(session, 'late', [], undefined, LARGE);
    runner.event(other, 'never', []);
    expect(budget.heldBytes).toBeGreaterThan(2 * LARGE.length + 1_000);
    runner.disconnected(session, 'transport close');
    expect(budget.heldBytes).toBe(LIMITS.unfinishedEventBytes);
    resolve();
    await Bun.sleep(0);
    expect(budget.heldBytes).toBe(LIMITS.unfinishedEventBytes);
  });
});

test('what `connected` and `disconnected` throw or reject is contained', async () => {
  const throwing = runnerOf({
    connected: () => {
      throw new Error('a');
    },
    disconnected: () => Promise.reject(new Error('b')),
  });
  throwing.connected(fakeSession());
  throwing.disconnected(fakeSession(), 'transport close');
  await Bun.sleep(0);
  expect(logged).toEqual(["handler 'connected' failed", "handler 'disconnected' failed"]);
});

describe('a promise of another library or realm', () => {
  const rejecting = thenable((_done, fail) => fail(new Error('x')));
  const foreign = runInNewContext('Promise.resolve("there")') as Promise<string>;

  test('is waited for before an ack', async () => {
    expect(await answerOf(() => foreign)).toEqual([['there']]);
    expect(await answerOf(() => rejecting)).toEqual([[{ error: 'x' }]]);
    const callable = thenable(
      (done) => done(7),
      () => {},
    );
    expect(await answerOf(() => callable)).toEqual([[7]]);
  });

  test('that `connected` or `disconnected` returns is contained', async () => {
    const hook = (): Promise<void> => rejecting as unknown as Promise<void>;
    const runner = runnerOf({ connected: hook, disconnected: hook });
    runner.connected(fakeSession());
    runner.disconnected(fakeSession(), 'transport close');
    await Bun.sleep(0);
    expect(logged).toEqual(["handler 'connected' failed", "handler 'disconnected' failed"]);
  });

  test('that `authenticate` returns is waited for, and what it gives is judged', async () => {
    const asked = async (result: unknown): Promise<unknown> => {
      const runner = runnerOf({ authenticate: () => result as undefined });
      try {
        return await runner.authenticate({} as Handshake);
      } catch (error) {
        return String(error);
      }
    };
    expect(await asked(rejecting)).toBe('Error: x');
    expect(await asked(runInNewContext('Promise.reject(1)'))).toBe('1');
    expect(await asked(Promise.resolve(false))).toContain('returned false');
    expect(await asked(runInNewContext('Promise.resolve({ user: "ada" })'))).toEqual({
      user: 'ada',
    });
  });
});

describe('server-side events', () => {
  test('are answered with what the handler returns', async () => {
    const runner = runnerOf({
      onServer: { add: (server: Server, ...args: never[]) => `${server.namespace}${args.join()}` },
    });
    expect(await runner.serverSide('add', [1, 2])).toEqual(['/1,2']);
    expect(await runner.serverSide('unheard', [])).toEqual([]);
    expect(await runner.serverSide('constructor', [])).toEqual([]);
  });

  test('that fail are answered with nothing', async () => {
    const runner = runnerOf({ onServer: { fail: () => Promise.reject(new Error('no')) } });
    expect(await runner.serverSide('fail', [])).toEqual([]);
    expect(counters.handlerErrors).toBe(1);
  });
});

describe('refusals', () => {
  test('tell the words of the app and its data', () => {
    const told = runnerOf({}).refusal(new NotToday());
    expect(told).toEqual({ message: 'not today', data: { retry: true } });
    expect(counters.handlerErrors).toBe(0);
  });

  test.each([
    ['a type error', new TypeError('secret')],
    ['text', 'secret'],
    ['undefined', undefined],
    ['an object without a prototype', Object.create(null) as unknown],
  ])('tell nothing of %s', (_name, error: unknown) => {
    expect(runnerOf({}).refusal(error)).toEqual({ message: 'internal error', data: undefined });
    expect(counters.handlerErrors).toBe(1);
  });
});

function toJson(values: readonly unknown[]): string {
  return JSON.stringify(values);
}

test('a handler that has run is reported, and again when it is done', async () => {
  const touched: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const handlers: NamespaceHandlers = {
    connected: () => {},
    unrecovered: () => promise,
    on: { ask: () => promise, fail: () => Promise.reject(new Error('no')) },
  };
  const runner = runnerOf(handlers, { touched: ({ id }) => touched.push(id) });
  const session = (id: string) => ({ id }) as NamespaceSession;
  runner.connected(session('in'));
  runner.unrecovered(session('late'));
  runner.event(session('asks'), 'ask', []);
  expect(touched).toEqual(['in', 'late', 'asks']);
  resolve();
  await Bun.sleep(0);
  expect(touched.slice(3).sort()).toEqual(['asks', 'late']);
  runner.event(session('fails'), 'fail', []);
  await Bun.sleep(0);
  expect(touched.slice(5)).toEqual(['fails', 'fails']);
});
