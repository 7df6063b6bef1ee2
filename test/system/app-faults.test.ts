/**
 * An app that returns and throws what it should not: nobody comes in by it, and no client reads
 * what was meant for the log.
 */

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { ask, Clients, refusal } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const clients = new Clients();
let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'app-faults-app.ts'),
    workers: 1,
  });
});
afterEach(() => clients.close());
afterAll(() => node.stop());

const open = (auth: Record<string, unknown>) =>
  clients.open(node.url, { auth, transports: ['websocket'] });

/**
 * Does something that the log has to tell of, and again as long as it does not: it takes so many
 * lines a second of one kind, and the tests before may have used them up.
 */
async function logged(text: string | RegExp, provoke: () => Promise<void>): Promise<void> {
  const isTold = (): boolean =>
    node.log.some(({ msg, error }) => {
      return /^(handler '.*' failed|a request failed)$/.test(msg) && told(String(error), text);
    });
  await eventually(
    `the log says ${text}`,
    async () => {
      await provoke();
      return eventually('it is told', isTold, Boolean, 1_000).catch(() => false);
    },
    Boolean,
  );
}

function told(error: string, text: string | RegExp): boolean {
  return typeof text === 'string' ? error.includes(text) : text.test(error);
}

describe('authenticate', () => {
  test.each([
    ['nothing', null],
    ['user', 'ada'],
  ])('admits by %s', async (returns, user) => {
    const socket = await clients.connect(node.url, { auth: { returns } as never });
    expect(await ask<string | null>(socket, 'user')).toBe(user);
  });

  test.each([
    ['false', 'returned false'],
    ['true', 'returned true'],
    ['null', 'returned null'],
    ['function', 'returned a function'],
    ['text', 'returned a text'],
    ['list', 'returned a list'],
    ['error', 'returned an instance of Error'],
    ['row', "with 'id'"],
    ['userNumber', 'a number as user'],
    ['roomText', 'a text as rooms'],
    ['later', 'returned false'],
    ['thenable', 'returned false'],
    ['rejectingThenable', /^no$/],
    ['otherRealm', 'error: no\n'],
    ['throwingGetter', 'no'],
  ])('refuses by %s, and the log says why', async (returns, why) => {
    const refuses = async (): Promise<void> => {
      const error = await refusal(open({ returns }));
      // A plain error of the app is told, and this one is thrown by a getter of its own.
      expect(error.message).toBe(returns === 'throwingGetter' ? 'no' : 'internal error');
    };
    if (returns === 'throwingGetter') await refuses();
    else await logged(why, refuses);
  });
});

const SECRETS: readonly (readonly [name: string, logged: string])[] = [
  ['file', '/secret/passwords'],
  ['query', 'accounts'],
  ['code', 'ECONNREFUSED'],
  ['parser', 'SyntaxError'],
  ['later', '/secret/passwords'],
];

describe('what is thrown', () => {
  test('on purpose is told to who is refused, to who asks, and over HTTP', async () => {
    const plain = await refusal(open({ throws: 'plain' }));
    expect([plain.message, plain.data]).toEqual(['wrong token', undefined]);
    const told = await refusal(open({ throws: 'client' }));
    expect([told.message, told.data]).toEqual(['sold out', { left: 0 }]);
    const socket = await clients.connect(node.url);
    expect(await ask<object>(socket, 'throws', 'plain')).toEqual({ error: 'wrong token' });
    expect(await ask<object>(socket, 'throws', 'client')).toEqual({
      error: 'sold out',
      data: { left: 0 },
    });
    expect(await answerAt('/throws/client')).toEqual([400, 'sold out\n']);
  });

  test.each(SECRETS)('by %s is told to nobody, and stands in the log', async (name, text) => {
    await logged(text, async () => {
      expect((await refusal(open({ throws: name }))).message).toBe('internal error');
      const socket = await clients.connect(node.url);
      expect(await ask<object>(socket, 'throws', name)).toEqual({ error: 'internal error' });
      expect(await answerAt(`/throws/${name}`)).toEqual([500, 'internal error\n']);
    });
  });
});

test('a promise from `allowOrigin` refuses the page, and the log says why', async () => {
  const asked = await fetch(`${node.url}/socket.io/?EIO=4&transport=polling`, {
    headers: { origin: 'https://later.example' },
  });
  expect(asked.status).toBe(403);
  const isTold = (): boolean =>
    node.log.some(({ msg, error }) => {
      return msg === 'allowOrigin failed' && String(error).includes('returned a promise');
    });
  await eventually('it is told', isTold, Boolean);
});

test('an app that breaks the measures of its worker takes no other figures with it', async () => {
  const socket = await clients.connect(node.url);
  const isTold = (): boolean => node.log.some(({ msg }) => msg.includes('what cannot be read'));
  socket.emit('mismeasure', true);
  try {
    await eventually('it is told', isTold, Boolean);
    const metrics = await node.admin('/metrics');
    expect(metrics.status).toBe(200);
    // What was read last still stands.
    expect(await metrics.text()).toMatch(/^holdfast_worker_cpu_seconds_total\{.*\} [\d.]+$/m);
    expect((await node.admin('/process')).status).toBe(200);
  } finally {
    await ask(socket, 'mismeasure', false);
  }
});

describe('a request of the app', () => {
  test.each([
    ['false', 500],
    ['null', 500],
    ['text', 500],
    ['later', 500],
    ['row', 500],
    ['proxyOfResponse', 500],
    ['heirOfResponse', 500],
    ['nothing', 404],
  ])('that returns %s is answered %d', async (name, status) => {
    const answers = async (): Promise<void> =>
      expect((await answerAt(`/returns/${name}`))[0]).toBe(status);
    if (status === 500) await logged('which is no Response', answers);
    else await answers();
  });
});

async function answerAt(path: string): Promise<[status: number, body: string]> {
  const response = await fetch(`${node.url}${path}`);
  return [response.status, await response.text()];
}
