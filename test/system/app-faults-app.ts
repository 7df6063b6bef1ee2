/** An app at fault in every way that a client can choose: by what it returns and what it throws. */

import { Database } from 'bun:sqlite';
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { type App, ClientError, defineApp } from 'holdfast';
import { thenable } from '../support/thenable.ts';

const cpuUsage = process.cpuUsage.bind(process);

type Make = () => unknown;

const fail = (error: unknown) => (): never => {
  throw error;
};

/** What an app that wanted to refuse, or forgot to, may return. */
const RESULTS: Readonly<Record<string, Make>> = {
  nothing: () => undefined,
  user: () => ({ user: 'ada' }),
  false: () => false,
  true: () => true,
  null: () => null,
  function: () => () => {},
  text: () => 'ada',
  list: () => ['ada'],
  error: () => new Error('refused'),
  row: () => ({ id: 1, name: 'ada' }),
  proxyOfResponse: () => new Proxy(new Response('secret'), {}),
  heirOfResponse: () => Object.create(Response.prototype) as unknown,
  userNumber: () => ({ user: 7 }),
  roomText: () => ({ rooms: 'lobby' }),
  later: async () => false,
  thenable: () => thenable((done) => done(false)),
  rejectingThenable: () => thenable((_done, refuse) => refuse('no')),
  otherRealm: () => runInNewContext('Promise.reject(new Error("no"))'),
  throwingGetter: () => Object.defineProperty({}, 'user', { get: fail(new Error('no')) }),
};

const ERRORS: Readonly<Record<string, Make>> = {
  plain: fail(new Error('wrong token')),
  client: fail(new ClientError('sold out', { data: { left: 0 } })),
  file: () => readFileSync('/secret/passwords'),
  query: () => new Database(':memory:').query('SELECT secret FROM accounts').all(),
  code: fail(Object.assign(new Error('secret host db.internal'), { code: 'ECONNREFUSED' })),
  parser: () => JSON.parse('secret'),
  later: async () => {
    await Bun.file('/secret/passwords').text();
  },
};

function run(table: Readonly<Record<string, Make>>, name: unknown): unknown {
  return (table[String(name)] as Make)();
}

const app: App = defineApp({
  // Only by its type does the compiler know that a promise is no answer.
  allowOrigin: (origin) => (origin.includes('later') ? Promise.resolve(true) : false) as boolean,
  authenticate({ auth }) {
    if (auth['throws'] !== undefined) return run(ERRORS, auth['throws']) as undefined;
    return run(RESULTS, auth['returns'] ?? 'nothing') as undefined;
  },
  on: {
    throws: (_session, name: string) => run(ERRORS, name),
    user: ({ user }) => user ?? null,
    /** Breaks what the worker measures itself by, or mends it. */
    mismeasure: (_session, isWrong: boolean) => {
      process.cpuUsage = isWrong ? () => ({ user: Number.NaN, system: 0 }) : cpuUsage;
    },
  },
  request(request) {
    const { pathname } = new URL(request.url);
    const [, table, name] = pathname.split('/');
    if (table === 'throws') return run(ERRORS, name) as undefined;
    if (table === 'returns') return run(RESULTS, name) as undefined;
    return new Response('here');
  },
});

export default app;
