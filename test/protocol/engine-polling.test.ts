/** Engine.IO v4 over HTTP long-polling: payloads, their bounds, overlapping requests, closing. */

import { expect, test } from 'bun:test';
import { SETTLE_MS } from '../support/raw-deadline.ts';
import { RawConnection } from '../support/raw-http.ts';
import { eventOfBytes, joinPolling } from '../support/raw-joined.ts';
import { errorOf, PACKET_SEPARATOR, type RawPolling, request } from '../support/raw-polling.ts';
import { describeOnTargets, expectServing, isReference, MAX_PAYLOAD_BYTES } from './target.ts';

const UNKNOWN_SID = { code: 1, message: 'Session ID unknown' };
const NOOP_OR_CLOSE = ['6', '1'];

/** Bodies that hold a packet no client may send. */
const INVALID_BODIES = [
  ['of an unknown packet type', 'abc'],
  ['of a packet type past the last', '7'],
  ['that is empty', ''],
  ['of a separator alone', PACKET_SEPARATOR],
  ['with a separator at its end', `3${PACKET_SEPARATOR}`],
] as const;

describeOnTargets('Engine.IO polling', (endpoint) => {
  test('takes a text packet and answers ok', async () => {
    const session = await joinPolling(endpoint);
    const answer = await session.postBody('42["message","hello"]');
    expect([answer.status, answer.body]).toEqual([200, 'ok']);
    expect(await session.next()).toBe('42["message-back","hello"]');
  });

  test('takes several packets of one payload in their order', async () => {
    const session = await joinPolling(endpoint);
    await session.post(...['a', 'b', 'c'].map((name) => `42["message","${name}"]`));
    for (const name of ['a', 'b', 'c']) {
      expect(await session.next()).toBe(`42["message-back","${name}"]`);
    }
  });

  test('gathers waiting packets in one payload', async () => {
    const session = await joinPolling(endpoint);
    await session.post('420["count",5]', '421["nothing"]');
    const numbers = [0, 1, 2, 3, 4].map((number) => `42["number",${number}]`);
    expect((await session.get()).body).toStartWith(numbers.join(PACKET_SEPARATOR));
  });

  test('carries bytes as base64 both ways', async () => {
    const session = await joinPolling(endpoint);
    const body = `451-["message",{"_placeholder":true,"num":0}]${PACKET_SEPARATOR}bAQIDBA==`;
    expect((await session.postBody(body)).status).toBe(200);
    const answer = await session.get();
    expect(answer.headers.get('content-type')?.toLowerCase()).toBe('text/plain; charset=utf-8');
    expect(answer.body).toBe(
      `451-["message-back",{"_placeholder":true,"num":0}]${PACKET_SEPARATOR}bAQIDBA==`,
    );
  });

  test('carries text that is more than ASCII', async () => {
    const session = await joinPolling(endpoint);
    const text = JSON.stringify('é€😀\u2028\u0000"\\\u001e');
    await session.post(`42["message",${text}]`);
    expect(await session.next()).toBe(`42["message-back",${text}]`);
  });

  test('takes a body sent in chunks that cut a character in two', async () => {
    const session = await joinPolling(endpoint);
    const body = Buffer.from('42["message","😀"]');
    const cut = body.indexOf(0xf0) + 2;
    const connection = await RawConnection.open(endpoint.url);
    const head = postHead(session, 'Transfer-Encoding: chunked');
    for (const part of [body.subarray(0, cut), body.subarray(cut)]) {
      connection.write(part.length === cut ? head : '');
      connection.write(Buffer.concat([chunkHead(part.length), part, Buffer.from('\r\n')]));
      await Bun.sleep(SETTLE_MS);
    }
    connection.write('0\r\n\r\n');
    expect((await connection.response())?.status).toBe(200);
    connection.close();
    expect(await session.next()).toBe('42["message-back","😀"]');
  });

  test('holds a poll until there is something to send', async () => {
    const session = await joinPolling(endpoint);
    const poll = session.get();
    await Bun.sleep(SETTLE_MS);
    await session.post('42["message","late"]');
    expect((await poll).body).toBe('42["message-back","late"]');
  });

  test('takes a payload of exactly maxPayload bytes', async () => {
    const session = await joinPolling(endpoint);
    const body = eventOfBytes(MAX_PAYLOAD_BYTES);
    expect(Buffer.byteLength(body)).toBe(MAX_PAYLOAD_BYTES);
    expect((await session.postBody(body)).status).toBe(200);
    expect(String(await session.next()).length).toBeGreaterThan(MAX_PAYLOAD_BYTES);
  });

  test.each([
    ['ASCII', eventOfBytes(MAX_PAYLOAD_BYTES + 1)],
    ['characters of three bytes', `42["message","${'€'.repeat(MAX_PAYLOAD_BYTES / 2)}"]`],
  ])('refuses a payload above maxPayload with 413: %s', async (_name, body) => {
    const session = await joinPolling(endpoint);
    const answer = await session.postBody(body);
    expect([answer.status, answer.body]).toEqual([413, '']);
    await expectServing(endpoint);
  });

  test('refuses a payload above maxPayload that does not tell its length', async () => {
    const session = await joinPolling(endpoint);
    const connection = await RawConnection.open(endpoint.url);
    connection.write(postHead(session, 'Transfer-Encoding: chunked'));
    const part = Buffer.alloc(50_000, 'x');
    const chunk = Buffer.concat([chunkHead(part.length), part, Buffer.from('\r\n')]);
    const response = connection.response('the refusal of an endless body');
    let answered = false;
    const refused = response.then(
      () => (answered = true),
      () => (answered = true),
    );
    for (let sent = 0; sent <= 2 * MAX_PAYLOAD_BYTES && !answered; sent += part.length) {
      await connection.writeAll(chunk);
    }
    await refused;
    expect((await response)?.status).toBe(413);
    connection.close();
    await expectServing(endpoint);
  });

  test.each(INVALID_BODIES)('ends the session on a payload %s', async (_name, body) => {
    const session = await joinPolling(endpoint);
    await expectRefusedPost(session, body);
    const after = await session.get();
    expect([after.status, errorOf(after)]).toEqual([400, UNKNOWN_SID]);
    await expectServing(endpoint);
  });

  test('ends the session on an invalid packet between good ones', async () => {
    const session = await joinPolling(endpoint);
    const good = '42["message","before"]';
    await expectRefusedPost(session, `${good}${PACKET_SEPARATOR}abc${PACKET_SEPARATOR}${good}`);
    expect((await session.get()).status).toBe(400);
  });

  test('ends the session on a second poll beside a pending one', async () => {
    const session = await joinPolling(endpoint);
    const first = session.get();
    await Bun.sleep(SETTLE_MS);
    const second = await session.get();
    expect(second.status).toBe(400);
    const { status, body } = await first;
    expect([status, body]).toEqual([200, '1']);
    expect((await session.get()).status).toBe(400);
  });

  test('ends the session on a second POST beside one under way', async () => {
    const session = await joinPolling(endpoint);
    const half = await RawConnection.open(endpoint.url);
    const body = '42["message","never complete"]';
    half.write(`${postHead(session, `Content-Length: ${body.length}`)}${body.slice(0, 10)}`);
    await Bun.sleep(SETTLE_MS);
    expect((await session.postBody('3')).status).toBe(400);
    expect((await session.get()).status).toBe(400);
    half.close();
    await expectServing(endpoint);
  });

  test('takes a POST while a poll is pending', async () => {
    const session = await joinPolling(endpoint);
    const poll = session.get();
    await Bun.sleep(SETTLE_MS);
    await session.post('42["message",1]');
    expect((await poll).status).toBe(200);
  });

  test('answers the pending poll when the client closes', async () => {
    const session = await joinPolling(endpoint);
    const poll = session.get();
    await Bun.sleep(SETTLE_MS);
    const closing = await session.postBody('1');
    expect([closing.status, closing.body]).toEqual([200, 'ok']);
    const { status, body } = await poll;
    expect(status).toBe(200);
    expect(NOOP_OR_CLOSE).toContain(body);
    const after = await session.get();
    expect([after.status, errorOf(after)]).toEqual([400, UNKNOWN_SID]);
  });

  // The reference is one process, which a poll sent with the close packet reaches before it.
  test('knows the session no more after the client closes, but for a poll on its way', async () => {
    const session = await joinPolling(endpoint);
    await session.post('42["message",1]\x1e1');
    if (!isReference) expect(await session.get()).toMatchObject({ status: 200, body: '6' });
    expect(errorOf(await session.get())).toEqual(UNKNOWN_SID);
    const post = await session.postBody('42["message",1]');
    expect([post.status, errorOf(post)]).toEqual([400, UNKNOWN_SID]);
  });

  test('answers the pending poll when the server closes', async () => {
    const session = await joinPolling(endpoint);
    const poll = session.get();
    await Bun.sleep(SETTLE_MS);
    await session.post('42["close-me"]');
    const bodies = [(await poll).body];
    for (let answer = await session.get(); answer.status === 200; answer = await session.get()) {
      bodies.push(answer.body);
    }
    const packets = bodies.join(PACKET_SEPARATOR).split(PACKET_SEPARATOR);
    expect(packets[0]).toBe('41');
    expect(packets.slice(1).every((packet) => NOOP_OR_CLOSE.includes(packet))).toBe(true);
  });

  test('serves many sessions at once, each its own', async () => {
    const sessions = await Promise.all(Array.from({ length: 24 }, () => joinPolling(endpoint)));
    for (let round = 0; round < 4; round += 1) {
      const echoes = sessions.map(async (session, index) => {
        await session.post(`42["message",${index},${round}]`);
        return await session.next();
      });
      expect(await Promise.all(echoes)).toEqual(
        sessions.map((_, index) => `42["message-back",${index},${round}]`),
      );
    }
    await Promise.all(sessions.map((session) => session.post('1')));
  });

  // In version 4 every payload is base64, so a server may honour b64 or refuse it, never mislead.
  test('b64=1 is refused, or gives a session like any other', async () => {
    const answer = await request(endpoint, 'EIO=4&transport=polling&b64=1');
    if (answer.status === 200) {
      expect(answer.body).toStartWith('0{');
    } else {
      expect([answer.status, errorOf(answer).code]).toEqual([400, 3]);
    }
  });
});

function postHead(session: RawPolling, header: string): string {
  return (
    `POST /socket.io/?${session.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
    `Content-Type: text/plain\r\n${header}\r\n\r\n`
  );
}

function chunkHead(length: number): Buffer {
  return Buffer.from(`${length.toString(16)}\r\n`);
}

/** The protocol does not say how such a POST is answered, only that the session ends. */
async function expectRefusedPost(session: RawPolling, body: string): Promise<void> {
  const answer = await session.postBody(body);
  expect([200, 400]).toContain(answer.status);
}
