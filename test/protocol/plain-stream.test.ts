/** The plain protocol as an answer without an end: the bytes of its lines. */

import { expect, test } from 'bun:test';
import { postTo } from '../support/plain-client.ts';
import { event, type Message } from '../support/plain-messages.ts';
import { RawStream } from '../support/plain-stream.ts';
import { RawPeer } from '../support/raw-peer.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { describePlain, PING_INTERVAL_MS } from './plain-target.ts';

function messagesOf(text: string): readonly Message[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as Message);
}

async function openStream(endpoint: Endpoint, query = ''): Promise<[RawStream, string]> {
  const stream = await RawStream.open(endpoint, { target: `/poll?stream=1&${query}` });
  const text = await stream.until('the first line', (all) => messagesOf(all).length > 0);
  return [stream, String(messagesOf(text)[0]?.['session'])];
}

describePlain('plain streams', (endpoint) => {
  declareAnswer(endpoint);
  declareEnds(endpoint);
});

function declareAnswer(endpoint: Endpoint): void {
  test('the answer is lines of JSON that nobody keeps', async () => {
    const [stream, session] = await openStream(endpoint, 'room=match%3A42');
    expect([stream.status, stream.isChunked]).toEqual([200, true]);
    expect(stream.header('content-type')).toStartWith('application/x-ndjson');
    expect(stream.header('cache-control')).toContain('no-store');
    expect(stream.header('x-accel-buffering')).toBe('no');
    expect(stream.header('content-length')).toBeUndefined();
    await postTo(endpoint, session, event('back', 'a\nb\r\nü'));
    await postTo(endpoint, session, event('back', { $binary: 'AQID' }));
    await stream.until('three lines', (text) => messagesOf(text).length >= 3);
    expect(messagesOf(stream.body.text)).toEqual([
      expect.objectContaining({ type: 'connect', rooms: ['match:42'] }),
      event('back', 'a\nb\r\nü'),
      event('back', { $binary: 'AQID' }),
    ]);
    stream.peer.leave();
  });

  test('empty lines keep it open', async () => {
    const [stream] = await openStream(endpoint);
    const count = (text: string): number => text.split('\n').filter((line) => line === '').length;
    const startMs = performance.now();
    // What follows the last line end is no line.
    await stream.until('three empty lines', (text) => count(text) > 3);
    expect(performance.now() - startMs).toBeGreaterThan(PING_INTERVAL_MS);
    expect(messagesOf(stream.body.text)).toHaveLength(1);
    stream.peer.leave();
  });

  test('HTTP/1.0 gets the same without chunks', async () => {
    const target = '/poll?stream=1';
    const stream = await RawStream.open(endpoint, { target, version: '1.0' });
    const first = await stream.until('the first line', (all) => messagesOf(all).length > 0);
    expect([stream.status, stream.isChunked]).toEqual([200, false]);
    expect(stream.header('content-length')).toBeUndefined();
    const session = String(messagesOf(first)[0]?.['session']);
    await postTo(endpoint, session, event('back', 1), '{"type":"disconnect"}');
    await stream.peer.untilEnd();
    expect(messagesOf(stream.body.text)[1]).toEqual(event('back', 1));
  });

  test('it may be opened by a POST, whose body may come late', async () => {
    const body = JSON.stringify({ type: 'connect', auth: { user: 'u1' } });
    const stream = await RawStream.open(endpoint, {
      target: '/poll?stream=1&room=a',
      method: 'POST',
      body,
    });
    const first = await stream.until('the first line', (all) => messagesOf(all).length > 0);
    expect(messagesOf(first)[0]).toMatchObject({ user: 'u1', rooms: ['a'] });
    stream.peer.leave();
    const late = await RawPeer.open(Number(new URL(endpoint.url).port));
    late.send(`POST /poll?stream=1 HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n`);
    late.send('\r\n');
    await late.drip(body, 5);
    await late.untilText('"user":"u1"');
    late.leave();
  });

  test('two thousand messages come once, in order', async () => {
    const room = crypto.randomUUID();
    const [stream, session] = await openStream(endpoint, `room=${room}`);
    for (let from = 0; from < 2000; from += 100) {
      await postTo(endpoint, session, event('burst', room, from, 100));
    }
    const text = await stream.until('the last message', (all) => all.includes('[1999,'));
    const numbers = messagesOf(text)
      .slice(1)
      .map(({ args }) => (args as [number])[0]);
    expect(numbers).toEqual(Array.from({ length: 2000 }, (_, number) => number));
    stream.peer.leave();
  });
}

function declareEnds(endpoint: Endpoint): void {
  test('what the app says before it ends a session comes first, and then why', async () => {
    const [stream, session] = await openStream(endpoint);
    await postTo(endpoint, session, event('kick'));
    const [, ...words] = messagesOf(await stream.untilWhole());
    expect(words).toEqual([
      event('bye'),
      { type: 'disconnect', reason: 'server namespace disconnect' },
    ]);
    stream.peer.leave();
  });

  test('a client that disconnects gets the end of its answer', async () => {
    const [stream, session] = await openStream(endpoint);
    await postTo(endpoint, session, '{"type":"disconnect"}');
    await stream.untilWhole();
    stream.peer.leave();
  });
}
