/** Signs of life, and polls whose answers are lost, late or said twice. */

import { describe, expect, test } from 'bun:test';
import { type Message, PlainScript } from '../../test/support/plain-script.ts';
import { WatchedClient } from '../../test/support/watched-client.ts';
import { eventually } from '../../test/system/eventually.ts';
import type { TransportName } from './contract.ts';

const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'stream', 'polling'];
const SHORT = { pingInterval: 40, pingTimeout: 40 };

describe('a session that falls silent', () => {
  test.each(TRANSPORTS)('is given up, over %s', async (transport) => {
    await using server = new PlainScript({ connect: SHORT, take: () => true });
    using one = new WatchedClient(server.url, { transports: [transport] });
    const startMs = performance.now();
    expect(await one.reached('waiting')).toMatchObject({ reason: 'ping timeout' });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(79);
    await one.reached('open', 2);
    expect(server.sessions[0]?.received).toEqual([{ type: 'ping' }]);
  });

  test.each(TRANSPORTS)('is not given up while it answers, over %s', async (transport) => {
    const connected = { pingInterval: 20, pingTimeout: 1_000 };
    await using server = new PlainScript({ connect: connected });
    using one = new WatchedClient(server.url, { transports: [transport] });
    await one.reached('open');
    const { session } = server;
    await eventually(
      'it was asked twice',
      () => session.received.filter(({ type }) => type === 'ping').length,
      (count) => count > 1,
    );
    expect(one.states).toEqual(['open']);
  });

  test('is not given up while comments come', async () => {
    const encoder = new TextEncoder();
    const connected = { type: 'connect', session: 's', pingInterval: 1_000, pingTimeout: 1_000 };
    await using server = new PlainScript({
      answer: () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(encoder.encode(`data: ${JSON.stringify(connected)}\r\n\r\n`));
              for (let i = 0; i < 25; i++) {
                await Bun.sleep(100);
                controller.enqueue(encoder.encode(':\n\n'));
              }
              controller.enqueue(encoder.encode('data:{"type":"event","event":"end"}\n'));
            },
          }),
        ),
    });
    using one = new WatchedClient(server.url, { transports: ['sse'] }, ['end']);
    await one.until('the end is heard', () => one.heard.length === 1);
    expect(one.states).toEqual(['open']);
  });
});

/** Answers polls as a list says, in order; the last one stays. */
function polls(answers: readonly (() => Response | Promise<Response>)[]) {
  let at = 0;
  const asked: string[] = [];
  const answer = (request: Request): Response | Promise<Response> => {
    if (request.method === 'POST') return Response.json({ accepted: 1 });
    asked.push(new URL(request.url).searchParams.get('since') ?? '-');
    return answers[Math.min(at++, answers.length - 1)]?.() ?? new Response('', { status: 500 });
  };
  return { asked, answer };
}

const say = (position: number, ...events: readonly number[]): (() => Response) => {
  const messages: Message[] = events.map((n) => ({ type: 'event', event: 'a', args: [n] }));
  return () => Response.json({ session: 's', position: `s.${position}`, messages });
};
const hello = (): Response =>
  Response.json({
    session: 's',
    position: 's.1',
    messages: [{ type: 'connect', session: 's', pingInterval: 2_000, pingTimeout: 2_000 }],
  });
const silence = (): Promise<Response> => new Promise(() => {});
const brokenOff = (): Response =>
  new Response('{"session":"s","position":"s.3","messages":[{"type":"event","event":"a"}');

