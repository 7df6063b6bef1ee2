/** HTTP connections as a stranger at the door sees them: every order, split and way to leave. */

import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import { makeCertificate } from '../../../../test/support/certificates.ts';
import { type FrontAtWork, startFront } from '../../../../test/support/front-at-work.ts';
import { RawPeer } from '../../../../test/support/raw-peer.ts';
import { eventually } from '../../../../test/system/eventually.ts';
import type { AnswerStream, Exchange } from '../../core/contracts/exchange.ts';

const MAX_BODY_BYTES = 100_000;
const LONG_BYTES = 8 << 20;
const LONG = Buffer.alloc(LONG_BYTES, 'long ');

const asked: string[] = [];
const abandoned: string[] = [];
const held: Exchange[] = [];
let streams: AnswerStream[] = [];

function say(exchange: Exchange, body: string): void {
  exchange.answer({ status: 200, type: 'text/plain', body }, {});
}

function handle(exchange: Exchange): void {
  const { target } = exchange;
  asked.push(target);
  exchange.waiter = { abandoned: () => void abandoned.push(target) };
  if (target.startsWith('/now')) say(exchange, target);
  else if (target.startsWith('/late')) setTimeout(() => say(exchange, target), 20);
  else if (target === '/held') {
    exchange.isHeld = true;
    held.push(exchange);
  } else if (target === '/open') held.push(exchange);
  else if (target === '/empty') exchange.answerBytes(204, [], '');
  else if (target === '/known') exchange.answerBytes(304, [['etag', '"x"']], 'never sent');
  else if (target === '/long') exchange.answerBytes(200, [], LONG);
  else if (target === '/file') exchange.answerBytes(200, [], LONG, true);
  else if (target === '/stream') streams.push(exchange.stream(200, []));
  else if (target === '/cut') exchange.stream(200, []).cut();
  else if (target.startsWith('/body')) {
    exchange.readBody(MAX_BODY_BYTES, (body) => {
      if ('fault' in body) {
        asked.push(body.fault);
        exchange.answer({ status: 413, type: '', body: 'too long' }, {});
      } else say(exchange, `<${body.bytes.toString('latin1')}>`);
    });
  }
}

const certificate = makeCertificate('localhost');
const plain = startFront(handle);
const secure = startFront(handle, { tls: certificate });

afterAll(() => {
  plain.front.close();
  secure.front.close();
});

beforeEach(() => {
  asked.length = 0;
  abandoned.length = 0;
  held.length = 0;
  streams = [];
});

const get = (target: string, version = '1.1', headers = ''): string =>
  `GET ${target} HTTP/${version}\r\nHost: x\r\n${headers}\r\n`;
const post = (target: string, body: string, headers = ''): string =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

const bodiesOf = (text: string): string[] =>
  text
    .split('HTTP/1.1 200 OK\r\n')
    .slice(1)
    .map((answer) => answer.split('\r\n\r\n')[1] ?? '');

