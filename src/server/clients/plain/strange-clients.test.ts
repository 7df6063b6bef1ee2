/** Plain sessions whose clients are late, leave, or send more than they should. */

import { beforeEach, describe, expect, test } from 'bun:test';
import {
  ENGINE_SETTINGS,
  FakeEngine,
  FakeSocket,
  settle,
} from '../../../../test/support/fake-engine.ts';
import { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { App } from '../../core/app/app.ts';
import type { HttpAnswer } from '../../core/contracts/client-connection.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import type { HandshakeSource } from '../session/session-extras.ts';
import { PlainHome } from './plain-home.ts';
import { PlainRouter } from './plain-router.ts';
import { PlainSession } from './plain-session.ts';
import { RawSession } from './raw-session.ts';

type Message = Readonly<Record<string, unknown>>;

const heard: unknown[] = [];
const app: App = {
  mayJoin: (_session, room) => {
    heard.push(room);
    return room !== 'closed';
  },
  on: {
    back: (session, ...args) => session.emit('back', ...args),
    leave: (session) => session.disconnect(true),
    message: (_session, frame) => void heard.push(frame),
    binary: () => new Promise(() => {}),
  },
};

let worker: FakeEngine;
let home: PlainHome<PlainSession>;

beforeEach(() => {
  heard.length = 0;
  worker = new FakeEngine(app);
  const { core, admissions, context, verbs, refreshing } = worker;
  const json = new ForeignJson({ maxKeys: 20_000, maxDepth: 1_000 });
  const router = new PlainRouter(core, {
    admissions,
    json,
    intake: context.intake,
    verbs,
    refreshing,
  });
  home = new PlainHome(context, router, { ...ENGINE_SETTINGS, pollHoldMs: 1_000 });
});

function handshake(transport: HandshakeSource['transport'], query: string): HandshakeSource {
  const from = { address: '127.0.0.1', addressKey: 1, connection: 2 };
  return { ...from, headers: new Headers(), query, transport };
}

/** The client of a session that polls: what it asks, and what became of that. */
class Poller {
  readonly session: PlainSession;
  readonly id: string;

  constructor(query = '') {
    this.session = new PlainSession(home, handshake('polling', query));
    this.id = this.session.openPolling();
  }

  static async open(): Promise<Poller> {
    const poller = new Poller();
    const first = poller.poll(0);
    poller.session.askToJoin(worker.admissions, {}, 0);
    await settle();
    expect(poller.told(first)).toMatchObject({ position: 1, messages: [{ type: 'connect' }] });
    return poller;
  }

  /** @returns what it is answered, as far as it is */
  poll(position: number): HttpAnswer[] {
    const answers: HttpAnswer[] = [];
    const answer = (given: HttpAnswer): void => void answers.push(given);
    worker.owner.poll(`${this.id}.${position}`, { answer });
    return answers;
  }

  /** @returns the answer; a busy machine takes the rest of a body a little later */
  post(...messages: readonly Message[]): Promise<HttpAnswer> {
    const body = messages.map((message) => JSON.stringify(message)).join('\n');
    return new Promise((answer) => worker.owner.post(this.id, body, { answer }));
  }

  /** The one answer to a poll. */
  told(answers: readonly HttpAnswer[]): { position: number; messages: readonly Message[] } {
    const [{ status, body } = { status: 0, body: '' }] = answers;
    if (status !== 200 || answers.length > 1) return { position: -status, messages: [] };
    const { position, messages } = JSON.parse(body) as { position: string; messages: Message[] };
    return { position: Number(position.split('.')[1]), messages };
  }
}

const back = (value: number): Message => ({ type: 'event', event: 'back', args: [value] });

describe('positions', () => {
  test('a poll that comes late takes nothing from the one that waits', async () => {
    const poller = await Poller.open();
    await poller.post(back(1));
    expect(poller.told(poller.poll(1))).toEqual({ position: 2, messages: [back(1)] });
    const waiting = poller.poll(2);
    const late = poller.poll(1);
    expect(late).toMatchObject([{ status: 400 }]);
    expect(worker.refusals.totals()).toMatchObject({ badRequest: 1 });
    await poller.post(back(2));
    expect(poller.told(waiting)).toEqual({ position: 3, messages: [back(2)] });
  });

  test('the last answer comes again as it was, and counts once', async () => {
    const poller = await Poller.open();
    await poller.post(back(1));
    poller.poll(1);
    const { heldBytes } = worker.budget;
    await poller.post(back(2));
    for (let times = 0; times < 3; times++) {
      expect(poller.told(poller.poll(1))).toEqual({ position: 2, messages: [back(1)] });
    }
    expect(worker.budget.heldBytes).toBeLessThan(3 * heldBytes);
    expect(poller.told(poller.poll(2))).toEqual({ position: 3, messages: [back(2)] });
    poller.poll(3);
    expect(worker.budget.heldBytes).toBe(0);
  });
});

describe('the end of a session that polls', () => {
  test.each([
    ['server shutting down', true],
    ['transport close', true],
    ['transport error', true],
    ['ping timeout', true],
    ['server namespace disconnect', false],
  ] as const)('%s: whether its client is to come back', async (reason, comesBack) => {
    const poller = await Poller.open();
    const waiting = poller.poll(1);
    poller.session.end(reason, CLOSE_CODE.policy);
    const { messages } = poller.told(waiting);
    const retry = comesBack ? { retry: expect.any(Number) } : {};
    expect(messages).toEqual([{ type: 'disconnect', reason, ...retry }]);
  });

  test('what was lost on its way comes again after it, in front of the last words', async () => {
    const poller = await Poller.open();
    await poller.post(back(1));
    expect(poller.told(poller.poll(1))).toEqual({ position: 2, messages: [back(1)] });
    await poller.post(back(2), { type: 'event', event: 'leave' });
    expect(worker.budget.heldBytes).toBeGreaterThan(2 * JSON.stringify(back(1)).length);
    for (let times = 0; times < 2; times++) {
      const again = poller.told(poller.poll(1));
      expect(again).toEqual({ position: 2, messages: [back(1)] });
    }
    for (let times = 0; times < 2; times++) {
      expect(poller.told(poller.poll(2))).toEqual({ position: 3, messages: [back(2)] });
    }
    const { position, messages } = poller.told(poller.poll(3));
    expect([position, messages]).toEqual([4, [expect.objectContaining({ type: 'disconnect' })]]);
    expect(worker.budget.heldBytes).toBe(0);
  });

  test('the message that ends it has been taken', async () => {
    const poller = await Poller.open();
    const answer = await poller.post(back(1), { type: 'disconnect' }, back(2));
    expect(answer).toMatchObject({ status: 200, body: '{"accepted":2}' });
  });
});

describe('a WebSocket', () => {
  async function open(Kind: typeof PlainSession, query: string): Promise<FakeSocket> {
    const socket = new FakeSocket();
    const session = new Kind(home, handshake('websocket', query));
    socket.data = session;
    session.openSocket(socket, false);
    session.askToJoin(worker.admissions, {}, 0);
    await settle();
    return socket;
  }

  test('pings in any number are no frames to an app with a format of its own', async () => {
    const socket = await open(RawSession, 'format=raw');
    const most = 3 * ENGINE_SETTINGS.maxMessagesPerSecond;
    for (let sent = 0; sent < most; sent++) socket.bringPing(1);
    socket.bring('', 'last');
    for (const deadlineMs = performance.now() + 5_000; !heard.includes('last'); ) {
      if (performance.now() > deadlineMs) throw new Error('the frames have not come');
      await Bun.sleep(10);
    }
    expect(heard).toEqual(['', 'last']);
  });

  test('bytes that the app has not done with are held', async () => {
    const socket = await open(PlainSession, '');
    socket.bring(Buffer.alloc(9_000));
    expect(worker.budget.heldBytes).toBeGreaterThan(9_000);
  });

  test('who asks for more rooms than may be is refused before the app is asked', async () => {
    const rooms = Array.from({ length: 1_000 }, (_, at) => `room=${at}`).join('&');
    const socket = await open(PlainSession, rooms);
    expect(socket.news()).toEqual([expect.stringContaining('"reason":"joinForbidden"')]);
    expect(heard).toEqual([]);
  });
});
