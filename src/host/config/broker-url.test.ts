import { expect, test } from 'bun:test';
import { type BrokerUrl, readBrokerUrl, shownBrokerUrl } from './broker-url.ts';

const PLAIN: BrokerUrl = {
  topology: 'single',
  isTls: false,
  hosts: [{ host: 'cache', port: 6379 }],
  user: undefined,
  password: undefined,
  database: 0,
  masterName: '',
};
const THREE = [
  { host: 'a', port: 1 },
  { host: '::1', port: 2 },
  { host: '10.0.0.1', port: 6379 },
];

test.each<[string, Partial<BrokerUrl>, string]>([
  ['redis://cache', {}, 'redis://cache:6379'],
  ['redis://cache:6379/', {}, 'redis://cache:6379'],
  ['rediss://cache/3', { isTls: true, database: 3 }, 'rediss://cache:6379/3'],
  ['redis://:secret@cache', { password: 'secret' }, 'redis://cache:6379'],
  [
    'redis://me%40here:p%3A%2F%25@cache',
    { user: 'me@here', password: 'p:/%' },
    'redis://cache:6379',
  ],
  [
    'redis-cluster://a:1,[::1]:2,10.0.0.1',
    { topology: 'cluster', hosts: THREE },
    'redis-cluster://a:1,[::1]:2,10.0.0.1:6379',
  ],
  [
    'rediss-sentinel://u:p@s1,s2:7/main',
    {
      topology: 'sentinel',
      isTls: true,
      user: 'u',
      password: 'p',
      masterName: 'main',
      hosts: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 7 },
      ],
    },
    'rediss-sentinel://s1:26379,s2:7/main',
  ],
])('%s is read', (text, expected, shown) => {
  expect(readBrokerUrl(text)).toEqual({ url: { ...PLAIN, ...expected } });
  expect(shownBrokerUrl(text)).toBe(shown);
});

test.each([
  ['http://cache', 'must begin with redis://'],
  ['redis:cache', 'must begin with redis://'],
  ['', 'must begin with redis://'],
  ['redis://', 'hosts as host:port'],
  ['redis://cache:0', 'hosts as host:port'],
  ['redis://cache:65536', 'hosts as host:port'],
  ['redis://ca che', 'hosts as host:port'],
  ['redis://cache\n', 'hosts as host:port'],
  ['redis-cluster://a,,b', 'hosts as host:port'],
  ['redis://a,b', 'redis-cluster://'],
  ['redis://user@cache', 'user:password'],
  ['redis://user:@cache', 'user:password'],
  ['redis://u:secret:secret@cache', 'user:password'],
  ['redis://u:secret%@cache', 'user:password'],
  ['redis://u:secret@secret@cache', '% escapes'],
  ['redis://u:secret/secret@cache', '% escapes'],
  ['redis://u:secret@cache?secret', '%3F'],
  ['redis://cache/secret', 'number as its database'],
  ['redis://cache/99999', 'number as its database'],
  ['redis-cluster://cache/1', 'no databases'],
  ['redis-sentinel://cache', 'name of the master'],
  ['redis-sentinel://cache/se cret', 'name of the master'],
  [`redis://${'a'.repeat(20_000)}`, 'must look like'],
])('%j is refused, and the sentence shows nothing of it', (text, words) => {
  const read = readBrokerUrl(text);
  const fault = 'fault' in read ? read.fault : '';
  expect(fault).toContain(words);
  expect(fault).not.toContain('secret');
  expect(shownBrokerUrl(text)).not.toContain('secret');
});
