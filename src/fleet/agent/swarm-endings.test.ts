/** How connections end: each once, under the right name, and the swarm goes on. */

import { describe, expect, test } from 'bun:test';
import {
  ENGINE_OPEN,
  type Script,
  ScriptedServer,
  socketIoScript,
  text,
  type VisitorSocket,
} from '../../../test/support/scripted-server.ts';
import { ORDER, SwarmRun, sumOf, WEBSOCKET } from '../../../test/support/swarm-run.ts';
import { closeFrame, upgradeAnswer, wireFrame } from '../../../test/support/wire-frame.ts';

const SESSIONS = 5;
const OPCODE_TEXT = 0x1;
const SOCKET_IO = { mix: ORDER.mix };

const answer = (head: string): Script => ({
  request: (socket) => {
    socket.write(`HTTP/1.1 ${head}\r\nContent-Length: 2\r\n\r\nno`);
    socket.end();
  },
});

/** Sends this to each new session over plain WebSocket. */
const sends = (bytes: Uint8Array): Script => ({ upgraded: (socket) => void socket.write(bytes) });

const reset = (socket: VisitorSocket): void => socket.terminate();

describe('a connection that never becomes a session', () => {
  const cases: readonly (readonly [string, string, Script])[] = [
    ['is closed at once', 'closed', { open: (socket) => void socket.end() }],
    ['is reset at once', 'ECONNRESET', { open: reset }],
    ['is closed when it asks', 'closed', { request: (socket) => void socket.end() }],
    ['is reset when it asks', 'ECONNRESET', { request: reset }],
    ['gets 503', 'HTTP 503', answer('503 Service Unavailable')],
    ['gets 404', 'HTTP 404', answer('404 Not Found')],
    ['gets 400', 'HTTP 400', answer('400 Bad Request')],
    ['gets 401', 'HTTP 401', answer('401 Unauthorized')],
    ['gets 200', 'HTTP 200', answer('200 OK')],
    [
      'gets 429 and is reset',
      'HTTP 429',
      {
        request: (socket) => {
          socket.write('HTTP/1.1 429 Too Many Requests\r\n\r\n');
          socket.terminate();
        },
      },
    ],
    ['is greeted by SSH', 'not the protocol', { open: (s) => void s.write('SSH-2.0-x\r\n') }],
    ['gets noise', 'not the protocol', { request: (s) => void s.write(Buffer.alloc(500, 7)) }],
    [
      'gets the answer to another key',
      'not the protocol',
      { request: (socket) => void socket.write(upgradeAnswer('AAAAAAAAAAAAAAAAAAAAAA==')) },
    ],
    [
      'gets half an answer',
      'closed',
      {
        request: (socket) => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgr');
          socket.end();
        },
      },
    ],
  ];
  test.each(cases)('%s: %s', async (_what, name, script) => {
    for (const mix of [SOCKET_IO, WEBSOCKET]) await expectFailures(name, script, mix);
  });

  const joining: readonly (readonly [string, string, Script])[] = [
    ['is closed with 1008', 'closed 1008', sends(closeFrame(1008, 'policy'))],
    ['is closed after the upgrade', 'closed', { upgraded: (socket) => void socket.end() }],
    ['is reset after the upgrade', 'ECONNRESET', { upgraded: reset }],
    [
      'is refused by the app',
      'refused',
      {
        upgraded: (socket) => void socket.write(ENGINE_OPEN),
        frame: (socket) => void socket.write(text('44{"message":"who are you"}')),
      },
    ],
    [
      'is refused and closed in one write',
      'refused',
      {
        upgraded: (socket) => void socket.write(ENGINE_OPEN),
        frame: (socket) => {
          socket.write(Buffer.concat([text('44{"message":"no"}'), closeFrame(1000)]));
          socket.end();
        },
      },
    ],
    [
      'is opened twice',
      'not the protocol',
      {
        upgraded: (socket) => void socket.write(ENGINE_OPEN),
        frame: (socket) => void socket.write(ENGINE_OPEN),
      },
    ],
    ['is opened at length', 'not the protocol', sends(text(`0{"sid":"${'x'.repeat(5_000)}"}`))],
    ['is closed by Engine.IO', 'closed', sends(Buffer.concat([ENGINE_OPEN, text('1')]))],
    ['hears another language', 'not the protocol', sends(text('{"welcome":true}'))],
    ['hears a masked frame', 'not the protocol', sends(masked(ENGINE_OPEN.subarray(2)))],
  ];
  test.each(joining)('of Socket.IO %s: %s', async (_what, name, script) => {
    await expectFailures(name, script, SOCKET_IO);
  });

  test('is refused by the kernel: ECONNREFUSED', async () => {
    const server = new ScriptedServer();
    const { url } = server;
    server[Symbol.dispose]();
    await expectFailuresAt(url, 'ECONNREFUSED');
  });

  test('has a source that this host does not have: EADDRNOTAVAIL', async () => {
    using server = new ScriptedServer();
    await expectFailuresAt(server.url, 'EADDRNOTAVAIL', { sources: ['198.51.100.7'] });
  });

  test('has a source of the other family: a failure by name', async () => {
    using server = new ScriptedServer();
    const { failures } = await failuresAt(server.url.replace('127.0.0.1', '[::1]'), {
      sources: ['127.0.0.2'],
    });
    expect(Object.keys(failures)).toEqual(['EINVAL']);
  });

  test('has a host name that does not exist: ENOTFOUND', async () => {
    await expectFailuresAt('ws://does-not-exist.invalid:8500/', 'ENOTFOUND');
  });

  test.each([
    ['the upgrade is not answered', { request: () => {} }, SOCKET_IO],
    ['the upgrade is not answered', { request: () => {} }, WEBSOCKET],
    ['the session is not opened', {}, SOCKET_IO],
    ['CONNECT is not answered', sends(ENGINE_OPEN), SOCKET_IO],
    [
      'the answer never ends',
      { request: (socket: VisitorSocket) => void socket.write('HTTP/1.1 101 Switch') },
      WEBSOCKET,
    ],
  ])('%s: handshake timeout', async (_what, script, mix) => {
    using server = new ScriptedServer(script);
    using run = new SwarmRun({ ...mix, targets: [server.url], connections: SESSIONS });
    await run.until('all wait', () => server.requests.length === SESSIONS);
    await Bun.sleep(20);
    expect(run.counters).toMatchObject({ attempts: SESSIONS, failures: {} });
    run.order({ connections: 0 });
    run.skewMs = 19_000;
    await Bun.sleep(20);
    expect(run.connecting).toBe(SESSIONS);
    run.skewMs = 21_000;
    const { failures } = await run.finish();
    expect(failures).toEqual({ 'handshake timeout': SESSIONS });
    await run.until('the server sees them go', () => server.sockets.size === 0);
  });

  test('what a server says after the time is over counts no more', async () => {
    const late: VisitorSocket[] = [];
    using server = new ScriptedServer({ request: (socket) => void late.push(socket) });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 1 });
    await run.until('it waits', () => late.length === 1);
    run.order({ connections: 0 });
    // Both in one turn: the answer is on its way when the time is over.
    server.accept(late[0]!, text('hello'));
    run.swarm.tick(performance.now() + 21_000);
    await run.until('it is gone', () => server.sockets.size === 0);
    const { failures, deliveries } = await run.finish();
    expect(failures).toEqual({ 'handshake timeout': 1 });
    expect(deliveries).toBe(0);
  });
});

