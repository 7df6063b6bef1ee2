/** The plain protocol by long-polling: positions, and what happens to answers that are lost. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import { plainRequest, poll, pollAnswerOf, postTo } from '../support/plain-client.ts';
import { event, type Message, type PollAnswer, question } from '../support/plain-messages.ts';
import { expectRefusal } from '../support/plain-refusal.ts';
import { SETTLE_MS } from '../support/raw-deadline.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { asked, describePlain, endpointOf, Opened, startPlain, whyGone } from './plain-target.ts';

const since = (endpoint: Endpoint, position: string): Promise<PollAnswer> =>
  poll(endpoint, `since=${encodeURIComponent(position)}`);

const numbersOf = (messages: readonly Message[]): unknown[] =>
  messages.map(({ args }) => (args as unknown[])[0]);

/** A poll that its client gives up before there is an answer. */
async function abandoned(endpoint: Endpoint, position: string): Promise<void> {
  const stop = new AbortController();
  const path = `${endpoint.url}/poll?since=${position}`;
  const asking = fetch(path, { signal: stop.signal, keepalive: false }).catch(() => undefined);
  await Bun.sleep(SETTLE_MS);
  stop.abort();
  await asking;
}

/** Polls on until so many messages have come. */
async function pollFor(
  endpoint: Endpoint,
  position: string,
  count: number,
): Promise<{ messages: Message[]; position: string }> {
  const messages: Message[] = [];
  for (let at = position; ; ) {
    const answer = await since(endpoint, at);
    messages.push(...answer.messages);
    at = answer.position;
    if (messages.length >= count) return { messages, position: at };
  }
}

describePlain('plain polling', (endpoint) => {
  declareAnswers(endpoint);
  declareRepeats(endpoint);
  declareStrangePositions(endpoint);
  declareTwoAtOnce(endpoint);
  declareEnds(endpoint);
});

function declareAnswers(endpoint: Endpoint): void {
  test('each answer has the session, a position and messages', async () => {
    const answer = await plainRequest(endpoint, '/poll?room=a');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toStartWith('application/json');
    expect(answer.headers.get('cache-control')).toContain('no-store');
    const first = pollAnswerOf(answer);
    expect(first).toEqual({
      session: expect.stringMatching(/^[\w-]{24}$/),
      position: expect.stringMatching(/^[\w-]{24}\.\d+$/),
      messages: [
        expect.objectContaining({ type: 'connect', session: first.session, rooms: ['a'] }),
      ],
    });
    expect(first.position).toStartWith(`${first.session}.`);
    await postTo(endpoint, first.session, event('back', 2));
    const second = await since(endpoint, first.position);
    expect(second).toEqual({
      session: first.session,
      position: expect.stringMatching(/^[\w-]{24}\.\d+$/),
      messages: [event('back', 2)],
    });
    expect(second.position).not.toBe(first.position);
  });

  test('a poll waits until there are messages', async () => {
    const { session, position } = await poll(endpoint, '');
    const waiting = since(endpoint, position);
    await Bun.sleep(SETTLE_MS);
    await postTo(endpoint, session, event('back', 1));
    expect((await waiting).messages).toEqual([event('back', 1)]);
  });

  test('without messages it is answered after its time, with none', async () => {
    const { session, position } = await poll(endpoint, '');
    const startMs = performance.now();
    const answer = await since(endpoint, position);
    expect(answer).toMatchObject({ session, messages: [] });
    // Two seconds, less what timers are off.
    expect(performance.now() - startMs).toBeGreaterThan(1500);
    await postTo(endpoint, session, event('back', 1));
    expect((await since(endpoint, answer.position)).messages).toEqual([event('back', 1)]);
  });

  test('the parameters of the first request may stand there again', async () => {
    const first = await poll(endpoint, 'room=a&namespace=%2Fcustom&auth=%7B%7D');
    const position = encodeURIComponent(first.position);
    await postTo(endpoint, first.session, event('tell', 'a', 'told', 1));
    const query = `room=a&namespace=%2Fcustom&auth=%7B%7D&since=${position}`;
    expect(await poll(endpoint, query)).toMatchObject({
      session: first.session,
      messages: [event('told', 1)],
    });
  });

  test('what comes between two polls waits for the next one', async () => {
    const { session, position } = await poll(endpoint, '');
    for (const number of [1, 2, 3]) await postTo(endpoint, session, event('back', number));
    const { messages } = await pollFor(endpoint, position, 3);
    expect(numbersOf(messages)).toEqual([1, 2, 3]);
  });

  test('two thousand messages come once, in order', async () => {
    const room = crypto.randomUUID();
    const { session, position } = await poll(endpoint, `room=${room}`);
    for (let from = 0; from < 2000; from += 500) {
      await postTo(endpoint, session, event('burst', room, from, 500));
    }
    const { messages } = await pollFor(endpoint, position, 2000);
    expect(numbersOf(messages)).toEqual(Array.from({ length: 2000 }, (_, number) => number));
  });
}

