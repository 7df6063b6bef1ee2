/** Clients of two nodes whose requests and sockets reach the one that has not their session. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { LIMITS } from '../../src/server/core/limits/limits.ts';
import { SessionIdFactory } from '../../src/server/protocol/session-id.ts';
import { Cable } from '../support/cable.ts';
import { clientFrame } from '../support/client-frame.ts';
import { type LinkedNode, LinkedNodes } from '../support/linked-nodes.ts';
import { HTTP_KINDS, openPlain, plainRequest, postTo } from '../support/plain-client.ts';
import { event, question } from '../support/plain-messages.ts';
import { within } from '../support/raw-deadline.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { type Endpoint, errorOf, RawPolling, request } from '../support/raw-polling.ts';
import { probeWebSocket, type RawWebSocket } from '../support/raw-websocket.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'linked-nodes-app.ts');
const CONFIG = {
  pingIntervalMs: 2_000,
  pingTimeoutMs: 20_000,
  pollHoldMs: 2_000,
  maxBackpressureBytes: 1_000_000,
  backpressureTimeoutMs: 300,
};

setDefaultTimeout(60_000);

let nodes: LinkedNodes;

beforeAll(async () => {
  nodes = await LinkedNodes.start({ app: APP, config: CONFIG, workers: 2 });
});

afterAll(() => nodes[Symbol.asyncDispose]());

/** Each request goes to the other node than the one before. */
function alternating(): Endpoint {
  let turn = 0;
  return {
    get url() {
      return (turn++ % 2 === 0 ? nodes.one : nodes.other).url;
    },
    freshConnections: true,
  };
}

const at = ({ url }: LinkedNode): Endpoint => ({ url, freshConnections: true });

/** Opens with one node; whatever follows goes to the other. */
function crossing(): Endpoint {
  let isOpened = false;
  return {
    get url() {
      const { url } = isOpened ? nodes.other : nodes.one;
      isOpened = true;
      return url;
    },
    freshConnections: true,
  };
}

async function joined(endpoint: Endpoint): Promise<RawPolling> {
  const session = await RawPolling.open(endpoint);
  await session.post('40');
  expect(String(await session.next())).toStartWith('40{');
  return session;
}

/** A session of the one node, whose WebSocket is with the other. */
async function upgradedAcross(): Promise<[RawPolling, RawWebSocket]> {
  const session = await joined(at(nodes.one));
  return [session, await upgraded(session, nodes.other)];
}

/** Moves a session to a WebSocket that is with a node, be it its own or not. */
async function upgraded({ sid }: RawPolling, { url }: LinkedNode): Promise<RawWebSocket> {
  const socket = await probeWebSocket(url, sid);
  socket.send('5');
  return socket;
}

async function expectEcho(socket: RawWebSocket, text: string): Promise<void> {
  socket.send(`420["echo",${JSON.stringify(text)}]`);
  expect(await nextText(socket)).toBe(`430[${JSON.stringify(text)}]`);
}

async function nextText(socket: RawWebSocket): Promise<string> {
  const frame = await socket.text();
  return frame === '6' ? await nextText(socket) : frame;
}

