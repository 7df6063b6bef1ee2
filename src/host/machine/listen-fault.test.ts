import { expect, test } from 'bun:test';
import { HostFiles } from './host-files.ts';
import { listenFault } from './listen-fault.ts';

/** What listening fails with. */
function faultAt(hostname: string, port: number): unknown {
  try {
    const server = Bun.serve({ hostname, port, reusePort: false, fetch: () => new Response() });
    void server.stop(true);
  } catch (error) {
    return error;
  }
  return undefined;
}

test.each(['203.0.113.1', '999.1.1.1', 'name.invalid', 'localhost:80'])(
  'an address that is not here is said to be so: %s',
  (address) => {
    const found = listenFault(new HostFiles(), faultAt(address, 0), address, 0);
    expect(found).toEqual({ kind: 'address', reason: `this machine has no address ${address}` });
  },
);

test('a fault of before is not taken for that of a name', () => {
  const fault = { code: 'EACCES' };
  const { reason } = listenFault(new HostFiles(), fault, 'name.invalid', 0);
  expect(reason).toBe('this machine has no address name.invalid');
  expect(listenFault(new HostFiles('/nowhere'), fault, 'localhost', 80).kind).toBe('denied');
});

test('a port that is taken names who has it', async () => {
  const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() });
  try {
    const port = other.port ?? 0;
    const fault = faultAt('127.0.0.1', port);
    const { kind, reason } = listenFault(new HostFiles(), fault, '127.0.0.1', port);
    expect(reason).toMatch(/listens there \(process \d+\)$/);
    expect(kind).toBe('taken');
  } finally {
    await other.stop(true);
  }
});

test('the rest is what the system says', () => {
  const of = (code: string) => listenFault(new HostFiles('/nowhere'), { code }, '::', 80);
  expect(of('EACCES').reason).toContain('need root');
  expect(of('EMFILE')).toEqual({ kind: 'other', reason: 'the system says EMFILE' });
});
