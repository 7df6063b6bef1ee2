import { expect, test } from 'bun:test';
import { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import { queryParams } from '../../protocol/query-params.ts';
import { readOpening } from './plain-request.ts';

const JSON_JUDGE = new ForeignJson({ maxKeys: 100, maxDepth: 10 });
const CONNECT = '{"type":"connect","auth":{"user":"a"}}';

const opened = (query: string, isSocket: boolean, body?: string): unknown =>
  readOpening(queryParams(query), isSocket, body, JSON_JUDGE);

test('a WebSocket may bring `auth` in its first frame, or have a format of its own', () => {
  expect(opened('auth=message', true)).toMatchObject({ isAuthAwaited: true, auth: {} });
  expect(opened('format=raw', true)).toMatchObject({ isRaw: true });
  expect(opened('format=raw&auth=message', true)).toMatchObject({ fault: expect.any(String) });
});

test('others are not let in without what they meant to say', () => {
  expect(opened('auth=message', false)).toMatchObject({ fault: expect.any(String) });
  expect(opened('format=raw', false)).toMatchObject({ fault: expect.any(String) });
  expect(opened('auth=message', false, CONNECT)).toMatchObject({ auth: { user: 'a' } });
});
