/** Sessions of the plain protocol as the app and other clients deal with them. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import {
  HTTP_KINDS,
  openPlain,
  PLAIN_KINDS,
  type PlainClient,
  plainRequest,
  poll,
  pollAnswerOf,
  postTo,
} from '../support/plain-client.ts';
import { event, question } from '../support/plain-messages.ts';
import { expectRefusal } from '../support/plain-refusal.ts';
import { SETTLE_MS } from '../support/raw-deadline.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { eventually } from '../system/eventually.ts';
import {
  asked,
  describePlain,
  endpointOf,
  expectAlive,
  Opened,
  PING_TIMEOUT_MS,
  startPlain,
} from './plain-target.ts';

const newRoom = (): string => crypto.randomUUID();

describePlain('plain sessions among others', (endpoint) => {
  declareSecrets(endpoint);
  declareDealings(endpoint);
});

function declareSecrets(endpoint: Endpoint): void {
  test.each([...PLAIN_KINDS])('the name of a session over %s speaks for nobody', async (kind) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    for (const path of ['/sse', '/poll']) {
      const init = { method: 'POST', body: JSON.stringify(event('keep', 'not mine')) };
      const answer = await plainRequest(endpoint, `${path}?session=${client.id}`, init);
      expectRefusal(answer, { status: 404, reason: 'sessionUnknown' });
    }
    for (const number of [0, 1]) {
      const answer = await plainRequest(endpoint, `/poll?since=${client.id}.${number}`);
      if (answer.status === 200) expect(pollAnswerOf(answer).session).not.toBe(client.id);
      else expectRefusal(answer, { status: 400, reason: 'badRequest' });
    }
    expect(await asked(client, 'heard')).toMatchObject({ type: 'ack', args: [] });
  });

  test.each([...HTTP_KINDS])('the app never sees the secret of a session over %s', async (kind) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind, { query: { token: 'x' } });
    const answer = await asked(client, 'who');
    expect(answer).toMatchObject({ args: [{ id: client.id }] });
    expect(JSON.stringify(answer)).not.toContain(client.session);
  });

  test('what is not polled cannot be polled', async () => {
    await using opened = new Opened(endpoint);
    for (const kind of ['sse', 'stream'] as const) {
      const client = await opened.open(kind);
      for (const number of [0, 1]) {
        const answer = await plainRequest(endpoint, `/poll?since=${client.session}.${number}`);
        if (answer.status === 200) expect(pollAnswerOf(answer).session).not.toBe(client.session);
      }
      await expectAlive(client);
    }
  });

  test('a HEAD of a poll takes no message and no turn', async () => {
    const { session, position } = await poll(endpoint, '');
    const waiting = poll(endpoint, `since=${position}`);
    await Bun.sleep(SETTLE_MS);
    const init = { method: 'HEAD' };
    expect((await plainRequest(endpoint, `/poll?since=${position}`, init)).status).toBe(200);
    await postTo(endpoint, session, event('back', 1));
    const answer = await waiting;
    expect(answer.messages).toEqual([event('back', 1)]);
    await plainRequest(endpoint, `/poll?since=${answer.position}`, init);
    expect((await poll(endpoint, `since=${position}`)).messages).toEqual([event('back', 1)]);
  });
}

function declareDealings(endpoint: Endpoint): void {
  async function oneOfEach(opened: Opened, room: string): Promise<readonly PlainClient[]> {
    return await Promise.all(PLAIN_KINDS.map((kind) => opened.open(kind, { rooms: [room] })));
  }

  test('what the app says to a room and to one of it keeps the order of its calls', async () => {
    await using opened = new Opened(endpoint);
    for (const kind of PLAIN_KINDS) {
      const room = newRoom();
      const client = await opened.open(kind, { rooms: [room] });
      await client.send(event('mixed', room));
      for (let number = 0; number < 20; number += 1) {
        expect(await client.next()).toEqual(event('number', number));
      }
    }
  });

  test('the app asks a whole room, and has the answer of each', async () => {
    await using opened = new Opened(endpoint);
    const room = newRoom();
    const clients = await oneOfEach(opened, room);
    const asker = await opened.open('websocket');
    await asker.send(question(1, 'survey', room, 'who?'));
    for (const client of clients) {
      const { id, ...asks } = await client.next();
      expect(asks).toEqual(event('question', 'who?'));
      await client.send({ type: 'ack', id, args: [client.kind] });
    }
    const answer = await asker.next('all answers');
    expect(answer).toMatchObject({ type: 'ack', id: 1 });
    const [kinds] = answer['args'] as [string[]];
    expect([...kinds].sort()).toEqual([...PLAIN_KINDS].sort());
  });

  test('the app finds them, and has them join and leave', async () => {
    await using opened = new Opened(endpoint);
    const [room, other] = [newRoom(), newRoom()];
    const clients = await oneOfEach(opened, room);
    const asker = await opened.open('stream');
    const roll = (await asked(asker, 'roll', room))['args'] as [string[]];
    expect([...roll[0]].sort()).toEqual(clients.map(({ id }) => id).sort());
    for (const client of clients) {
      await asked(asker, 'usher', client.id, other);
      await asker.send(event('tell', client.id, 'private', client.kind));
      expect(await client.next()).toEqual(event('private', client.kind));
    }
    await asked(asker, 'tell', other, 'told', 'all');
    for (const client of clients) expect(await client.next()).toEqual(event('told', 'all'));
  });

  test('one that is expelled by another hears why, and the rest stay', async () => {
    await using opened = new Opened(endpoint);
    const clients = await oneOfEach(opened, newRoom());
    const asker = await opened.open('sse');
    for (const client of clients) {
      await asker.send(event('expel', client.id));
      expect(await client.next()).toEqual({
        type: 'disconnect',
        reason: 'server namespace disconnect',
      });
      await client.ended();
    }
    await expectAlive(asker);
  });
}

describe('plain sessions of a node of three workers', () => {
  let node: HoldfastProcess;
  let endpoint: Endpoint;

  beforeAll(async () => {
    node = await startPlain(3);
    endpoint = endpointOf(node);
  }, 60_000);
  afterAll(() => node.stop());

  test('that come and go in every way leave nothing behind', async () => {
    for (let round = 0; round < 10; round += 1) {
      const clients = await Promise.all(
        Array.from({ length: 40 }, (_, at) => {
          const kind = PLAIN_KINDS[at % PLAIN_KINDS.length] ?? 'sse';
          return openPlain(endpoint, kind, { rooms: ['crowd'] });
        }),
      );
      await Promise.all(
        clients.map(async (client, at) => {
          if (at % 3 === 0) await client.send('{"type":"disconnect"}');
          if (at % 3 === 1) await client.send(event('close'));
          await client.close();
        }),
      );
    }
    await eventually(
      'the node counts nobody',
      () => node.load(),
      ({ connections, missing }) => connections === 0 && missing.length === 0,
      5 * PING_TIMEOUT_MS,
    );
  }, 90_000);

  test('of a worker that dies are gone, and their clients find another', async () => {
    const clients = await Promise.all(
      Array.from({ length: 12 }, () => poll(endpoint, 'room=survivors')),
    );
    const waiting = clients.map(({ position }) =>
      plainRequest(endpoint, `/poll?since=${position}`).catch(() => undefined),
    );
    await Bun.sleep(SETTLE_MS);
    const [pid] = await node.workerPids();
    process.kill(pid as number, 'SIGKILL');
    for (const answer of await Promise.all(waiting)) {
      // Cut off, answered as usual, or told to come back.
      if (answer !== undefined) expect([200, 503]).toContain(answer.status);
    }
    await eventually(
      'the worker is replaced',
      () => node.workerPids(),
      (pids) => pids.length === 3 && pids.every((now) => now !== undefined && now !== pid),
      30_000,
    );
    const again = await Promise.all(
      clients.map(({ position }) => poll(endpoint, `room=survivors&since=${position}`)),
    );
    const isNew = again.map(({ session }, at) => session !== clients[at]?.session);
    expect([isNew.includes(true), isNew.includes(false)]).toEqual([true, true]);
    for (const [at, { messages }] of again.entries()) {
      if (isNew[at]) expect(messages[0]).toMatchObject({ type: 'connect', rooms: ['survivors'] });
      else expect(messages).toEqual([]);
    }
    for (const [at, { session }] of clients.entries()) {
      const { status } = await postTo(endpoint, session, '{"type":"ping"}');
      expect([at, status]).toEqual([at, isNew[at] ? 404 : 200]);
    }
  }, 90_000);
});