describe('Socket.IO', () => {
  test('requests that poll go to both nodes in turn, and all comes once and in order', async () => {
    const session = await joined(alternating());
    for (let number = 0; number < 20; number++) await session.post(`42["back",${number}]`);
    for (let number = 0; number < 20; number++) {
      expect(await session.next()).toBe(`42["back",${number}]`);
    }
    await session.post('42["count",500]');
    for (let number = 0; number < 500; number++) {
      expect(await session.next()).toBe(`42["number",${number},""]`);
    }
    await session.post('41');
  });

  test('bytes come and go', async () => {
    const session = await joined(alternating());
    const bytes = new Uint8Array([0, 1, 254, 255]);
    await session.post('451-["back",{"_placeholder":true,"num":0}]', bytes);
    expect(await session.next()).toBe('451-["back",{"_placeholder":true,"num":0}]');
    expect(await session.next()).toEqual(bytes);
  });

  test('a WebSocket of the other node takes over', async () => {
    const [session, socket] = await upgradedAcross();
    await expectEcho(socket, 'across');
    socket.send('42["count",1000]');
    for (let number = 0; number < 1_000; number++) {
      expect(await nextText(socket)).toBe(`42["number",${number},""]`);
    }
    expect((await session.get()).status).toBe(400);
    socket.close();
    await eventually(
      'the session hears of it',
      () => nodes.one.lines.filter((line) => line.startsWith('gone ')).length,
      (count) => count > 0,
    );
  });

  test('WebSockets of many sessions share the links of the nodes', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => upgradedAcross()));
    await Promise.all(all.map(([, socket], place) => expectEcho(socket, `${place}`)));
    for (const [, socket] of all) socket.send('42["count",50]');
    await Promise.all(
      all.map(async ([, socket]) => {
        for (let number = 0; number < 50; number++) {
          expect(await nextText(socket)).toBe(`42["number",${number},""]`);
        }
      }),
    );
    await eventually(
      'they are counted where they are held',
      () => nodes.other.sum(({ gauges }) => gauges.edgeSockets),
      (count) => count >= 100,
    );
    for (const [, socket] of all) socket.close();
  });

  test('the client of everybody polls, upgrades and stays', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const socket = io(nodes.alternatingUrl, { forceNew: true, reconnection: false });
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        socket.once('connect', resolve).once('connect_error', reject);
        await within('the client connects', promise);
        return socket;
      }),
    );
    for (const socket of sockets) {
      await eventually(
        'the upgrade',
        () => socket.io.engine.transport.name,
        (name) => name === 'websocket',
      );
      expect(await socket.timeout(10_000).emitWithAck('echo', 'a')).toBe('a');
      socket.close();
    }
  });
});

describe('plain clients', () => {
  for (const kind of HTTP_KINDS) {
    test(`a session over ${kind} is sent to by way of the other node`, async () => {
      const client = await openPlain(crossing(), kind);
      await client.send(question(1, 'echo', 'a'), event('count', 100));
      expect(await client.next()).toEqual({ type: 'ack', id: 1, args: ['a'] });
      for (let number = 0; number < 100; number++) {
        expect(await client.next()).toEqual(event('number', number, ''));
      }
      await client.close();
    });
  }

  test('polls go to both nodes in turn', async () => {
    const client = await openPlain(alternating(), 'polling');
    for (let number = 0; number < 20; number++) {
      await client.send(event('back', number));
      expect(await client.next()).toEqual(event('back', number));
    }
    await client.close();
  });
});

describe('what is not known', () => {
  const idOn = (node: number, worker = 0): string => new SessionIdFactory(node, worker).create(1);

  test('a session of no node, of no worker, or none at all is answered alike', async () => {
    for (const id of [idOn(3), idOn(2, 9), idOn(2), idOn(1)]) {
      const polled = await request(at(nodes.one), `EIO=4&transport=polling&sid=${id}`);
      expect([polled.status, errorOf(polled).code]).toEqual([400, 1]);
      expect((await postTo(at(nodes.one), id, event('back'))).status).toBe(404);
    }
    // A poll of a plain client begins anew.
    const begun = await plainRequest(at(nodes.one), `/poll?since=${idOn(2)}.0`);
    expect(begun.status).toBe(200);
  });

  test('nobody joins a room that is named like a session of another node', async () => {
    const session = await joined(at(nodes.one));
    const answerTo = async (room: string): Promise<string> => {
      await session.post(`420["enter-room","${room}"]`);
      return String(await session.next());
    };
    for (const id of [idOn(2), idOn(1)]) expect(await answerTo(id)).toContain('TypeError');
    for (const id of [idOn(3), 'room']) expect(await answerTo(id)).toBe('430["in"]');
  });
});

