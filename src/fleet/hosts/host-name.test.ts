import { expect, test } from 'bun:test';
import { isHost, isSshUser } from './host-name.ts';

test.each(['a', '10.0.0.3', 'host-1.example.com', 'my_host', '::1', '2001:db8::7'])(
  '%p is a host',
  (text) => expect(isHost(text)).toBe(true),
);

test.each([
  ...['', '-oProxyCommand=x', 'a b', 'a;b', '$(id)', '`id`', 'a/b', 'a@b', 'a:1', "a'b", '.a'],
  ...['fe80::1%eth0', '%h', 'a\nb', 'a\u0000', `${'a'.repeat(254)}`],
])('%p is none', (text) => expect(isHost(text)).toBe(false));

test('users are plain words', () => {
  expect(['root', 'ec2-user', 'a.b_c'].every(isSshUser)).toBe(true);
  expect(['', '-l', 'a b', '$x', 'a@b', 'a'.repeat(65)].some(isSshUser)).toBe(false);
});