describe('a host that does not answer', () => {
  test('is ETIMEDOUT in the end; its files count until the kernel lets go', async () => {
    await using full = await FullServer.start();
    using sane = new ScriptedServer();
    const target = `ws://127.0.0.1:${full.port}/`;
    using run = new SwarmRun({ ...WEBSOCKET, targets: [target], connections: 30 }, 40);
    await run.until('all are on their way', () => run.connecting === 30);
    await Bun.sleep(50);
    expect(run.counters).toMatchObject({ attempts: 30, failures: {} });
    run.order({ connections: 0 });
    run.skewMs = 21_000;
    const { failures } = await run.finish();
    expect(failures).toEqual({ ETIMEDOUT: 30 });
    // Bun cannot take a connect back: those 30 still have their files.
    run.order({ targets: [sane.url], connections: 40 });
    await run.until('the rest is used', () => run.open === 10);
    await Bun.sleep(50);
    expect(run.open).toBe(10);
    await full[Symbol.asyncDispose]();
    await run.settled(40);
    expect(run.counters.failures).toEqual({ ETIMEDOUT: 30 });
  });
});

describe('a session that is lost', () => {
  const cases: readonly (readonly [string, string, (socket: VisitorSocket) => void])[] = [
    ['by close 1008', 'closed 1008', (s) => void s.write(closeFrame(1008))],
    ['by close 1012', 'closed 1012', (s) => void s.write(closeFrame(1012, 'restart'))],
    ['by close 1013', 'closed 1013', (s) => void s.write(closeFrame(1013))],
    ['by close without a code', 'closed 1005', (s) => void s.write(closeFrame())],
    [
      'by close and end',
      'closed 1012',
      (socket) => {
        socket.write(closeFrame(1012));
        socket.end();
      },
    ],
    [
      'by two closes in one write',
      'closed 1012',
      (s) => void s.write(Buffer.concat([closeFrame(1012), closeFrame(1008)])),
    ],
    ['by an end without a frame', 'closed', (s) => void s.end()],
    ['by a reset', 'ECONNRESET', reset],
    ['by a frame without end', 'not the protocol', (s) => void s.write(hugeHeader())],
    ['by a masked frame', 'not the protocol', (s) => void s.write(masked(Buffer.from('42["a"]')))],
    ['by a reserved bit', 'not the protocol', (s) => void s.write(Buffer.of(0xc1, 0))],
    ['by an opcode nobody knows', 'not the protocol', (s) => void s.write(Buffer.of(0x83, 0))],
    ['by a part of no message', 'not the protocol', (s) => void s.write(wireFrame(0, 'x'))],
  ];
  test.each(cases)('%s: %s', async (_what, name, end) => {
    for (const protocol of ['socket-io', 'websocket'] as const) {
      const script = protocol === 'socket-io' ? socketIoScript(end) : { upgraded: end };
      await expectLosses(name, script, { mix: [{ protocol, weight: 1 }] });
    }
  });

  test.each([
    ['by the app', text('41')],
    ['by Engine.IO', text('1')],
    ['by the app, with a close after it', Buffer.concat([text('41'), closeFrame(1000)])],
  ])('%s over Socket.IO: closed', async (_what, bytes) => {
    await expectLosses(
      'closed',
      socketIoScript((s) => void s.write(bytes)),
      SOCKET_IO,
    );
  });

  test('by silence of its Socket.IO server, for both of its times: ping timeout', async () => {
    const open = text('0{"sid":"e","pingInterval":200,"pingTimeout":300}');
    const script: Script = { ...socketIoScript(), upgraded: (socket) => void socket.write(open) };
    using silent = new ScriptedServer(script);
    using alive = new ScriptedServer(script);
    const timer = setInterval(() => alive.broadcast(text('2')), 100);
    const targets = [silent.url, alive.url];
    using run = new SwarmRun({ targets, connections: 20, rate: 1_000 });
    await run.settled(20);
    const startMs = performance.now();
    const [unheard, heard] = [new Set(silent.sockets), new Set(alive.sockets)];
    await run.until('those of the silent one are lost', () => {
      return run.counters.losses['ping timeout'] === 10;
    });
    expect(performance.now() - startMs).toBeGreaterThan(400);
    await run.until('they are cut', () => unheard.isDisjointFrom(silent.sockets));
    expect(heard.isSubsetOf(alive.sockets)).toBe(true);
    clearInterval(timer);
    expect(Object.keys((await run.finish()).losses)).toEqual(['ping timeout']);
  });

  test('not by silence over plain WebSocket, nor while the swarm itself stood still', async () => {
    const open = text('0{"sid":"e","pingInterval":4000,"pingTimeout":4000}');
    using server = new ScriptedServer({
      ...socketIoScript(),
      upgraded: (socket) => {
        if (socket.data.request.includes('EIO=4')) socket.write(open);
      },
    });
    const mix = [...ORDER.mix, ...WEBSOCKET.mix];
    using run = new SwarmRun({ targets: [server.url], mix, connections: 10 });
    await run.settled(10);
    run.skewMs = 60_000;
    await Bun.sleep(50);
    expect(run.open).toBe(10);
    expect(run.counters.losses).toEqual({});
  });

  test('its close is answered with a close, once', async () => {
    using server = new ScriptedServer({
      upgraded: (socket) => void socket.write(closeFrame(1012)),
    });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 1, rate: 0.1 });
    run.skewMs = 15_000;
    await run.until('it is lost', () => run.counters.losses['closed 1012'] === 1);
    await run.until('it is gone', () => server.sockets.size === 0);
    expect(server.frames.map(({ opcode }) => opcode)).toEqual([0x8]);
  });
});

