import { expect, test } from 'bun:test';
import { requestTarget } from './request-target.ts';

test.each([
  ['http://localhost:8500/socket.io/?EIO=4&a=/b?c', '/socket.io/', 'EIO=4&a=/b?c'],
  ['http://localhost/health', '/health', ''],
  ['/health?x', '/health', 'x'],
  ['http://[::/health', '/health', ''],
  ['http://x//health', '//health', ''],
  ['http://x', '/', ''],
  ['http://x?a=/b', '/', 'a=/b'],
  ['*', '*', ''],
  ['x:443', 'x:443', ''],
])('%s', (url, path, query) => {
  expect(requestTarget(url)).toEqual({ path, query });
});
