/**
 * One room with a client of every kind, over four workers: each gets every message once and in
 * order, and each can ask, join and leave.
 */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { within } from '../support/raw-deadline.ts';
import { requirement } from '../support/requires.ts';
import { Clients } from './clients.ts';
import { eventually } from './eventually.ts';
import {
  type Answered,
  type Participant,
  pageParticipant,
  plainParticipant,
  socketIoParticipant,
} from './participant.ts';

const ROOM = 'match:42';
const MESSAGES = 1000;
const BATCH = 50;
const WAIT_MS = 60_000;
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];

const program = requirement('chromium');
const clients = new Clients();
let node: HoldfastProcess;
let browser: Browser | undefined;
let participants: readonly Participant[] = [];

beforeAll(async () => {
  if (!program.available) return;
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'one-room-app.ts'),
    workers: 4,
    config: { pollHoldMs: 2000 },
  });
  browser = await chromium.launch({ executablePath: program.path, args: ARGUMENTS });
  const endpoint = { url: node.url, freshConnections: true };
  const socket = await clients.connect(node.url, { auth: { rooms: [ROOM] } });
  participants = [
    socketIoParticipant(socket),
    await pageParticipant(browser, node.url, 'websocket', ROOM),
    await pageParticipant(browser, node.url, 'sse', ROOM),
    await plainParticipant(endpoint, 'polling', ROOM),
    await plainParticipant(endpoint, 'stream', ROOM),
  ];
}, 90_000);

afterAll(async () => {
  await Promise.allSettled(participants.map((participant) => participant.close()));
  clients.close();
  await browser?.close();
  if (program.available) await node.stop();
}, 60_000);

const heardOf = async (participant: Participant, name: string): Promise<unknown[]> =>
  (await participant.heard()).filter(([event]) => event === name).map(([, value]) => value);

const asked = (participant: Participant, answer: Promise<Answered>): Promise<Answered> =>
  within(`an answer to ${participant.name}`, answer, WAIT_MS);

test.skipIf(!program.available)(
  program.title('each gets every one of a thousand messages once, in order'),
  async () => {
    for (let from = 0; from < MESSAGES; from += BATCH) {
      const teller = participants[(from / BATCH) % participants.length] as Participant;
      await asked(teller, teller.ask('count', ROOM, from, BATCH));
      // The next one speaks from another worker, and nothing orders what two workers say at once.
      const until = from + BATCH;
      for (const participant of participants) await numbersOf(participant, until);
    }
    const numbers = Array.from({ length: MESSAGES }, (_, number) => number);
    for (const participant of participants) {
      const heard = await heardOf(participant, 'number');
      expect([participant.name, heard]).toEqual([participant.name, numbers]);
    }
  },
  2 * WAIT_MS,
);

test.skipIf(!program.available)(
  program.title('each can ask, and gets acks and errors'),
  async () => {
    for (const participant of participants) {
      const args = ['ü ✓', { deep: [1, null] }];
      expect(await asked(participant, participant.ask('echo', ...args))).toEqual({ args });
      expect(await asked(participant, participant.ask('refuse'))).toEqual({
        error: 'not like that',
      });
    }
  },
  WAIT_MS,
);

test.skipIf(!program.available)(
  program.title('each can join a room, is heard by the others in it, and can leave'),
  async () => {
    const room = 'a room of their own';
    for (const participant of participants) await asked(participant, participant.join(room));
    for (const participant of participants) {
      await asked(participant, participant.ask('say', room, `${participant.name} is here`));
    }
    for (const participant of participants) {
      const others = participants.filter((other) => other !== participant);
      const said = others.map(({ name }) => `${name} is here`).sort();
      const heard = await eventually(
        `${participant.name} hears the others`,
        () => heardOf(participant, 'said'),
        (texts) => said.every((text) => texts.includes(text)),
      );
      expect(heard.filter((text) => text === `${participant.name} is here`)).toEqual([]);
    }
    const [first, ...rest] = participants as [Participant, ...Participant[]];
    for (const participant of rest) await asked(participant, participant.leave(room));
    await asked(first, first.ask('say', room, 'is anybody here?'));
    await asked(first, first.ask('say', ROOM, 'the end'));
    for (const participant of rest) {
      const heard = await eventually(
        `${participant.name} hears the end`,
        () => heardOf(participant, 'said'),
        (texts) => texts.includes('the end'),
      );
      expect(heard).not.toContain('is anybody here?');
    }
  },
  2 * WAIT_MS,
);

test.skipIf(!program.available)(
  program.title('bytes are bytes to Socket.IO clients, and text of base64 to the others'),
  async () => {
    const [socket, ...rest] = participants as [Participant, ...Participant[]];
    const hearsBytes = (participant: Participant, bytes: unknown): Promise<unknown[]> =>
      eventually(
        `${participant.name} hears bytes`,
        () => heardOf(participant, 'said'),
        (heard) => heard.some((value) => Bun.deepEquals(value, bytes)),
      );
    await asked(socket, socket.ask('say', ROOM, Buffer.from([1, 2, 3])));
    for (const participant of rest) await hearsBytes(participant, { $binary: 'AQID' });
    for (const [number, participant] of rest.entries()) {
      const bytes = Buffer.from([7, number]);
      const $binary = bytes.toString('base64');
      await asked(participant, participant.ask('say', ROOM, { $binary }));
      await hearsBytes(socket, bytes);
    }
  },
  WAIT_MS,
);

test.skipIf(!program.available)(
  program.title('each hears the operator'),
  async () => {
    await node.send('half time', '--event', 'announced', '--room', ROOM);
    for (const participant of participants) {
      const heard = await eventually(
        `${participant.name} hears the operator`,
        () => heardOf(participant, 'announced'),
        ({ length }) => length > 0,
      );
      expect([participant.name, heard]).toEqual([participant.name, ['half time']]);
    }
  },
  WAIT_MS,
);

test.skipIf(!program.available)(
  program.title('a room that is forbidden is an error for each that asks by itself'),
  async () => {
    for (const participant of participants.slice(1)) {
      const answer = await asked(participant, participant.join('forbidden'));
      expect([participant.name, answer.error]).toEqual([
        participant.name,
        expect.stringMatching(/./),
      ]);
    }
  },
  WAIT_MS,
);

/** Waits until a client has heard as many numbers as there were. */
async function numbersOf(participant: Participant, count: number): Promise<void> {
  await eventually(
    `${participant.name} hears ${count} numbers`,
    async () => (await heardOf(participant, 'number')).length,
    (length) => length >= count,
    WAIT_MS,
  );
}