describe('a session that leaves', () => {
  test('says so with a close frame, once, and answers nothing more', async () => {
    const ping = wireFrame(0x9, 'still there?');
    using server = new ScriptedServer({
      ...socketIoScript(),
      frame: (socket, frame) => {
        if (frame.opcode === 0x8) socket.write(Buffer.concat([ping, text('2'), closeFrame(1000)]));
        else socketIoScript().frame?.(socket, frame);
      },
    });
    using run = new SwarmRun({ targets: [server.url], connections: 2 });
    await run.settled(2);
    const { left, losses } = await run.finish();
    await run.until('they are gone', () => server.sockets.size === 0);
    expect({ left, losses }).toEqual({ left: 2, losses: {} });
    expect(server.frames.map(({ opcode }) => opcode)).toEqual([OPCODE_TEXT, OPCODE_TEXT, 8, 8]);
  });

  test('has no receipts any more', async () => {
    const late = text('42["fleet","fleet:1:1;"]');
    using server = new ScriptedServer({
      ...socketIoScript(),
      frame: (socket, frame) => {
        if (frame.opcode === 0x8) socket.write(late);
        else socketIoScript().frame?.(socket, frame);
      },
    });
    using run = new SwarmRun({ targets: [server.url], connections: 5 });
    await run.settled(5);
    await run.finish();
    await run.until('the rest was read', () => run.swarm.sockets === 0);
    expect(run.swarm.tally.broadcasts()).toEqual([]);
    expect(run.counters).toMatchObject({ deliveries: 0, left: 5 });
  });

  test('is cut when the server does not close in its time', async () => {
    using server = new ScriptedServer({ request: (socket) => stayDeaf(socket) });
    const stayDeaf = (socket: VisitorSocket): void => {
      socket.write(upgradeAnswer(/Key: (.*?)\r/.exec(socket.data.request)?.[1] ?? ''));
    };
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: 3 });
    await run.settled(3);
    run.order({ connections: 0 });
    await run.settled(0);
    await Bun.sleep(20);
    expect(server.sockets.size).toBe(3);
    run.skewMs = 5_100;
    await run.until('they are cut', () => server.sockets.size === 0);
    expect(await run.finish()).toMatchObject({ left: 3, losses: {}, failures: {} });
  });

  test('is not lost besides when the server resets it', async () => {
    using server = new ScriptedServer({
      frame: (socket, { opcode }) => void (opcode === 0x8 && socket.terminate()),
    });
    using run = new SwarmRun({ ...WEBSOCKET, targets: [server.url], connections: SESSIONS });
    await run.settled(SESSIONS);
    const counters = await run.finish();
    await run.until('they are gone', () => server.sockets.size === 0);
    expect(counters).toMatchObject({ left: SESSIONS, losses: {}, failures: {} });
    expect(run.counters).toEqual(counters);
  });
});

