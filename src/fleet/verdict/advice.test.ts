import { describe, expect, test } from 'bun:test';
import { failurePage, failurePagePath } from '../../../scripts/failure-docs.ts';
import { ADVISED_NAMES, adviseOn } from './advice.ts';

const HERE = { localPorts: 28_232, sources: 0, targets: 1 };

test.each(['constructor', '__proto__', 'toString'])('%s is a name that nobody knows', (name) => {
  expect(adviseOn(name, HERE).meaning).toBe('the system gave this name');
});

test.each([
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'unfinished messages',
])('%s is a limit of the agents', (name) => {
  expect(adviseOn(name, HERE).side).toBe('agent');
});

test.each([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'HTTP 401',
  'HTTP 403',
  'HTTP 404',
  'HTTP 418',
  'HTTP 429',
  'HTTP 302',
  'HTTP 502',
  'HTTP 503',
  'closed',
  'closed 1006',
  'closed 1008',
  'closed 1012',
  'closed 1013',
  'closed 4000',
  'handshake timeout',
  'ping timeout',
  'poll timeout',
  'stream ended',
  'disconnected',
  'session forgotten',
  'refused',
  'not the protocol',
])('%s does not make a run void', (name) => {
  expect(adviseOn(name, HERE).side).not.toBe('agent');
});

test.each([...ADVISED_NAMES, 'HTTP 418', 'closed 4000', 'ESOMETHING'])(
  '%s is explained, and answered with what to change',
  (name) => {
    const { meaning, change } = adviseOn(name, HERE);
    expect(meaning).toMatch(/^[a-z].*[^.]$/);
    expect(change).toMatch(/^[A-Z].*\.$/);
  },
);

describe('out of local ports', () => {
  test.each([
    [{}, 'there is one pair of source and target address, which has 28,232 ports'],
    [{ targets: 3 }, 'there are 3 pairs of source and target address with 28,232 ports each'],
    // An address that is named has its ports for all targets together.
    [{ sources: 1, targets: 3 }, 'there is one source address, which has 28,232 ports'],
    [{ sources: 2 }, 'there are 2 source addresses with 28,232 ports each'],
  ])('with %p', (context, text) => {
    expect(adviseOn('EADDRINUSE', { ...HERE, ...context }).meaning).toEndWith(`: ${text}`);
  });

  test('without a number for agents elsewhere', () => {
    const { meaning } = adviseOn('EADDRNOTAVAIL', { ...HERE, localPorts: undefined });
    expect(meaning).toBe('the host of the agents ran out of local ports');
  });
});

test('docs/FAILURES.md is up to date: run `npm run docs` after changing the table', async () => {
  expect(await Bun.file(failurePagePath).text()).toBe(failurePage());
});
