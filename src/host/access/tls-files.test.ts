import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../../test/support/certificates.ts';
import { readTlsPair, type TlsPair, watchTls } from './tls-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

const cert = join(folder, 'cert.pem');
const key = join(folder, 'key.pem');

function write(pair: TlsPair): void {
  writeFileSync(cert, pair.cert);
  writeFileSync(key, pair.key);
}

test('a pair is read, and what is none is named', () => {
  const one = makeCertificate();
  const other = makeCertificate();
  write(one);
  expect(readTlsPair({ cert, key })).toEqual(one);
  write({ cert: one.cert, key: other.key });
  expect(() => readTlsPair({ cert, key })).toThrow(`The key in ${key} is not that of ${cert}.`);
  write({ cert: 'nothing', key: one.key });
  expect(() => readTlsPair({ cert, key })).toThrow(`${cert} holds no certificate`);
  write({ cert: one.cert, key: 'nothing' });
  expect(() => readTlsPair({ cert, key })).toThrow(`${key} holds no private key`);
  expect(() => readTlsPair({ cert: `${cert}.not`, key })).toThrow('cannot be read (ENOENT).');
  expect(() => readTlsPair({ cert: folder, key })).toThrow('(it is no regular file).');
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  write({ cert: `${one.cert}${broken}`, key: one.key });
  expect(() => readTlsPair({ cert, key })).toThrow('a certificate that is broken');
});

test('a pair that changes is told once it fits, and a fault is told once', async () => {
  write(makeCertificate());
  const next = makeCertificate();
  const told: (TlsPair | string)[] = [];
  let wake = (): void => {};
  const onTold = (what: TlsPair | string): void => {
    told.push(what);
    wake();
  };
  const stop = watchTls({ cert, key }, { onPair: onTold, onFault: onTold }, 5);
  try {
    const heard = (): Promise<void> => new Promise((resolve) => (wake = resolve));
    const fault = heard();
    writeFileSync(key, next.key);
    await fault;
    expect(told).toEqual([`The key in ${key} is not that of ${cert}.`]);
    const pair = heard();
    writeFileSync(cert, next.cert);
    await pair;
    expect(told.slice(1)).toEqual([next]);
  } finally {
    stop();
  }
});