/** Every connection to such a server fails with this name and no other. */
async function expectFailures(name: string, script: Script, mix: typeof SOCKET_IO): Promise<void> {
  using server = new ScriptedServer(script);
  await expectFailuresAt(server.url, name, mix);
}

async function expectFailuresAt(url: string, name: string, more: object = {}): Promise<void> {
  const { failures, established } = await failuresAt(url, more);
  expect(Object.keys(failures)).toEqual([name]);
  expect(established).toBe(0);
}

async function failuresAt(url: string, more: object) {
  using run = new SwarmRun({ ...more, targets: [url], connections: SESSIONS });
  await run.until('some fail', () => sumOf(run.counters.failures) >= 2 * SESSIONS);
  const counters = await run.finish();
  // It goes on where it can.
  using sane = new ScriptedServer();
  run.order({ ...WEBSOCKET, targets: [sane.url], sources: [], connections: SESSIONS });
  await run.settled(SESSIONS);
  expect(run.counters.failures).toEqual(counters.failures);
  return counters;
}

/** Every session on such a server is lost with this name and no other. */
async function expectLosses(name: string, script: Script, mix: typeof SOCKET_IO): Promise<void> {
  using server = new ScriptedServer(script);
  using run = new SwarmRun({ ...mix, targets: [server.url], connections: SESSIONS });
  await run.until('some are lost', () => sumOf(run.counters.losses) >= 2 * SESSIONS);
  const { failures, losses } = await run.finish();
  expect(Object.keys(losses)).toEqual([name]);
  expect(failures).toEqual({});
  using sane = new ScriptedServer();
  run.order({ ...WEBSOCKET, targets: [sane.url], connections: SESSIONS });
  await run.settled(SESSIONS);
  expect(run.counters.losses).toEqual(losses);
}

function masked(payload: Uint8Array): Buffer {
  return wireFrame(OPCODE_TEXT, payload, { isMasked: true });
}

function hugeHeader(): Buffer {
  return Buffer.of(0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0);
}

/** A server that listens and takes nobody any more: its queue is full, and the kernel is silent. */
class FullServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: Bun.Subprocess;

  private constructor(port: number, child: Bun.Subprocess) {
    this.port = port;
    this.#child = child;
  }

  static async start(): Promise<FullServer> {
    const script =
      "console.log(Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } }).port)";
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' });
    const { value } = await child.stdout.getReader().read();
    const port = Number(new TextDecoder().decode(value));
    child.kill('SIGSTOP');
    let begun = 0;
    let taken = 0;
    const socket = { open: () => void taken++, data() {}, error() {}, connectError() {} };
    for (let idle = 0; idle < 5; ) {
      const before = taken;
      for (; begun < taken + 200; begun++) {
        Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(() => {});
      }
      await Bun.sleep(20);
      idle = taken === before ? idle + 1 : 0;
    }
    return new FullServer(port, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
  }
}