describe.each([
  ['over TCP', plain, false],
  ['over TLS', secure, true],
] as [string, FrontAtWork, boolean][])('%s', (_name, { port, budget, errors }, isSecure) => {
  const open = (): Promise<RawPeer> => RawPeer.open(port, isSecure);
  const untilNothingIsHeld = (): Promise<number> =>
    eventually(
      'nothing is held',
      () => budget.heldBytes,
      (bytes) => bytes === 0,
    );
  const untilAsked = (count: number): Promise<number> =>
    eventually(
      `${count} requests`,
      () => asked.length,
      (length) => length >= count,
    );

  test('many requests in one chunk are answered in their order', async () => {
    const peer = await open();
    const targets = Array.from({ length: 100 }, (_, i) => (i % 7 === 3 ? `/late${i}` : `/now${i}`));
    peer.send(targets.map((target) => get(target)).join(''));
    await peer.until('all answers', ({ text }) => bodiesOf(text).length === 100);
    expect(bodiesOf(peer.text)).toEqual(targets);
    expect(asked).toEqual(targets);
    peer.leave();
    await untilNothingIsHeld();
  });

  test('who asked for much at once and has said all is answered all', async () => {
    const peer = await open();
    const targets = Array.from({ length: 100 }, (_, i) => (i % 9 === 3 ? `/late${i}` : `/now${i}`));
    peer.send(targets.map((target) => get(target)).join(''));
    peer.finish();
    await peer.untilGone();
    expect(bodiesOf(peer.text)).toEqual(targets);
    await untilNothingIsHeld();
  });

  test('a body and the next request in one chunk, in any split', async () => {
    const chunked = 'POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    const all =
      post('/body', 'one') +
      `${chunked}3;x=y\r\ntwo\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n` +
      get('/now') +
      post('/body', 'three');
    for (const size of [1, 2, 7, 50, all.length]) {
      const peer = await open();
      await peer.drip(all, size);
      await peer.until('all answers', ({ text }) => text.endsWith('<three>'));
      expect(bodiesOf(peer.text)).toEqual(['<one>', '<two!>', '/now', '<three>']);
      peer.leave();
    }
    await untilNothingIsHeld();
  });

  test('a body of very many small chunks', async () => {
    const peer = await open();
    const count = 20_000;
    peer.send('POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    peer.send(`${'1\r\nx\r\n'.repeat(count)}0\r\n\r\n`);
    await peer.untilText('>');
    expect(bodiesOf(peer.text)).toEqual([`<${'x'.repeat(count)}>`]);
    peer.leave();
    await untilNothingIsHeld();
  });

  test('the next request waits until the one before is answered', async () => {
    const peer = await open();
    peer.send(get('/open') + get('/now'));
    await untilAsked(1);
    peer.send(get('/now2'));
    await Bun.sleep(20);
    expect(asked).toEqual(['/open']);
    say(held[0] as Exchange, 'first');
    await peer.untilText('/now2');
    expect(bodiesOf(peer.text)).toEqual(['first', '/now', '/now2']);
    peer.leave();
    await untilNothingIsHeld();
  });

  test('who reads nothing is asked nothing more of', async () => {
    const peer = await open();
    peer.pause();
    peer.send(get('/long').repeat(5));
    await untilAsked(1);
    await Bun.sleep(50);
    expect(asked).toHaveLength(1);
    peer.resume();
    await peer.until('all answers', ({ length }) => length > 5 * LONG_BYTES);
    expect(asked).toHaveLength(5);
    peer.leave();
    await untilNothingIsHeld();
  });

  test('who keeps its connection, and who does not', async () => {
    for (const [version, headers, says, stays] of [
      ['1.1', '', undefined, true],
      ['1.1', 'Connection: close\r\n', 'close', false],
      ['1.0', '', 'close', false],
      ['1.0', 'Connection: keep-alive\r\n', 'keep-alive', true],
      ['1.0', 'Connection: keep-alive, close\r\n', 'close', false],
    ] as const) {
      const peer = await open();
      peer.send(get('/now', version, headers));
      await peer.untilText('/now');
      expect(/\r\nConnection: (.*)\r\n/.exec(peer.text)?.[1]).toBe(says);
      if (stays) {
        peer.clear();
        peer.send(get('/now2', version, headers));
        await peer.untilText('/now2');
      } else await peer.untilEnd();
      peer.leave();
    }
  });

  test('answers without a body have none, and the next one follows', async () => {
    const peer = await open();
    peer.send('HEAD /long HTTP/1.1\r\nHost: x\r\n\r\n');
    peer.send(get('/empty') + get('/known') + get('/now'));
    await peer.untilText('/now');
    const heads = peer.text.split('\r\n\r\n');
    expect(heads[0]).toContain(`Content-Length: ${LONG_BYTES}`);
    expect(heads[1]).toStartWith('HTTP/1.1 204');
    expect(heads[1]).not.toContain('Content-Length');
    expect(heads[2]).toStartWith('HTTP/1.1 304');
    expect(heads[2]).not.toContain('Transfer-Encoding');
    expect(heads[4]).toBe('/now');
    peer.leave();
  });

  test.each([1, 20, 1_000])(
    'who waits for leave to send its body gets it, asked %d bytes at a time',
    async (size) => {
      const peer = await open();
      const head = 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n';
      await peer.drip(`${head}Expect: 100-continue\r\n\r\n`, size);
      await peer.untilText('HTTP/1.1 100 Continue\r\n\r\n');
      peer.send('body');
      await peer.untilText('<body>');
      peer.leave();
    },
  );

  test('a body too long is refused at once, to who still sends', async () => {
    for (const head of [`Content-Length: ${LONG_BYTES}`, 'Transfer-Encoding: chunked']) {
      const peer = await open();
      peer.send(`POST /body HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
      if (head.startsWith('T')) peer.send(`${LONG_BYTES.toString(16)}\r\n`);
      for (let sent = 0; sent < LONG_BYTES; sent += 1 << 20) peer.send(LONG.subarray(0, 1 << 20));
      await peer.untilText('too long');
      await peer.untilEnd();
      expect(peer.text).toStartWith('HTTP/1.1 413');
      expect(peer.text).toContain('Connection: close');
      peer.leave();
    }
    expect(asked.filter((what) => what === 'tooLong')).toHaveLength(2);
    await untilNothingIsHeld();
  });

  test('who has asked and said all is answered; one who is held is gone', async () => {
    const early = await open();
    early.send(get('/late'));
    early.finish();
    await early.untilGone();
    expect(early.text).toContain('/late');
    const waiting = await open();
    waiting.send(get('/held'));
    await untilAsked(2);
    waiting.finish();
    await waiting.untilGone();
    expect(abandoned).toEqual(['/held']);
  });

  test('who is held, has asked for more and leaves is gone', async () => {
    const peer = await open();
    peer.send(get('/held') + get('/now'));
    await untilAsked(1);
    await Bun.sleep(20);
    peer.leave();
    await eventually(
      'it is gone',
      () => abandoned,
      ({ length }) => length === 1,
    );
    expect(asked).toEqual(['/held']);
    await untilNothingIsHeld();
  });

  test.each(['reset', 'leave'] as const)('who ends by %s, wherever it is', async (ending) => {
    const body = 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n';
    const sent = ['', 'GE', get('/held'), get('/stream'), body, `${body}half`, get('/long')];
    for (const bytes of sent) {
      const peer = await open();
      if (bytes === get('/long')) peer.pause();
      if (bytes !== '') peer.send(bytes);
      await Bun.sleep(20);
      peer[ending]();
    }
    await untilNothingIsHeld();
    await eventually(
      'all are gone',
      () => abandoned.length,
      (count) => count >= 2,
    );
    expect(abandoned).toContain('/held');
    expect(abandoned).toContain('/stream');
    expect(errors).toEqual([]);
  });

  test('once a connection is cut, what else it asked for is nobody’s', async () => {
    const peer = await open();
    peer.send(get('/cut') + get('/now') + get('/held'));
    await peer.untilGone();
    await Bun.sleep(20);
    expect(asked).toEqual(['/cut']);
    await untilNothingIsHeld();
  });

  test('an answer in pieces: in chunks, or up to the end', async () => {
    for (const version of ['1.1', '1.0']) {
      streams = [];
      const peer = await open();
      peer.send(get('/stream', version));
      await eventually(
        'a stream',
        () => streams.length,
        (count) => count === 1,
      );
      const [stream] = streams as [AnswerStream];
      stream.write('one ');
      stream.write('');
      stream.write(Buffer.from('two'));
      stream.end();
      stream.write('late');
      if (version === '1.1') {
        await peer.untilText('\r\n0\r\n\r\n');
        expect(peer.text.split('\r\n\r\n')[1]).toBe('4\r\none \r\n3\r\ntwo\r\n0');
        peer.send(get('/now'));
        await peer.untilText('/now');
      } else {
        await peer.untilEnd();
        expect(peer.text.split('\r\n\r\n')[1]).toBe('one two');
      }
      peer.leave();
    }
  });

  test('pieces that leave together come in their order, whatever their size', async () => {
    const [peer, other] = [await open(), await open()];
    for (const [at, one] of [peer, other].entries()) {
      one.send(get('/stream', '1.0'));
      await eventually(
        'a stream',
        () => streams.length,
        (count) => count === at + 1,
      );
    }
    const [stream, second] = streams as [AnswerStream, AnswerStream];
    const shared = { text: 'shared ', frame: undefined };
    stream.cork(() => {
      stream.write('one ');
      second.write('of another ');
      stream.writeShared(shared);
      second.cork(() => second.writeShared(shared));
      stream.write(LONG.subarray(0, 200_000));
      stream.write(' end');
    });
    stream.cork(() => {});
    for (const one of [stream, second]) one.end();
    for (const one of [peer, other]) await one.untilEnd();
    const long = LONG.subarray(0, 200_000).toString('latin1');
    expect(peer.text.split('\r\n\r\n')[1]).toBe(`one shared ${long} end`);
    expect(other.text.split('\r\n\r\n')[1]).toBe('of another shared ');
  });

  test('an answer in pieces waits for its reader', async () => {
    const peer = await open();
    peer.pause();
    peer.send(get('/stream'));
    await eventually(
      'a stream',
      () => streams.length,
      (count) => count === 1,
    );
    const [stream] = streams as [AnswerStream];
    let writes = 0;
    const go = (): void => {
      while (writes < 100) {
        writes++;
        if (!stream.write(LONG.subarray(0, 200_000))) {
          stream.onDrain = go;
          return;
        }
      }
      stream.end();
    };
    go();
    await Bun.sleep(50);
    expect(writes).toBeLessThan(100);
    peer.resume();
    await peer.untilText('\r\n0\r\n\r\n');
    expect(peer.length).toBeGreaterThan(100 * 200_000);
    peer.leave();
  });

  test('a client that leaves in the middle of an answer in pieces is seen', async () => {
    const peer = await open();
    peer.send(get('/stream'));
    await eventually(
      'a stream',
      () => streams.length,
      (count) => count === 1,
    );
    peer.leave();
    await eventually(
      'it is gone',
      () => abandoned,
      ({ length }) => length === 1,
    );
    const [stream] = streams as [AnswerStream];
    expect(stream.write('late')).toBe(true);
    stream.end();
    stream.cut();
  });

  test('what is no HTTP is told so, once', async () => {
    for (const [bytes, status] of [
      ['\x16\x03\x01\x00\x05hello', 400],
      ['GET / HTTP/1.1\nHost: x\n\n', 400],
      ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505],
      [`GET /${'x'.repeat(17_000)}`, 414],
      [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(17_000)}`, 431],
    ] as const) {
      const peer = await open();
      peer.send(bytes);
      await peer.untilEnd();
      peer.send(get('/now'));
      expect(peer.text).toStartWith(`HTTP/1.1 ${status} `);
      expect(peer.text.split('HTTP/1.1 ')).toHaveLength(2);
      peer.leave();
    }
    expect(asked).toEqual([]);
    await untilNothingIsHeld();
  });
});

