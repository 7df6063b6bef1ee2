/** The plain protocol as server-sent events: the bytes of the answer. */

import { expect, test } from 'bun:test';
import { postTo } from '../support/plain-client.ts';
import {
  EventReader,
  event,
  type Message,
  type ServerSentEvent,
} from '../support/plain-messages.ts';
import { RawStream } from '../support/plain-stream.ts';
import { RawPeer } from '../support/raw-peer.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { describePlain, PING_INTERVAL_MS } from './plain-target.ts';

/** Blocks of a stream, comments left out; a block that is not ended is not there yet. */
function eventsOf(text: string): readonly ServerSentEvent[] {
  return new EventReader().read(Buffer.from(text));
}

function messagesOf(text: string): readonly Message[] {
  return eventsOf(text).map(({ data }) => JSON.parse(data ?? 'null') as Message);
}

async function openSse(endpoint: Endpoint, query = ''): Promise<[RawStream, string]> {
  const stream = await RawStream.open(endpoint, { target: `/sse?${query}` });
  const text = await stream.until('the first event', (all) => eventsOf(all).length > 0);
  return [stream, String(messagesOf(text)[0]?.['session'])];
}

describePlain('plain server-sent events', (endpoint) => {
  declareAnswer(endpoint);
  declareEvents(endpoint);
  declareEnds(endpoint);
});

function declareAnswer(endpoint: Endpoint): void {
  test('the answer is a stream of events that nobody keeps', async () => {
    const [stream] = await openSse(endpoint);
    expect([stream.status, stream.isChunked]).toEqual([200, true]);
    expect(stream.header('content-type')).toStartWith('text/event-stream');
    expect(stream.header('cache-control')).toContain('no-store');
    expect(stream.header('x-accel-buffering')).toBe('no');
    expect(stream.header('content-length')).toBeUndefined();
    stream.peer.leave();
  });

  test('the first event says when to come back, and has no id without a history', async () => {
    const [stream] = await openSse(endpoint, 'room=a');
    const [first] = eventsOf(stream.body.text);
    expect(first?.id).toBeUndefined();
    expect(first?.retry).toMatch(/^[1-9]\d*$/);
    expect(JSON.parse(first?.data ?? '')).toMatchObject({ type: 'connect', rooms: ['a'] });
    stream.peer.leave();
  });

  test('each message is one event of the default type, its JSON in one line', async () => {
    const [stream, session] = await openSse(endpoint);
    const text = 'a\nb\r\nc\rd\u2028e\n\ndata: f';
    await postTo(endpoint, session, event('back', text), event('back', 2), event('back'));
    const all = await stream.until('four events', (body) => eventsOf(body).length >= 4);
    const [, ...events] = eventsOf(all);
    expect(events.map(({ data }) => JSON.parse(data ?? '') as unknown)).toEqual([
      event('back', text),
      event('back', 2),
      event('back'),
    ]);
    expect(events.map((one) => [one.event, one.id, one.retry])).toEqual(
      Array(3).fill([undefined, undefined, undefined]),
    );
    const lines = all.split(/\r\n|\n|\r/).filter((line) => !/^(data:|id:|retry:|:|$)/.test(line));
    expect(lines).toEqual([]);
    expect(all.match(/^data:/gm)).toHaveLength(4);
    stream.peer.leave();
  });

  test('HTTP/1.0 gets the same without chunks', async () => {
    const stream = await RawStream.open(endpoint, { target: '/sse?room=a', version: '1.0' });
    const first = await stream.until('the first event', (all) => eventsOf(all).length > 0);
    expect([stream.status, stream.isChunked]).toEqual([200, false]);
    expect(stream.header('content-type')).toStartWith('text/event-stream');
    expect(stream.header('content-length')).toBeUndefined();
    expect(stream.header('connection')?.toLowerCase()).not.toBe('keep-alive');
    const session = String(messagesOf(first)[0]?.['session']);
    await postTo(endpoint, session, event('back', 'ü'), '{"type":"disconnect"}');
    await stream.peer.untilEnd();
    expect(messagesOf(stream.body.text)[1]).toEqual(event('back', 'ü'));
  });

  test('comments keep it open', async () => {
    const [stream] = await openSse(endpoint);
    const isComment = /^:.*$/gm;
    const startMs = performance.now();
    await stream.until('three comments', (text) => (text.match(isComment) ?? []).length >= 3);
    // The first may come at any moment of its interval.
    expect(performance.now() - startMs).toBeGreaterThan(PING_INTERVAL_MS);
    expect(messagesOf(stream.body.text)).toHaveLength(1);
    stream.peer.leave();
  });
}

function declareEvents(endpoint: Endpoint): void {
  test('two thousand events come once, in order', async () => {
    const room = crypto.randomUUID();
    const [stream, session] = await openSse(endpoint, `room=${room}`);
    for (let from = 0; from < 2000; from += 100) {
      await postTo(endpoint, session, event('burst', room, from, 100));
    }
    await stream.until('the last event', (text) => text.includes('[1999,'));
    const numbers = messagesOf(stream.body.text)
      .slice(1)
      .map(({ args }) => (args as [number])[0]);
    expect(numbers).toEqual(Array.from({ length: 2000 }, (_, number) => number));
    stream.peer.leave();
  });

  test('a message of half a megabyte is one event', async () => {
    const [stream, session] = await openSse(endpoint);
    await postTo(endpoint, session, event('back', 'ü'.repeat(250_000)));
    await stream.until('the long event', (text) => eventsOf(text).length > 1);
    expect(messagesOf(stream.body.text)[1]).toEqual(event('back', 'ü'.repeat(250_000)));
    stream.peer.leave();
  });

  test('a request may come byte by byte', async () => {
    const peer = await RawPeer.open(Number(new URL(endpoint.url).port));
    await peer.drip('GET /sse?room=a HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
    await peer.untilText('"type":"connect"');
    peer.leave();
  });
}

function declareEnds(endpoint: Endpoint): void {
  test('the end of a session is the end of its answer', async () => {
    const [stream, session] = await openSse(endpoint);
    await postTo(endpoint, session, '{"type":"disconnect"}');
    await stream.untilWhole();
    expect((await postTo(endpoint, session, '{"type":"ping"}')).status).toBe(404);
    stream.peer.leave();
  });

  test('what the app says before it ends a session comes first, and then why', async () => {
    const [stream, session] = await openSse(endpoint);
    await postTo(endpoint, session, event('kick'));
    const [, bye, disconnect, ...more] = messagesOf(await stream.untilWhole());
    expect(bye).toEqual(event('bye'));
    expect(disconnect).toEqual({ type: 'disconnect', reason: 'server namespace disconnect' });
    expect(more).toEqual([]);
    stream.peer.leave();
  });
}
