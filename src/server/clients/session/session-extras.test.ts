import { expect, test } from 'bun:test';
import { packedHandshake, unpackedHandshake } from './session-extras.ts';

test('a packed handshake says what it said, but for headers of the connection', () => {
  const headers = new Headers([
    ['cookie', 'a=1; b="2", c={}\\'],
    ['__proto__', 'x'],
    ['constructor', ''],
    ['x-empty', ''],
    ['x-latin', 'é\xff'],
    ['sec-websocket-key', 'k'],
    ['upgrade', 'websocket'],
  ]);
  const handshake = {
    ...{ address: '2001:db8::7', addressKey: 4_000_000_000, connection: 7, headers },
    ...{ query: 'EIO=4&transport=websocket&t=%0a', transport: 'websocket' as const },
  };
  const unpacked = unpackedHandshake(packedHandshake(handshake));
  const { headers: left, ...rest } = unpacked;
  const { headers: _headers, ...said } = handshake;
  expect(rest).toEqual(said);
  const ofConnection = ['sec-websocket-key', 'upgrade'];
  expect([...left]).toEqual([...headers].filter(([name]) => !ofConnection.includes(name)));
  const bare = { address: '', addressKey: 1, connection: 0, query: '', headers: new Headers() };
  const polling = { ...bare, transport: 'polling' as const };
  expect(unpackedHandshake(packedHandshake(polling))).toEqual(polling);
});