function declareRepeats(endpoint: Endpoint): void {
  test('the same since brings the same messages again, until the next one', async () => {
    const { session, position } = await poll(endpoint, '');
    await postTo(endpoint, session, event('back', 1), event('back', 2));
    const { messages } = await pollFor(endpoint, position, 2);
    expect(numbersOf(messages)).toEqual([1, 2]);
    for (let times = 0; times < 3; times += 1) {
      const again = await pollFor(endpoint, position, 2);
      expect(numbersOf(again.messages)).toEqual([1, 2]);
      if (times < 2) continue;
      await postTo(endpoint, session, event('back', 3));
      const next = await pollFor(endpoint, again.position, 1);
      expect(numbersOf(next.messages)).toEqual([3]);
    }
  });

  test('an answer that was lost on its way comes again', async () => {
    const { session, position } = await poll(endpoint, '');
    await abandoned(endpoint, position);
    await postTo(endpoint, session, event('back', 1));
    expect(numbersOf((await pollFor(endpoint, position, 1)).messages)).toEqual([1]);
    // Answered, but never seen by the client.
    await postTo(endpoint, session, event('back', 2));
    expect(numbersOf((await pollFor(endpoint, position, 2)).messages)).toEqual([1, 2]);
  });

  test('who loses half of its answers misses nothing and sees nothing twice', async () => {
    const room = crypto.randomUUID();
    const first = await poll(endpoint, `room=${room}`);
    const seen: unknown[] = [];
    const telling = (async () => {
      for (let from = 0; from < 300; from += 10) {
        await postTo(endpoint, first.session, event('burst', room, from, 10));
        await Bun.sleep(5);
      }
    })();
    let { position } = first;
    for (let asks = 0; seen.length < 300; asks += 1) {
      if (asks % 3 === 0) await abandoned(endpoint, position);
      const answer = await since(endpoint, position);
      // As if this one had not arrived.
      if (asks % 2 === 0) continue;
      seen.push(...numbersOf(answer.messages));
      position = answer.position;
    }
    await telling;
    expect(seen).toEqual(Array.from({ length: 300 }, (_, number) => number));
  });

  test('megabytes come in several answers, each of which may be lost', async () => {
    const room = crypto.randomUUID();
    const { session, position } = await poll(endpoint, `room=${room}`);
    const padding = 'x'.repeat(20_000);
    for (let from = 0; from < 150; from += 10) {
      await postTo(endpoint, session, event('burst', room, from, 10, padding));
    }
    const seen: unknown[] = [];
    let at = position;
    for (let asks = 0; seen.length < 150; asks += 1) {
      const answer = await since(endpoint, at);
      if (asks % 2 === 0) continue;
      seen.push(...numbersOf(answer.messages));
      at = answer.position;
    }
    expect(seen).toEqual(Array.from({ length: 150 }, (_, number) => number));
  });

  test('acks are not done again when their answer is asked for again', async () => {
    const { session, position } = await poll(endpoint, '');
    await postTo(endpoint, session, event('keep', 1), question(7, 'heard'));
    for (let times = 0; times < 3; times += 1) {
      const { messages } = await pollFor(endpoint, position, 1);
      expect(messages).toEqual([{ type: 'ack', id: 7, args: [1] }]);
    }
  });
}

