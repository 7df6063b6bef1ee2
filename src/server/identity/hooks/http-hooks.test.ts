import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  HOOK_SECRET,
  type HookAnswers,
  HookBackend,
} from '../../../../test/support/hook-backend.ts';
import type { Config } from '../../../host/config/schema.ts';
import { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { Session } from '../../core/app/app.ts';
import { HookRefusal, NotNow } from '../../core/app/client-error.ts';
import type { OpenHandshake } from '../../core/contracts/identity.ts';
import { createCounters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { HttpHooks } from './http-hooks.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const BROKEN: HookAnswers = () => new Response('', { status: 500 });

let backend: HookBackend;
let refusals: Refusals;

beforeEach(() => {
  backend = new HookBackend();
  refusals = new Refusals(SILENT);
});

afterEach(async () => {
  await backend[Symbol.asyncDispose]();
});

function hooksOf(more: Partial<Config> = {}): HttpHooks {
  return new HttpHooks({
    url: backend.url,
    secret: HOOK_SECRET,
    settings: {
      hookCalls: ['connect', 'event', 'join', 'disconnect'],
      hookHeaders: ['cookie', 'constructor'],
      hookTimeoutMs: 1_000,
      hookConcurrency: 4,
      hookAllowOnFailure: [],
      ...more,
    },
    json: new ForeignJson({ maxKeys: 100, maxDepth: 10 }),
    counters: createCounters(),
    refusals,
    log: SILENT,
  });
}

function sessionIn(...rooms: string[]): Session {
  return { id: 's1', namespace: '/', transport: 'sse', user: 'u', rooms } as unknown as Session;
}

const HANDSHAKE: OpenHandshake = {
  namespace: '/',
  transport: 'sse',
  address: '192.0.2.7',
  user: undefined,
  query: new URLSearchParams('a=1&room=b c'),
  headers: { cookie: 'c=1', other: '2' },
  auth: { name: 'ada' },
};

async function faultOf(promise: Promise<unknown> | undefined): Promise<unknown> {
  return await promise?.catch((error: unknown) => error);
}

async function verdict(answer: HookAnswers, user?: string, hooks = hooksOf()): Promise<unknown> {
  backend.answers = answer;
  return await hooks.sources[0]?.identify({ ...HANDSHAKE, user });
}

test('what is not configured is not there', () => {
  const { sources, mayJoin, event, joined, ended } = hooksOf({ hookCalls: [] });
  expect([...sources, mayJoin, event, joined, ended].every((one) => one === undefined)).toBe(true);
});

describe('connect', () => {
  test('says what was presented, and no header that is not named', async () => {
    await verdict(() => ({ allow: true }));
    expect(backend.calls).toEqual([
      {
        id: expect.any(String),
        call: 'connect',
        namespace: '/',
        transport: 'sse',
        address: '192.0.2.7',
        query: 'a=1&room=b+c',
        headers: { cookie: 'c=1' },
        auth: { name: 'ada' },
      },
    ]);
  });

  test('admits with what the answer has', async () => {
    const expiresAt = Math.floor(Date.now() / 1_000) + 9;
    const more = { user: 'u', rooms: ['r'], grants: ['g:*'], data: 0 };
    expect(await verdict(() => ({ allow: true, ...more, expiresAt }))).toEqual({
      kind: 'admitted',
      admission: { user: 'u', rooms: ['r'], data: 0 },
      grants: ['g:*'],
      expiresAtMs: expiresAt * 1_000,
    });
  });

  test.each<[string, object, string]>([
    ['a no', { allow: false }, 'not authenticated'],
    ['a no with words', { allow: false, message: 'no' }, 'no'],
    ['a time that is over', { allow: true, user: 'u', expiresAt: 1_000 }, 'not authenticated'],
    ['what is not understood', { allowed: true }, 'not authenticated'],
  ])('refuses by %s, whatever the policy', async (_name, answer, message) => {
    const lenient = hooksOf({ hookAllowOnFailure: ['connect'] });
    const refused = { kind: 'refused', reason: 'hookRefused', message };
    expect(await verdict(() => answer, undefined, lenient)).toMatchObject(refused);
  });

  test('that fails is for later, or leaves the client who it was', async () => {
    expect(await faultOf(verdict(BROKEN))).toBeInstanceOf(NotNow);
    const lenient = hooksOf({ hookAllowOnFailure: ['connect'] });
    expect(await verdict(BROKEN, 'u', lenient)).toEqual({
      kind: 'admitted',
      admission: { user: 'u' },
    });
    expect(await verdict(BROKEN, undefined, lenient)).toEqual({ kind: 'admitted', admission: {} });
    expect(refusals.totals()).toMatchObject({ hookFailed: 1, hookStatus: 3 });
  });
});

describe('a join', () => {
  test('names few of many rooms, and says so', async () => {
    backend.answers = () => ({ allow: true });
    const many = Array.from({ length: LIMITS.hookRoomsTold + 7 }, (_, at) => `r${at}`);
    const { mayJoin } = hooksOf();
    expect(await mayJoin?.(sessionIn(...many), ['a', 'b'])).toBe(true);
    expect(backend.calls[0]).toMatchObject({ join: ['a', 'b'], moreRooms: 7 });
    expect(backend.calls[0]?.['rooms']).toHaveLength(LIMITS.hookRoomsTold);
  });

  test('fails by the policy', async () => {
    backend.answers = BROKEN;
    expect(await faultOf(hooksOf().mayJoin?.(sessionIn(), ['a']))).toBeInstanceOf(NotNow);
    const { mayJoin } = hooksOf({ hookAllowOnFailure: ['join'] });
    expect(await mayJoin?.(sessionIn(), ['a'])).toBe(true);
    backend.answers = () => ({ allow: 'perhaps' });
    expect(await mayJoin?.(sessionIn(), ['a'])).toBe(false);
  });
});

describe('an event', () => {
  test('is acked, refused or not taken', async () => {
    const { event } = hooksOf();
    const ask = (answer: HookAnswers): Promise<unknown> | undefined => {
      backend.answers = answer;
      return event?.(sessionIn(), 'e', [1]).catch((error: unknown) => error);
    };
    expect(await ask(() => ({ ack: [1, 2] }))).toMatchObject({ values: [1, 2] });
    expect(await ask(() => ({ error: 'no', data: 7 }))).toEqual(new HookRefusal('no', { data: 7 }));
    expect(await ask(() => ({ errors: [] }))).toEqual(new HookRefusal('the event was not taken'));
    expect(await ask(BROKEN)).toBeInstanceOf(NotNow);
  });

  test('that is nested too deeply is the fault of who made it', async () => {
    let nested: unknown = Buffer.from('x');
    for (let depth = 0; depth <= LIMITS.argumentDepth; depth++) nested = [nested];
    const fault = await faultOf(hooksOf().event?.(sessionIn(), 'e', [nested]));
    expect(fault).toBeInstanceOf(RangeError);
  });
});

describe('the end', () => {
  test('comes after the events, with how long it was', async () => {
    backend.answers = async ({ call }) => {
      if (call === 'event') await Bun.sleep(20);
      return {};
    };
    const hooks = hooksOf();
    const session = sessionIn('a');
    hooks.joined?.(session);
    for (const arg of [1, 2]) void hooks.event?.(session, 'e', [arg]);
    const last = hooks.event?.(session, 'e', [3]);
    hooks.ended?.(session, 'transport close');
    await last;
    await hooks.close();
    expect(backend.calls.map(({ call }) => call)).toEqual([
      'event',
      'event',
      'event',
      'disconnect',
    ]);
    const { id, ...told } = backend.calls.at(-1) as { id: string };
    expect(told).toEqual({
      call: 'disconnect',
      session: 's1',
      namespace: '/',
      transport: 'sse',
      user: 'u',
      reason: 'transport close',
      seconds: 0,
    } as never);
  });

  test('of a session is told once, and only of one that was there', async () => {
    const hooks = hooksOf();
    const session = sessionIn();
    hooks.ended?.(session, 'transport close');
    hooks.joined?.(session);
    hooks.ended?.(session, 'transport close');
    hooks.ended?.(session, 'transport close');
    await hooks.close();
    expect(backend.calls).toHaveLength(1);
  });
});
