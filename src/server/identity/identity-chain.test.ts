import { describe, expect, test } from 'bun:test';
import type { Admission } from '../core/app/app.ts';
import type {
  Admitted,
  IdentitySource,
  IdentityVerdict,
  OpenHandshake,
} from '../core/contracts/identity.ts';
import { IdentityChain } from './identity-chain.ts';

function handshake(user?: string): OpenHandshake {
  return {
    namespace: '/',
    auth: {},
    headers: {},
    query: new URLSearchParams(),
    address: '127.0.0.1',
    transport: 'websocket',
    user,
  };
}

function says(verdict: Omit<Admitted, 'kind'> | IdentityVerdict): IdentitySource {
  const whole: IdentityVerdict = 'kind' in verdict ? verdict : { kind: 'admitted', ...verdict };
  return { name: 'fake', identify: async () => whole };
}

const REFUSES = says({ kind: 'refused', reason: 'notAuthenticated', message: 'no' });
const NOBODY = { kind: 'refused', reason: 'anonymousRefused' };
const OTHER = { kind: 'refused', reason: 'identityChanged' };

async function verdictOf(
  sources: readonly IdentitySource[],
  app: Admission = {},
  allowAnonymous = false,
): Promise<IdentityVerdict> {
  const chain = new IdentityChain({ sources, allowAnonymous });
  return await chain.identify(handshake(), { authenticate: () => app });
}

describe('without sources', () => {
  test('the app decides, at once where it does', () => {
    const chain = new IdentityChain({ sources: [], allowAnonymous: false });
    const verdict = chain.identify(handshake(), { authenticate: () => ({ user: 'a' }) });
    expect(verdict).toEqual({ kind: 'admitted', admission: { user: 'a' } });
  });

  test('what the app throws is thrown', () => {
    const chain = new IdentityChain({ sources: [], allowAnonymous: false });
    const thrown = (): never => {
      throw new Error('no');
    };
    expect(() => chain.identify(handshake(), { authenticate: thrown })).toThrow('no');
  });
});

describe('sources', () => {
  test('add up, with the earlier end', async () => {
    const token = says({
      admission: { user: 'a', rooms: ['r'], data: 1 },
      grants: ['x:*'],
      expiresAtMs: 20,
    });
    const hook = says({ admission: { rooms: ['s'] }, grants: ['y'], expiresAtMs: 10 });
    expect(await verdictOf([token, hook], { rooms: ['t'], data: 2 })).toEqual({
      kind: 'admitted',
      admission: { user: 'a', rooms: ['r', 's', 't'], data: 2 },
      grants: ['x:*', 'y'],
      expiresAtMs: 10,
    });
  });

  test('refuse, and nobody is asked after that', async () => {
    let asked = 0;
    const later: IdentitySource = {
      name: 'later',
      identify: () => {
        asked++;
        return { kind: 'admitted', admission: {} };
      },
    };
    const chain = new IdentityChain({ sources: [REFUSES, later], allowAnonymous: true });
    const app = { authenticate: () => ({ user: String(asked++) }) };
    expect(await chain.identify(handshake(), app)).toMatchObject({ reason: 'notAuthenticated' });
    expect(asked).toBe(0);
  });

  test('that know nobody refuse, unless anonymous clients are allowed', async () => {
    const knowsNot = says({ admission: {} });
    expect(await verdictOf([knowsNot], { user: 'a' })).toMatchObject(NOBODY);
    expect(await verdictOf([knowsNot], { user: 'a' }, true)).toMatchObject({
      admission: { user: 'a' },
    });
    expect(await verdictOf([knowsNot, says({ admission: { user: 'b' } })])).toMatchObject({
      admission: { user: 'b' },
    });
  });

  test('tell those after them, and the app, who it is', async () => {
    const seen: (string | undefined)[] = [];
    const asks: IdentitySource = {
      name: 'asks',
      identify({ user }) {
        seen.push(user);
        return { kind: 'admitted', admission: { user: 'a' } };
      },
    };
    const chain = new IdentityChain({ sources: [asks, asks], allowAnonymous: false });
    const app = {
      authenticate({ user }: { user: string | undefined }): Admission {
        seen.push(user);
        return {};
      },
    };
    expect(await chain.identify(handshake(), app)).toMatchObject({ admission: { user: 'a' } });
    expect(seen).toEqual([undefined, 'a', 'a']);
  });

  test('and the app cannot make it another user', async () => {
    const a = says({ admission: { user: 'a' } });
    expect(await verdictOf([a, says({ admission: { user: 'b' } })])).toMatchObject(OTHER);
    expect(await verdictOf([a], { user: 'b' })).toMatchObject(OTHER);
    expect(await verdictOf([a], { user: 'a' })).toMatchObject({ kind: 'admitted' });
  });
});

describe('a refresh', () => {
  const a = says({ admission: { user: 'a' }, expiresAtMs: 5 });
  const chain = new IdentityChain({ sources: [a], allowAnonymous: true });

  test('is for the same user', async () => {
    expect(await chain.refresh(handshake('a'))).toMatchObject({ expiresAtMs: 5 });
    expect(await chain.refresh(handshake('b'))).toMatchObject(OTHER);
    expect(await chain.refresh(handshake())).toMatchObject(OTHER);
  });

  test('without a word of who it is is none', async () => {
    const silent = new IdentityChain({ sources: [says({ admission: {} })], allowAnonymous: true });
    expect(await silent.refresh(handshake('a'))).toMatchObject(OTHER);
  });
});