describe('a poll', () => {
  test('whose answer was broken off is asked again, and nothing is heard twice', async () => {
    const { asked, answer } = polls([hello, say(2, 1), brokenOff, say(4, 2, 3), silence]);
    await using server = new PlainScript({ answer });
    using one = new WatchedClient(server.url, { transports: ['polling'] }, ['a']);
    await one.until('three are heard', () => one.heard.length === 3);
    await eventually(
      'it asks on',
      () => asked.length,
      (count) => count === 5,
    );
    expect(asked).toEqual(['-', 's.1', 's.2', 's.2', 's.4']);
    expect(one.heard.map(([, number]) => number)).toEqual([1, 2, 3]);
    expect(one.states).toEqual(['open']);
  });

  test('that is answered with what was heard already brings nothing', async () => {
    const twice = say(3, 1, 2);
    const { asked, answer } = polls([hello, twice, twice, twice, say(4, 3), silence]);
    await using server = new PlainScript({ answer });
    using one = new WatchedClient(server.url, { transports: ['polling'] }, ['a']);
    await one.until('the third is heard', () => one.heard.length >= 3);
    expect(one.heard.map(([, number]) => number)).toEqual([1, 2, 3]);
    expect(asked.slice(0, 5)).toEqual(['-', 's.1', 's.3', 's.3', 's.3']);
  });

  test('that is answered for another session means that its own is over', async () => {
    const other = (): Response =>
      Response.json({ session: 't', position: 't.1', messages: [{ type: 'event', event: 'a' }] });
    const { asked, answer } = polls([hello, other, hello, silence]);
    await using server = new PlainScript({ answer });
    using one = new WatchedClient(server.url, { transports: ['polling'] }, ['a']);
    await one.reached('open', 2);
    expect(one.changes[1]).toMatchObject({ state: 'waiting', reason: 'sessionUnknown' });
    expect(asked.slice(0, 3)).toEqual(['-', 's.1', '-']);
    expect(one.heard).toEqual([]);
    // That session waits for nobody.
    expect(server.requests.filter((line) => line.startsWith('POST'))).toEqual([
      'POST /poll?session=t',
    ]);
  });

  test('that is overtaken by the goodbye leaves no session behind', async () => {
    const late = Promise.withResolvers<Response>();
    const { answer } = polls([hello, () => late.promise]);
    await using server = new PlainScript({ answer });
    using one = new WatchedClient(server.url, { transports: ['polling'] });
    await one.reached('open');
    const posts = (): readonly string[] =>
      server.requests.filter((line) => line.startsWith('POST'));
    one.client.close();
    await eventually('the goodbye has come', posts, ({ length }) => length === 1);
    late.resolve(Response.json({ session: 't', position: 't.1', messages: [] }));
    await eventually('the other session is over, too', posts, ({ length }) => length === 2);
    expect(posts()).toEqual(['POST /poll?session=s', 'POST /poll?session=t']);
  });

  test('that is refused ends the session, and a new one is tried', async () => {
    const refused = (): Response => Response.json({ type: 'error', reason: 'no' }, { status: 401 });
    const { answer } = polls([hello, refused, hello, silence]);
    await using server = new PlainScript({ answer });
    using one = new WatchedClient(server.url, { transports: ['polling'] });
    await one.reached('open', 2);
    expect(one.changes[1]).toMatchObject({ state: 'waiting', reason: 'no' });
  });

  test('that is the first and not understood gives way at once', async () => {
    const { answer } = polls([brokenOff, hello, silence]);
    await using server = new PlainScript({ answer });
    const options = { transports: ['polling'], connectTimeoutMs: 60_000 } as const;
    using one = new WatchedClient(server.url, options);
    expect((await one.reached('waiting')).reason).toStartWith('SyntaxError');
    await one.reached('open');
  });

  test('is not asked again once the client is closing', async () => {
    await using server = new PlainScript({
      answer: async ({ method }) => {
        if (method !== 'POST') return undefined;
        server.session.cut();
        await Bun.sleep(100);
        return Response.json({ accepted: 1 });
      },
    });
    using one = new WatchedClient(server.url, { transports: ['polling'] });
    await one.reached('open');
    await eventually(
      'a poll waits',
      () => server.count('/poll'),
      (count) => count === 2,
    );
    one.client.close();
    await eventually(
      'the goodbye has come',
      () => server.count('/poll'),
      (count) => count === 3,
    );
    await Bun.sleep(150);
    expect(server.sessions).toHaveLength(1);
  });

  test('that is never answered is given up', async () => {
    const short = (): Response =>
      Response.json({
        session: 's',
        position: 's.1',
        messages: [{ type: 'connect', session: 's', ...SHORT }],
      });
    const { answer } = polls([short, silence, hello, silence]);
    await using server = new PlainScript({ answer });
    using one = new WatchedClient(server.url, { transports: ['polling'] });
    await one.reached('open', 2);
    expect(one.changes[1]).toMatchObject({ state: 'waiting', reason: 'ping timeout' });
  });
});
