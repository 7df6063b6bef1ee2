import { describe, expect, test } from 'bun:test';
import { parseArguments, type TestRequest } from './arguments.ts';

function parsed(...args: readonly string[]): TestRequest {
  const request = parseArguments(args);
  if ('problem' in request) throw new Error(request.problem);
  return request;
}

describe('arguments', () => {
  test('that are none choose a seed, and lanes', () => {
    const { paths, flags, seed, lanes, stopsAtFailure } = parsed();
    expect({ paths, flags, stopsAtFailure }).toEqual({
      paths: [],
      flags: [],
      stopsAtFailure: false,
    });
    expect(seed).toBeWithin(0, 2 ** 32);
    expect(lanes).toBeWithin(1, 9);
    expect(parsed().seed).not.toBe(seed);
  });

  test('are paths, or flags for bun test with their values', () => {
    const { paths, flags } = parsed('./test/a', '-t', 'polling', 'src/b', '--retry', '2', '--todo');
    expect(paths).toEqual(['test/a', 'src/b']);
    expect(flags).toEqual(['-t', 'polling', '--retry', '2', '--todo']);
  });

  test.each([
    [['--seed', '7', '--lanes', '1', '--bail', '--reporter-outfile', 'out.xml']],
    [['--seed=7', '--lanes=1', '--bail=1', '--reporter-outfile=out.xml', '--reporter=junit']],
  ])('of its own: %p', (args) => {
    expect(parsed(...args)).toEqual({
      paths: [],
      flags: [],
      seed: 7,
      lanes: 1,
      stopsAtFailure: true,
      reportPath: 'out.xml',
    });
  });

  test.each([
    [['--seed', 'x'], "--seed is a whole number below 4294967296, not 'x'"],
    [['--seed', '-1'], "--seed is a whole number below 4294967296, not '-1'"],
    [['--seed'], "--seed is a whole number below 4294967296, not ''"],
    [['--lanes=0'], "--lanes is a whole number from 1, not '0'"],
    [['--shard=1/3'], '--shard is for a `bun test` with many files, but here each has one'],
    [['--parallel'], '--parallel is for a `bun test` with many files, but here each has one'],
  ])('that are wrong: %p', (args, problem) => {
    expect(parseArguments(args)).toEqual({ problem });
  });
});
