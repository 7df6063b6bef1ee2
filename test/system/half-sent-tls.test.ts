/**
 * Messages that never end, over TLS: the kernel counts its records too, so that talkative clients
 * look as if they had sent halves. They are told apart.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { io, type Socket } from 'socket.io-client';
import { halfFrame, handshake } from '../fuzz/websocket-frames.ts';
import { makeCertificate } from '../support/certificates.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { HONEST_APP } from '../support/honest-clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const MESSAGE_BYTES = 1_000_000;
const HONEST = 4;
/** Each in a record with 22 bytes of its own: together more than an attacker can hold. */
const EVENTS = 60_000;
const ATTACKERS = 64;

const folder = mkdtempSync(join(tmpdir(), 'holdfast-half-sent-'));
const tlsCert = join(folder, 'cert.pem');
const tlsKey = join(folder, 'key.pem');
const { cert, key } = makeCertificate('localhost');
let node: HoldfastProcess;

beforeAll(async () => {
  writeFileSync(tlsCert, cert);
  writeFileSync(tlsKey, key);
  node = await HoldfastProcess.start({
    app: HONEST_APP,
    workers: 2,
    config: { tlsCert, tlsKey, memoryBudgetBytes: 20 << 20, maxMessagesPerSecond: 0 },
  });
});
afterAll(async () => {
  await node.stop();
  rmSync(folder, { recursive: true });
});

/** Half of them come to their WebSocket by an upgrade, and some of these over another worker. */
async function openHonest(index: number): Promise<Socket> {
  const transports = index % 2 === 0 ? ['websocket'] : ['polling', 'websocket'];
  const url = `https://localhost:${node.publicPort}`;
  const socket = io(url, { transports, ca: cert, forceNew: true, reconnection: false });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  const { engine } = socket.io;
  const isThere = (name: string): boolean => name === 'websocket';
  await eventually('the upgrade', () => engine.transport.name, isThere);
  return socket;
}

async function talk(socket: Socket): Promise<void> {
  for (let sent = 0; sent < EVENTS; sent += 500) {
    for (let i = 0; i < 499; i++) socket.emit('nobody hears', i);
    await socket.emitWithAck('honest:ack', sent);
  }
}

async function sendHalf(): Promise<TLSSocket> {
  const socket = connect({ port: node.publicPort, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.write(handshake());
  await once(socket, 'data');
  socket.resume();
  socket.write(halfFrame(MESSAGE_BYTES - 1, MESSAGE_BYTES));
  return socket;
}

test('the talkative stay, and those who never end a message go', async () => {
  const honest = await Promise.all(Array.from({ length: HONEST }, (_, index) => openHonest(index)));
  const reasons: string[] = [];
  for (const socket of honest) socket.on('disconnect', (reason) => reasons.push(reason));
  await Promise.all(honest.map(talk));
  const attackers: TLSSocket[] = [];
  for (let i = 0; i < ATTACKERS; i++) attackers.push(await sendHalf());
  // Without haste: memory is over the budget, but not by much.
  const isEnough = (count: number): boolean => count > ATTACKERS / 4;
  const ended = (): number => attackers.filter(({ destroyed }) => destroyed).length;
  await eventually('attackers are cut', ended, isEnough, 30_000);
  expect(reasons).toEqual([]);
  for (const socket of honest) expect(await socket.emitWithAck('honest:ack', 1)).toBeDefined();
  for (const socket of honest) socket.disconnect();
  for (const socket of attackers) socket.destroy();
});
