/** TLS on both ports: clients, commands, and certificates renewed while sessions are open. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { io, type Socket } from 'socket.io-client';
import { type Certificate, makeCertificate } from '../support/certificates.ts';
import { HoldfastProcess, runHoldfast } from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
const cert = join(folder, 'cert.pem');
const key = join(folder, 'key.pem');
const app = join(import.meta.dir, 'system-app.ts');
const TLS = { tlsCert: cert, tlsKey: key, adminTlsCert: cert, adminTlsKey: key };

let node: HoldfastProcess;
/** The one in the files now. */
let current: Certificate;

beforeAll(async () => {
  write(makeCertificate('first'));
  node = await HoldfastProcess.start({ app, workers: 2, config: TLS });
});
afterAll(async () => {
  await node.stop();
  rmSync(folder, { recursive: true });
});

function write(pair: Certificate): void {
  current = pair;
  writeFileSync(key, pair.key);
  writeFileSync(cert, pair.cert);
}

async function open(transports: string[], ca: string): Promise<Socket> {
  const options = { transports, ca, reconnection: false, forceNew: true };
  const socket = io(`https://localhost:${node.publicPort}`, options);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

/**
 * The name on the certificate that a port shows. A connection that the older listener had not
 * accepted when it stopped is reset, which clients meet by trying again.
 */
function shownAt(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject?.CN));
      socket.destroy();
    });
    socket.once('error', (error) => resolve(error.message));
  });
}

test('clients come in by each transport, and none without TLS', async () => {
  for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
    const socket = await open(transports, current.cert);
    expect(await socket.emitWithAck('echo', 'over TLS')).toBe('over TLS');
    socket.close();
  }
  const plain = await fetch(`http://127.0.0.1:${node.publicPort}/health`).catch(() => undefined);
  expect(plain?.ok ?? false).toBeFalse();
});

test('commands reach the admin port, and trust no certificate they were not given', async () => {
  const admin = `https://localhost:${node.adminPort}`;
  const send = await runHoldfast(['send', 'hello', '--admin', admin, '--admin-ca', cert]);
  expect([send.code, send.err]).toEqual([0, '']);
  const blind = await runHoldfast(['send', 'hello', '--admin', admin]);
  expect(blind.code).toBe(1);
});

test('a new certificate is used while sessions of the old one go on', async () => {
  const socket = await open(['websocket'], current.cert);
  const next = makeCertificate('next');
  write(next);
  await eventually(
    'both ports show the new certificate',
    () => Promise.all([node.publicPort, node.adminPort].map(shownAt)),
    (names) => names.every((name) => name === 'next'),
  );
  // Each worker finds the files anew by itself.
  await eventually(
    'all workers show it',
    () => Promise.all(Array.from({ length: 20 }, () => shownAt(node.publicPort))),
    (names) => names.every((name) => name === 'next'),
  );
  expect(await socket.emitWithAck('echo', 'still here')).toBe('still here');
  const another = await open(['websocket'], next.cert);
  expect(await another.emitWithAck('echo', 'new')).toBe('new');
  socket.close();
  another.close();
});

test('files that are no pair keep a node from starting, in one sentence', async () => {
  const other = join(folder, 'other.pem');
  writeFileSync(other, makeCertificate().key);
  const ports = ['--port', '0', '--admin-port', '0', '--workers', '1'];
  const args = ['start', ...ports, '--tls-cert', cert, '--tls-key', other];
  const { code, err } = await runHoldfast(args);
  expect([code, err]).toEqual([1, `holdfast: The key in ${other} is not that of ${cert}.\n`]);
  const half = await runHoldfast(['start', ...ports, '--tls-cert', cert]);
  expect([half.code, half.err]).toEqual([1, expect.stringContaining('must be set both')]);
});
