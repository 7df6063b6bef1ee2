import { expect, test } from 'bun:test';
import type { Handshake } from '../../core/app/app.ts';
import { presentedToken } from './token-places.ts';

const PLACES = { query: 'token', cookie: 'live' };

/** Notes what is looked at. */
function handshake(given: Partial<Handshake>, looks: string[] = []): Handshake {
  const { auth = {}, headers = {}, query = new URLSearchParams() } = given;
  return {
    namespace: '/',
    auth,
    get headers() {
      looks.push('headers');
      return headers;
    },
    get query() {
      looks.push('query');
      return query;
    },
    address: '',
    transport: 'websocket',
    user: undefined,
  };
}

test('who presents it as auth has nothing else looked at', () => {
  const looks: string[] = [];
  expect(presentedToken(handshake({ auth: { token: 'a' } }, looks), PLACES)).toBe('a');
  expect(presentedToken(handshake({ auth: { token: undefined } }, looks), PLACES)).toBeUndefined();
  expect(looks).toEqual([]);
});

test.each<[Partial<Handshake>, string | undefined]>([
  [{}, undefined],
  [{ headers: { authorization: 'Bearer a.b.c' } }, 'a.b.c'],
  [{ headers: { authorization: 'Bearer' } }, ''],
  [{ headers: { authorization: 'Bearerx a' } }, undefined],
  [{ headers: { cookie: 'live="q"' } }, 'q'],
  [{ headers: { cookie: 'alive=no; live = yes ;live=no' } }, 'yes'],
  [{ headers: { cookie: 'live' } }, undefined],
  [{ query: new URLSearchParams('token=b'), headers: { cookie: 'live=c' } }, 'b'],
])('%j holds %p', (given, token) => {
  expect(presentedToken(handshake(given), PLACES)).toBe(token);
});

test('without a name no cookie is looked at', () => {
  const given = handshake({ headers: { cookie: 'live=a; undefined=b' } });
  expect(presentedToken(given, { query: 'token', cookie: undefined })).toBeUndefined();
});

test('what auth inherits is no token', () => {
  const auth = Object.create({ token: 'inherited' }) as Record<string, unknown>;
  expect(presentedToken(handshake({ auth }), PLACES)).toBeUndefined();
});
