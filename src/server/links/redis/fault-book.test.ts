import { expect, test } from 'bun:test';
import { FaultBook } from './fault-book.ts';
import { CountedFigures } from './figures.ts';
import { linkError, RedisLinkError } from './redis-fault.ts';

const OOM = new RedisLinkError('outOfMemory', 'no memory');

function newBook(): { book: FaultBook; lines: string[]; figures: CountedFigures } {
  const lines: string[] = [];
  const say = (message: string): void => void lines.push(message);
  const figures = new CountedFigures();
  const book = new FaultBook({ debug: say, info: say, warn: say, error: say }, figures);
  return { book, lines, figures };
}

test('what comes and goes many times a second is said once', () => {
  const { book, lines, figures } = newBook();
  for (let nowMs = 0; nowMs < 60_000; nowMs += 10) {
    book.commandFailed('XADD', OOM, nowMs);
    book.commandSucceeded('XADD');
    if (nowMs % 1_000 === 0) book.tick(nowMs);
  }
  expect(lines).toEqual(['no memory']);
  expect(book.fault).toBe('outOfMemory');
  book.tick(70_000);
  expect(lines).toEqual(['no memory', 'a fault of Redis is over']);
  expect(book.fault).toBeUndefined();
  expect(figures.faults).toEqual({ outOfMemory: 1 });
});

test('other commands that succeed end nothing', () => {
  const { book } = newBook();
  book.commandFailed('XADD', OOM, 0);
  book.commandSucceeded('PUBLISH');
  book.tick(100_000);
  expect(book.fault).toBe('outOfMemory');
});

test('answers to one command are no fault, and the worst of several is told', () => {
  const { book, lines } = newBook();
  book.commandFailed('GET', new RedisLinkError('refused', 'WRONGTYPE', { isOfCommand: true }));
  expect(book.fault).toBeUndefined();
  book.begin('slow', 'slow');
  book.commandFailed('XADD', OOM);
  book.connectionFailed(new RedisLinkError('unreachable', 'away'));
  book.connectionFailed(new RedisLinkError('unreachable', 'still away'));
  expect(book.fault).toBe('unreachable');
  book.connectionFailed(new RedisLinkError('loading', 'loading'));
  expect(book.fault).toBe('loading');
  book.connected();
  expect(book.fault).toBe('outOfMemory');
  expect(lines.filter((line) => line !== 'a fault of Redis is over')).toEqual([
    ...['slow', 'no memory', 'away', 'loading'],
  ]);
});

class ErrorReply extends Error {}

test.each([
  ['WRONGPASS invalid username-password pair', 'wrongPassword'],
  ['NOAUTH HELLO must be called with the client already authenticated', 'wrongPassword'],
  ['ERR AUTH <password> called without any password configured', 'wrongPassword'],
  ["ERR unknown command 'HELLO'", 'tooOld'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'outOfMemory'],
  ["READONLY You can't write against a read only replica.", 'readOnly'],
  ['LOADING Redis is loading the dataset in memory', 'loading'],
  ['CLUSTERDOWN The cluster is down', 'clusterDown'],
  ["NOPERM this user has no permissions to run the 'publish' command", 'notPermitted'],
  ['MISCONF Redis is configured to save RDB snapshots', 'refused'],
  ['\u001b[2J', 'refused'],
])('%j means %s', (message, fault) => {
  const error = linkError(new ErrorReply(message), 'host:1');
  expect(error.fault).toBe(fault as typeof error.fault);
  expect(error.message).not.toContain('\u001b');
});

test('errors of sockets and redirects are told apart', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  expect(linkError(refused, 'host:1')).toMatchObject({ fault: 'unreachable' });
  expect(linkError(new ErrorReply('MOVED 7 10.0.0.1:6379'), '').redirect).toEqual({
    kind: 'MOVED',
    host: '10.0.0.1',
    port: 6379,
  });
  expect(linkError(new ErrorReply('ASK 7 :6379'), '').redirect).toMatchObject({ host: '' });
  expect(linkError(new ErrorReply('MOVED to nowhere'), '').redirect).toBeUndefined();
});
