import { expect, test } from 'bun:test';
import { FleetError } from '../../settings/fleet-error.ts';
import { parseDestination, parseDestinations } from './destination.ts';

test.each([
  ['10.0.0.3', { login: '10.0.0.3', host: '10.0.0.3', port: undefined }],
  ['root@host:2222', { login: 'root@host', host: 'host', port: 2222 }],
  ['me@[::1]:22', { login: 'me@::1', host: '::1', port: 22 }],
])('%p', (text, parts) => expect(parseDestination(text)).toEqual({ name: text, ...parts }));

test.each([
  ...['', '@host', 'root@', '-oProxyCommand=touch x', 'root@-host', '-l@host', 'a@b@c', 'a b'],
  ...['host:0', 'host:70000', 'host:', 'root@$(id)', 'host;id', 'host|id', '[::1', 'ssh://host'],
])('%p is refused in one sentence', (text) => {
  expect(() => parseDestination(text)).toThrow(FleetError);
  expect(() => parseDestination(text)).toThrow(`--ssh has "${text}"; write each host like`);
});

test('lists are taken apart, and no host is there twice', () => {
  const names = parseDestinations(['a,b:22', ' c']).map(({ name }) => name);
  expect(names).toEqual(['a', 'b:22', 'c']);
  expect(() => parseDestinations(['a,b', 'a'])).toThrow('--ssh names a twice');
  expect(() => parseDestinations(['a,,b'])).toThrow(FleetError);
});