test('a budget that is spent lets go of bodies and of what is asked ahead', async () => {
  const { front, port, budget, errors } = startFront(handle, { budgetBytes: 150_000 });
  const peers: RawPeer[] = [];
  const openPeer = async (bytes: string): Promise<void> => {
    const peer = await RawPeer.open(port);
    peer.send(bytes);
    peers.push(peer);
    await Bun.sleep(10);
  };
  const body = 'x'.repeat(MAX_BODY_BYTES);
  for (let i = 0; i < 4; i++) await openPeer(post('/body', body).slice(0, -1_000));
  await eventually(
    'a body is let go of',
    () => asked,
    (all) => all.includes('letGo'),
  );
  for (let i = 0; i < 4; i++) await openPeer(get('/open') + get('/now').repeat(2_000));
  await eventually(
    'who asks ahead is let go of',
    () => abandoned,
    (all) => all.includes('/open'),
  );
  expect(asked).not.toContain('/now');
  expect(budget.heldBytes).toBeLessThanOrEqual(150_000);
  for (const peer of peers) peer.reset();
  await eventually(
    'nothing is held',
    () => budget.heldBytes,
    (bytes) => bytes === 0,
  );
  expect(errors).toEqual([]);
  front.close();
});

test('answers that nobody reads make place, those of a file do not count', async () => {
  const { front, port, budget } = startFront(handle, { budgetBytes: 20 << 20 });
  try {
    const ask = async (target: string, count: number): Promise<RawPeer[]> => {
      const peers: RawPeer[] = [];
      for (let i = 0; i < count; i++) {
        const peer = await RawPeer.open(port);
        peer.pause();
        peer.send(get(target));
        peers.push(peer);
      }
      return peers;
    };
    asked.length = 0;
    const ofFile = await ask('/file', 10);
    await eventually(
      'they have asked',
      () => asked.length,
      (length) => length === 10,
    );
    expect(budget.heldBytes).toBe(0);
    const own = await ask('/long', 10);
    await eventually(
      'some had to go',
      () => budget.letGoBytes,
      (bytes) => bytes > 0,
    );
    expect(budget.heldBytes).toBeLessThanOrEqual(20 << 20);
    for (const peer of [...ofFile, ...own]) peer.leave();
    await eventually(
      'nothing is held',
      () => budget.heldBytes,
      (bytes) => bytes === 0,
    );
  } finally {
    front.close();
  }
});