describe('a client that does not read', () => {
  test('is cut by the node that holds it, and the others go on', async () => {
    const [, bystander] = await upgradedAcross();
    const session = await joined(at(nodes.one));
    const slow = await RawPeer.open(nodes.other.publicPort);
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    slow.send(
      `GET /socket.io/?EIO=4&transport=websocket&sid=${session.sid} HTTP/1.1\r\nHost: a\r\n` +
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    await slow.untilText('\r\n\r\n');
    slow.send(clientFrame({ first: 0x81, payload: '2probe' }));
    await slow.untilText('3probe');
    slow.pause();
    const padding = 'x'.repeat(20_000);
    slow.send(clientFrame({ first: 0x81, payload: '5' }));
    slow.send(clientFrame({ first: 0x81, payload: `42["count",2000,"${padding}"]` }));
    const before = nodes.one.lines.length;
    await eventually(
      'the session ends',
      () => nodes.one.lines.slice(before).filter((line) => line.startsWith('gone ')),
      (gone) => gone.length > 0,
      30_000,
    );
    await eventually(
      'it is counted where the client is',
      () => nodes.other.sum(({ refusals }) => refusals?.slowReader ?? 0),
      (count) => count === 1,
    );
    await expectEcho(bystander, 'well');
    bystander.close();
    slow.leave();
  });
});

describe('a link that breaks', () => {
  test('ends its clients as a worker that dies does, and they come back', async () => {
    await using cable = await Cable.to(nodes.one.place.ports[0] as number);
    await using second = await Cable.to(nodes.one.place.ports[1] as number);
    const ports = [cable, second].map(({ url }) => Number(new URL(url).port));
    // Whoever is linked now goes to the new place.
    nodes.other.tell([{ ...nodes.one.place, ports }]);
    const [session, socket] = await upgradedAcross();
    await expectEcho(socket, 'before');
    const polling = await joined(at(nodes.one));
    cable.cut();
    second.cut();
    expect(await socket.end()).toEqual({ code: 1012, reason: 'worker gone' });
    expect((await session.get()).status).toBe(400);
    await eventually(
      'the owner hears of it',
      () => nodes.one.lines.some((line) => line.includes('transport close')),
      Boolean,
    );
    // The session that polls is still there, by a new link.
    const across = await request(at(nodes.other), polling.query, { method: 'POST', body: '3' });
    expect(across.status).toBe(200);
    await polling.post('42["back","still"]');
    expect(await polling.next()).toBe('42["back","still"]');
    const [, again] = await upgradedAcross();
    await expectEcho(again, 'after');
    again.close();
    nodes.other.tell([nodes.one.place]);
  });

  test('a worker that dies is gone for clients of both nodes', async () => {
    await using dying = await LinkedNodes.start({ app: APP, config: CONFIG });
    const session = await joined(at(dying.one));
    const socket = await upgraded(session, dying.other);
    await expectEcho(socket, 'before');
    dying.one.workers[0]?.kill('SIGKILL');
    expect(await socket.end()).toEqual({ code: 1012, reason: 'worker gone' });
    const answer = await request(at(dying.other), session.query);
    expect([answer.status, errorOf(answer).code]).toEqual([400, 1]);
    await dying.one.workers[0]?.exited;
  });

  test('one that says nothing any more, as when a host lost power, is given up', async () => {
    await using frozen = await LinkedNodes.start({ app: APP, config: CONFIG });
    const session = await joined(at(frozen.one));
    const socket = await upgraded(session, frozen.other);
    await expectEcho(socket, 'before');
    const [worker] = frozen.one.workers;
    process.kill(worker?.pid as number, 'SIGSTOP');
    const startedAtMs = performance.now();
    const closure = await socket.end('the client is let go', 40_000);
    expect(closure).toEqual({ code: 1012, reason: 'worker gone' });
    // Nobody who is merely slow for a while is given up.
    expect(performance.now() - startedAtMs).toBeGreaterThan(LIMITS.clusterSilentMs / 2);
    process.kill(worker?.pid as number, 'SIGCONT');
    await eventually(
      'it is counted',
      () => frozen.other.sum(({ refusals }) => refusals?.clusterSilent ?? 0),
      (count) => count === 1,
    );
    const again = await joined(at(frozen.one));
    await expectEcho(await upgraded(again, frozen.other), 'after');
  });
});

test('nodes with different secrets do not reach each other, and both say so', async () => {
  const otherSecret = 'another secret, of 32 characters.';
  await using strange = await LinkedNodes.start({ app: APP, config: CONFIG, otherSecret });
  const session = await joined(at(strange.one));
  const answer = await request(at(strange.other), session.query);
  expect([answer.status, errorOf(answer).code]).toEqual([400, 1]);
  for (const node of [strange.one, strange.other]) {
    await eventually(
      'it is said',
      () => node.lines.some((line) => line.includes('clusterSecret')),
      Boolean,
    );
  }
  await session.post('42["back","well"]');
  expect(await session.next()).toBe('42["back","well"]');
});