function declareStrangePositions(endpoint: Endpoint): void {
  test.each(['x', '.', '7', '.3', 'AAAB', '__proto__', 'null', '%00', '%FF', 'x.y', '1.2.3'])(
    'the since %j is not understood, or begins anew',
    async (text) => {
      const answer = await plainRequest(endpoint, `/poll?since=${text}`);
      if (answer.status === 200) {
        expect(pollAnswerOf(answer).messages[0]).toMatchObject({ type: 'connect' });
      } else expectRefusal(answer, { status: 400, reason: 'badRequest' });
    },
  );

  test('a since whose number is none is not understood', async () => {
    const { session } = await poll(endpoint, '');
    for (const number of ['', 'x', '-1', '1.5', '1e3', '0x1', ' 1', '9'.repeat(400)]) {
      const position = encodeURIComponent(`${session}.${number}`);
      const answer = await plainRequest(endpoint, `/poll?since=${position}`);
      expect([number, answer.status]).toEqual([number, 400]);
      expectRefusal(answer, { status: 400, reason: 'badRequest' });
    }
  });

  test('a since of what was never there takes nothing away', async () => {
    const { session, position } = await poll(endpoint, '');
    await postTo(endpoint, session, event('back', 1));
    for (const number of [999, 2 ** 31, 2 ** 53 - 1]) {
      const answer = await plainRequest(endpoint, `/poll?since=${session}.${number}`);
      expect([number, answer.status]).toEqual([number, 400]);
    }
    expect(numbersOf((await pollFor(endpoint, position, 1)).messages)).toEqual([1]);
  });

  test('a since before the last one that was named is refused', async () => {
    const { session, position } = await poll(endpoint, '');
    let at = position;
    for (const number of [1, 2, 3]) {
      await postTo(endpoint, session, event('back', number));
      const answer = await pollFor(endpoint, at, 1);
      expect(numbersOf(answer.messages)).toEqual([number]);
      at = answer.position;
    }
    const old = await plainRequest(endpoint, `/poll?since=${position}`);
    expectRefusal(old, { status: 400, reason: 'badRequest' });
    await postTo(endpoint, session, event('back', 4));
    expect(numbersOf((await pollFor(endpoint, at, 1)).messages).at(-1)).toBe(4);
  });

  test('a since of another session shows nothing of this one', async () => {
    const [mine, other] = [await poll(endpoint, ''), await poll(endpoint, '')];
    await postTo(endpoint, other.session, event('back', 'secret'));
    await postTo(endpoint, mine.session, event('back', 'mine'));
    const number = other.position.split('.').at(-1);
    const answer = await plainRequest(endpoint, `/poll?since=${mine.session}.${number}`);
    expect(answer.body).not.toContain('secret');
    expect(numbersOf((await pollFor(endpoint, other.position, 1)).messages)).toEqual(['secret']);
  });

  test.each([
    ['nobody ever had', 'A'.repeat(24)],
    ['of another alphabet', `${'_-'.repeat(12)}`],
  ])('a since of a session that %s begins a new one', async (_what, session) => {
    const answer = await poll(endpoint, `since=${session}.3&room=b`);
    expect(answer.messages[0]).toMatchObject({ type: 'connect', rooms: ['b'] });
    expect(answer.session).not.toBe(session);
  });
}

