/** Apps that seem to work and do not: each is refused in one clause that says where and what. */

import { describe, expect, test } from 'bun:test';
import { runInNewContext } from 'node:vm';
import { checkApp } from './app-shape.ts';

const hook = (): void => {};

/** Takes the place of an app that should not load. */
function fault(exported: unknown): string {
  try {
    checkApp(exported);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the app was taken');
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

class AppOfClass {
  authenticate(): void {}
}

describe('an app is refused whose export', () => {
  test.each<[string, unknown, string]>([
    ['is missing', undefined, 'no default'],
    ['is null', null, 'exports null'],
    ['is a promise', Promise.resolve({}), 'a promise: await it there'],
    ['is a promise of another realm', runInNewContext('Promise.resolve({})'), 'a promise'],
    ['is a function', () => ({}), 'a function: export what it makes'],
    ['is a class', AppOfClass, 'a class: export what it makes'],
    ['is an instance', new AppOfClass(), 'an instance of AppOfClass'],
    ['is an object that inherits', Object.create({ authenticate: hook }), 'inherits'],
    ['is a list', [hook], 'a list'],
    ['is a text', 'app', 'a text'],
    ['is a Proxy', new Proxy({ authenticate: hook }, { ownKeys: () => [] }), 'a Proxy'],
    ['is one that is revoked', revokedProxy(), 'a Proxy'],
    ['is a map', new Map(), 'an instance of Map'],
    ['is a wrapped function', { default: hook }, 'a function'],
  ])('%s', (_name, exported, told) => {
    expect(fault(exported)).toContain(told);
    expect(fault(exported)).toContain('defineApp');
  });
});

describe('an app is refused that declares', () => {
  test.each<[string, unknown, string]>([
    ['a hook that is misspelt', { autenticate: hook }, "the nearest is 'authenticate'"],
    ['a hook in another case', { Authenticate: hook }, "the nearest is 'authenticate'"],
    ['a hook of Socket.IO', { connection: hook }, "the nearest is 'connected'"],
    ['an event beside `on`', { vote: hook }, 'events stand in `on`'],
    ['a table that is misspelt', { onserver: {} }, "the nearest is 'onServer'"],
    ['a value of its own', { secret: 1 }, "declares 'secret', which is no part of it"],
    ['a hidden key', Object.defineProperty({}, 'auth', { value: hook }), "declares 'auth'"],
    ['a hook as a value', { authenticate: true }, "declares 'authenticate' as true"],
    ['a hook as undefined', { authenticate: undefined }, "'authenticate' as undefined"],
    ['a hook as null', { connected: null }, "'connected' as null"],
    ['a hook as a class', { started: AppOfClass }, "'started' as a class"],
    ['a hook as a generator', { *authenticate() {} }, "'authenticate' as a generator function"],
    ['one that generates later', { async *authenticate() {} }, 'as a generator function'],
    ['an answer that is not waited for', { allowOrigin: async () => true }, 'an async function'],
    ['a hook by a symbol', { [Symbol('authenticate')]: hook }, 'declares Symbol(authenticate)'],
    ['events of a Proxy', { on: new Proxy({}, {}) }, "'on' as a Proxy"],
    ['a namespace beside the others', { '/admin': {} }, "put it into 'namespaces'"],
  ])('%s', (_name, app, told) => {
    expect(fault(app)).toContain(told);
  });

  test('a hook by a getter that throws', () => {
    const app = {
      get authenticate(): never {
        throw new Error('not ready');
      },
    };
    expect(fault(app)).toContain("declares 'authenticate' by a getter that throws: not ready");
  });

  test.each<[string, object, string]>([
    ['a hook', { authenticate: hook }, "hook 'authenticate' stands beside it"],
    ['a hook, that of arrival', { connected: hook }, "hook 'connected' stands beside it"],
    ['a hook, that of leaving', { disconnected: hook }, "hook 'disconnected' stands beside it"],
    ['a hook, that before it', { disconnecting: hook }, "hook 'disconnecting' stands beside it"],
    ['a reserved name', { disconnect: hook }, "hook 'disconnected' stands beside it"],
    ['another', { connect: hook }, "hook 'connected' stands beside it"],
    ['a third', { newListener: hook }, "declares 'newListener' in 'on', which is no event's name"],
    ['the hook of Socket.IO', { connection: hook }, "hook 'connected' stands beside it"],
    ['a value', { vote: 1 }, "declares 'vote' in 'on' as a number"],
    ['a table', { on: {} }, "declares 'on' in 'on' as an object"],
    ['a class', { vote: AppOfClass }, "'vote' in 'on' as a class"],
    ['undefined', { vote: undefined }, "'vote' in 'on' as undefined"],
    ['a list', [hook], "'on' as a list"],
    ['a map', new Map([['vote', hook]]), "'on' as an instance of Map"],
    ['an instance', new AppOfClass(), "'on' as an instance of AppOfClass"],
  ])('in `on` %s', (_name, on, told) => {
    expect(fault({ on })).toContain(told);
    const inNamespace = fault({ namespaces: { '/chat': { on } } });
    expect(inNamespace).toContain("'/chat'");
  });

  test('half a character as an event', () => {
    expect(fault({ on: { 'x\ud800': hook } })).toContain('which no message can name');
    expect(fault({ onServer: { '\udc00': hook } })).toContain('which no message can name');
  });

  test('in `onServer` a hook, a value or a list', () => {
    expect(fault({ onServer: { authenticate: hook } })).toContain("'authenticate' in 'onServer'");
    expect(fault({ onServer: { tell: 'x' } })).toContain("'tell' in 'onServer' as a text");
    expect(fault({ onServer: [] })).toContain("'onServer' as a list");
  });

  test.each<[string, unknown, string]>([
    ['a list', [5], "'limits' as a list: it must be an object of numbers"],
    ['nothing', undefined, "'limits' as undefined"],
    ['a number for all', 5, "'limits' as a number"],
    ['a text', { vote: '5' }, "'vote' in 'limits' as a text: it must be a number above 0"],
    ['zero', { vote: 0 }, "'vote' in 'limits' as 0"],
    ['less', { vote: -1 }, "'vote' in 'limits' as -1"],
    ['one in a month', { vote: 1 / 2_592_000 }, 'and one a day (1 / 86_400) at the least'],
    ['no number', { vote: Number.NaN }, "'vote' in 'limits' as NaN"],
    ['no end', { vote: Number.POSITIVE_INFINITY }, "'vote' in 'limits' as Infinity"],
    ['an event of nobody', { vot: 5 }, "no event in its 'on'; the nearest is 'vote'"],
    ['an event of objects', { toString: 5 }, "declares 'toString' in 'limits', which is no event"],
  ])('as a limit %s', (_name, limits, told) => {
    const app = { on: { vote: hook }, limits };
    expect(fault(app)).toContain(told);
    const inNamespace = fault({ on: { vote: hook }, namespaces: { '/chat': app } });
    expect(inNamespace).toContain("in the namespace '/chat'");
  });

  test('limits without events', () => {
    expect(fault({ limits: { vote: 5 } })).toContain("no event in its 'on'");
  });

  test.each<[string, unknown, string]>([
    ['without a slash', { chat: {} }, "must begin with /: '/chat'"],
    ['that is the main one', { '/': {} }, 'its hooks stand in the app itself'],
    ['without a name', { '': {} }, "must begin with /: '/'"],
    ['with a comma', { '/a,b': {} }, "'/a,b', which clients cannot name"],
    ['with half a character', { '/\ud800': {} }, 'which clients cannot name'],
    ['of endless length', { [`/${'x'.repeat(256)}`]: {} }, 'which clients cannot name'],
    ['as a function', { '/chat': hook }, "'/chat' as a function"],
    ['as a list', { '/chat': [] }, "'/chat' as a list"],
    ['as nothing', { '/chat': undefined }, "'/chat' as undefined"],
    [
      'with a hook that is misspelt',
      { '/chat': { autenticate: hook } },
      "in the namespace '/chat'",
    ],
    ['with a hook of the app', { '/chat': { started: hook } }, 'belongs to the app itself'],
    ['with namespaces', { '/chat': { namespaces: {} } }, 'belongs to the app itself'],
    ['with a namespace', { '/chat': { '/more': {} } }, "put it into 'namespaces'"],
    ['in a list', [{}], "'namespaces' as a list"],
    ['in a map', new Map(), "'namespaces' as an instance of Map"],
  ])('a namespace %s', (_name, namespaces, told) => {
    expect(fault({ namespaces })).toContain(told);
  });
});

describe('an app is taken', () => {
  test('with all its parts, and read once', () => {
    let reads = 0;
    const given = {
      get authenticate() {
        reads++;
        return hook;
      },
      connected: hook,
      disconnected: hook,
      on: { vote: hook, authenticated: hook, __proto__x: hook },
      limits: { vote: 0.5, authenticated: 10 },
      onServer: { disconnect: hook },
      namespaces: { '/chat': { authenticate: hook, on: { say: hook } } },
      started: hook,
      request: hook,
    };
    const { app, doubts } = checkApp(given);
    expect(app).toEqual(given as never);
    expect(app.authenticate?.({} as never)).toBeUndefined();
    expect([reads, doubts]).toEqual([2, []]);
  });

  test('whose hook is wrapped by a Proxy', () => {
    const wrapped = new Proxy(hook, {});
    expect(checkApp({ authenticate: wrapped }).app).toEqual({ authenticate: wrapped });
  });

  test('without any', () => {
    expect(checkApp({}).app).toEqual({});
  });

  test('whose event is named like what objects have', () => {
    const on = Object.fromEntries(['__proto__', 'constructor', 'toString'].map((n) => [n, hook]));
    expect(Object.keys(checkApp({ on }).app.on ?? {})).toEqual(Object.keys(on));
  });

  test('of a module, of another realm, and wrapped by a compiler', () => {
    const bare = Object.assign(Object.create(null), { connected: hook }) as object;
    expect(checkApp(bare).app).toEqual({ connected: hook });
    expect(checkApp(runInNewContext('({ on: {} })')).app).toEqual({ on: {} });
    expect(checkApp({ __esModule: true, default: { on: {} } }).app).toEqual({ on: {} });
  });

  test.each(['/*', '/chat/:id', '/(a|b)', '/room-?', '/^x$', '/a/'])(
    'with a doubt about the namespace %p',
    (name) => {
      const { app, doubts } = checkApp({ namespaces: { [name]: { connected: hook } } });
      expect(Object.keys(app.namespaces ?? {})).toEqual([name]);
      expect(doubts).toEqual([expect.stringContaining(`declares the namespace '${name}'`)]);
    },
  );

  test('without a doubt about usual names of namespaces', () => {
    const names = ['/chat', '/chat/eu-1', '/a.b_c~d', '/ä', '/__proto__', '/constructor'];
    const namespaces = Object.fromEntries(names.map((name) => [name, {}]));
    const { app, doubts } = checkApp({ namespaces });
    expect([Object.keys(app.namespaces ?? {}), doubts]).toEqual([names, []]);
  });

  test('with a doubt about events named like hooks of the whole app', () => {
    expect(checkApp({ on: { request: hook } }).doubts).toEqual([
      "declares the event 'request' in 'on': the hook would stand beside it",
    ]);
  });
});
