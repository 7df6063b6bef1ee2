import { describe, expect, test } from 'bun:test';
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

test('the advice goes by the kind of fault, and not by what a host or a program is called', () => {
  const host = 'nobody listens there';
  expect(() => claimPublicPort(host, 0)).toThrow(
    `this machine has no address ${host}; choose another --host.`,
  );
});

describe('a port that the kernel chose', () => {
  const serve = (port: number, reusePort: boolean): Bun.Server<undefined> =>
    Bun.serve({ hostname: '127.0.0.1', port, reusePort, fetch: () => new Response('') });

  test('is kept from others, but not from workers, until it is released', () => {
    const claimed = claimPublicPort('127.0.0.1', 0);
    expect(() => serve(claimed.port, false)).toThrow();
    const worker = serve(claimed.port, true);
    void worker.stop(true);
    claimed.release();
    void serve(claimed.port, false).stop(true);
  });

  test('is free at once when it was named', () => {
    const claimed = claimPublicPort('127.0.0.1', 0);
    const { port } = claimed;
    claimed.release();
    expect(claimPublicPort('127.0.0.1', port).port).toBe(port);
    void serve(port, false).stop(true);
  });
});
