import { expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contestant } from '../contestants/contract.ts';
import { contestants } from '../contestants/index.ts';
import { chooseField, ofProtocols } from './options.ts';

const entry = (name: string, reason?: string): Contestant => ({
  name,
  title: name,
  protocol: 'websocket',
  expectedSeconds: 1,
  unavailable: () => reason,
  start: () => Promise.reject(new Error('not here')),
});
const all = [entry('bare'), entry('nchan', 'nginx is missing: install it')];

test('who cannot run is left out with a sentence, and the others run', () => {
  const { only, skipped } = chooseField(all, undefined);
  expect(only.map(({ name }) => name)).toEqual(['bare']);
  expect(skipped).toEqual(['nchan is left out: nginx is missing: install it.']);
});

test('who was named must be able to run', () => {
  expect(chooseField(all, ['bare'])).toMatchObject({ only: [{ name: 'bare' }], skipped: [] });
  expect(() => chooseField(all, ['bare', 'nchan'])).toThrow(
    'nchan cannot run: nginx is missing: install it.',
  );
  expect(() => chooseField(all, ['bear'])).toThrow(
    "There is no contestant 'bear'; name some of bare, nchan.",
  );
});

test('protocols choose who speaks them', () => {
  const some = ofProtocols(contestants({}), ['sse', 'poll']).map(({ name }) => name);
  const wanted = ['holdfast-sse', 'http-sse', 'nchan-sse', 'holdfast-poll', 'http-poll'];
  expect(new Set(some)).toEqual(new Set([...wanted, 'nchan-poll']));
  expect(ofProtocols(all, undefined)).toEqual(all);
  expect(() => ofProtocols(all, ['gopher'])).toThrow(
    "No contestant speaks 'gopher'; name some of websocket.",
  );
});

test('Centrifugo takes part only with a binary that can be executed', () => {
  expect(() => chooseField(contestants({}), ['centrifugo'])).toThrow(
    'centrifugo cannot run: the path of its binary is not known: give --centrifugo PATH.',
  );
  const missing = '/nowhere/centrifugo';
  const named = contestants({ centrifugo: missing });
  const sentence =
    `centrifugo cannot run: ${missing} cannot be executed: ` +
    'name the binary of Centrifugo with --centrifugo PATH.';
  expect(() => chooseField(named, ['centrifugo'])).toThrow(sentence);
  // Whoever gives a path wants it to run, even without --only.
  expect(() => chooseField(named, undefined, missing)).toThrow(sentence);

  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  try {
    const binary = join(folder, 'centrifugo');
    writeFileSync(binary, '#!/bin/sh\n');
    chmodSync(binary, 0o755);
    const { only } = chooseField(contestants({ centrifugo: binary }), undefined, binary);
    expect(only.map(({ name }) => name)).toContain('centrifugo');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the command refuses in one line', async () => {
  const child = Bun.spawn(
    [process.execPath, `${import.meta.dir}/main.ts`, '--only', 'centrifugo'],
    {
      stdout: 'pipe',
      stderr: 'pipe',
    },
  );
  const [code, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  expect([code, out]).toEqual([1, '']);
  expect(err).toBe(
    'error: centrifugo cannot run: the path of its binary is not known: give --centrifugo PATH.\n',
  );
});
