import { expect, test } from 'bun:test';
import { claimPublicPort, publicHost } from './public-port.ts';
import { StartError } from './start-error.ts';

test('every address is every one of IPv4 where the kernel knows no IPv6', () => {
  expect(publicHost('::', true)).toBe('::');
  expect(publicHost('::', false)).toBe('0.0.0.0');
  expect(publicHost('127.0.0.1', false)).toBe('127.0.0.1');
});

test('a port that one of the two families has is not to be had', () => {
  const taken = Bun.serve({ hostname: '0.0.0.0', port: 0, fetch: () => new Response('') });
  try {
    expect(() => claimPublicPort('::', taken.port ?? 0)).toThrow(StartError);
  } finally {
    void taken.stop(true);
  }
});