function declareTwoAtOnce(endpoint: Endpoint): void {
  test('a second request takes the place of the first', async () => {
    const { session, position } = await poll(endpoint, '');
    const first = since(endpoint, position);
    await Bun.sleep(SETTLE_MS);
    const second = since(endpoint, position);
    const answer = await first;
    expect(answer).toMatchObject({ session, messages: [] });
    await postTo(endpoint, session, event('back', 1));
    expect(numbersOf((await second).messages)).toEqual([1]);
    // Whoever got the answer without messages goes on from there, and misses nothing.
    expect(numbersOf((await pollFor(endpoint, answer.position, 1)).messages)).toEqual([1]);
  });

  test('twenty at once leave one that waits', async () => {
    const { session, position } = await poll(endpoint, '');
    const asking = Array.from({ length: 20 }, () => since(endpoint, position));
    await Bun.sleep(SETTLE_MS);
    await postTo(endpoint, session, event('back', 1));
    const answers = await Promise.all(asking);
    const full = answers.filter(({ messages }) => messages.length > 0);
    expect(full.length).toBeGreaterThan(0);
    for (const { messages } of full) expect(numbersOf(messages)).toEqual([1]);
  });

  test('one that is cut off leaves the session to the next', async () => {
    const { session, position } = await poll(endpoint, '');
    for (let times = 0; times < 5; times += 1) await abandoned(endpoint, position);
    await postTo(endpoint, session, event('back', 1));
    expect(numbersOf((await pollFor(endpoint, position, 1)).messages)).toEqual([1]);
  });
}

function declareEnds(endpoint: Endpoint): void {
  test('what the app says before it ends a session comes first, and then why', async () => {
    const { session, position } = await poll(endpoint, '');
    await postTo(endpoint, session, event('kick'));
    const { messages } = await pollFor(endpoint, position, 2);
    expect(messages).toEqual([
      event('bye'),
      { type: 'disconnect', reason: 'server namespace disconnect' },
    ]);
  });

  test('and comes by the poll that waits', async () => {
    const { session, position } = await poll(endpoint, '');
    const waiting = pollFor(endpoint, position, 2);
    await Bun.sleep(SETTLE_MS);
    await postTo(endpoint, session, event('kick'));
    expect((await waiting).messages.at(-1)).toMatchObject({ type: 'disconnect' });
  });

  test('a client that disconnects has its waiting poll answered', async () => {
    const { session, position } = await poll(endpoint, '');
    const waiting = plainRequest(endpoint, `/poll?since=${position}`);
    await Bun.sleep(SETTLE_MS);
    await postTo(endpoint, session, '{"type":"disconnect"}');
    expect(pollAnswerOf(await waiting).session).toBe(session);
    const next = await since(endpoint, position);
    expect(next.session).not.toBe(session);
    expect(next.messages[0]).toMatchObject({ type: 'connect' });
  });
}

describe('a plain session that is polled too seldom', () => {
  let node: HoldfastProcess;
  let endpoint: Endpoint;

  beforeAll(async () => {
    node = await startPlain(1, { pingTimeoutMs: 1500, pollHoldMs: 500 });
    endpoint = endpointOf(node);
  }, 60_000);
  afterAll(() => node.stop());

  test('is over, and its since begins a new one', async () => {
    await using opened = new Opened(endpoint);
    const watcher = await opened.open('websocket');
    await asked(watcher, 'watch');
    const { session, position, messages } = await poll(endpoint, 'room=a');
    await whyGone(watcher, String(messages[0]?.['id']));
    expect((await postTo(endpoint, session, '{"type":"ping"}')).status).toBe(404);
    const next = await poll(endpoint, `room=a&since=${position}`);
    expect(next.session).not.toBe(session);
    expect(next.messages[0]).toMatchObject({ type: 'connect', rooms: ['a'], recovered: false });
  }, 30_000);

  test('lives on for as long as it is polled', async () => {
    let { session, position } = await poll(endpoint, '');
    const first = session;
    const startMs = performance.now();
    while (performance.now() - startMs < 4000) {
      ({ session, position } = await since(endpoint, position));
      expect(session).toBe(first);
    }
  }, 30_000);
});
