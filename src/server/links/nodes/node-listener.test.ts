/** Strangers and workers at the port for other nodes, over real TCP. */

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Socket } from 'bun';
import { LIMITS } from '../../core/limits/limits.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { FramedConnection } from '../ipc/framed-connection.ts';
import { connectProven } from './node-connect.ts';
import { NodeListener, type NodeListenerOptions } from './node-listener.ts';
import { HELLO_BYTES, type LinkEnds, newNonce, proofOf, writeHello } from './proof.ts';

const SECRET = 'the secret of all nodes, 32 long.';
const ENDS: LinkEnds = { edgeNode: 2, edgeWorker: 3, ownerNode: 1, ownerWorker: 0 };

let said: string[];
let refusals: Refusals;
let listener: NodeListener;
let taken: string[];
let ended: (() => void)[];

beforeEach(() => {
  // What the test before has counted is said a second later, to its own list.
  const lines: string[] = [];
  said = lines;
  taken = [];
  ended = [];
  refusals = new Refusals({ debug() {}, info() {}, warn: (text) => lines.push(text), error() {} });
  listener = listen();
});

afterEach(() => {
  for (const end of ended) end();
  listener.stop();
});

function listen(options: Partial<NodeListenerOptions> = {}): NodeListener {
  return new NodeListener({
    host: '127.0.0.1',
    port: 0,
    secret: SECRET,
    node: ENDS.ownerNode,
    worker: ENDS.ownerWorker,
    refusals,
    accept: (onClosed) => link((text) => void taken.push(text), onClosed),
    onLink: () => {},
    ...options,
  });
}

function link(
  onText: (text: string) => void,
  onClosed: (link: FramedConnection) => void = () => {},
): FramedConnection {
  return new FramedConnection(
    {
      onFrame: (_link, frame) => onText(frame.text()),
      onFault: (_link, fault) => onText(String(fault)),
      onClose: onClosed,
    },
    LIMITS.ipcFrameBytes,
  );
}

/** Somebody at the port who says what it likes. */
class Stranger {
  readonly heard: Buffer[] = [];
  isCut = false;
  #socket: Socket | undefined;

  static async come(to: NodeListener = listener): Promise<Stranger> {
    const stranger = new Stranger();
    await Bun.connect({
      hostname: '127.0.0.1',
      port: to.port,
      socket: {
        open: (socket) => void (stranger.#socket = socket),
        data: (_socket, chunk) => void stranger.heard.push(chunk),
        close: () => void (stranger.isCut = true),
        error: () => void (stranger.isCut = true),
      },
    });
    ended.push(() => stranger.leave());
    return stranger;
  }

  get heardBytes(): Buffer {
    return Buffer.concat(this.heard);
  }

  say(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  leave(): void {
    this.#socket?.terminate();
  }

  async cut(): Promise<void> {
    await until(() => this.isCut);
  }

  /** Asks to be let in as an edge. @returns the nonce of the owner */
  async greet(hello: Buffer): Promise<Buffer> {
    this.say(hello);
    await until(() => this.heardBytes.byteLength === 32);
    return this.heardBytes;
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 5_000; !holds(); await Bun.sleep(1)) {
    if (performance.now() > endMs) throw new Error(`not within 5 s: ${String(holds)}`);
  }
}

const unproven = (): number => refusals.totals().clusterUnproven ?? 0;
const newHello = (ends: Partial<LinkEnds> = {}): Buffer =>
  writeHello(newNonce(), { ...ENDS, ...ends });

async function connect(
  options: { secret?: string; ends?: LinkEnds; port?: number; proofMs?: number } = {},
): Promise<FramedConnection> {
  const { secret = SECRET, ends = ENDS, port = listener.port, proofMs = 5_000 } = options;
  const near = link(() => {});
  ended.push(() => near.close());
  const to = { host: '127.0.0.1', port };
  await connectProven(near, { to, ends, secret, refusals, proofMs });
  return near;
}

const failure = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error as Error).message,
  );

test('who knows the secret is let in, and what it said before comes then', async () => {
  const near = link(() => {});
  ended.push(() => near.close());
  near.frame(1).text('early').finish();
  near.send();
  const to = { host: '127.0.0.1', port: listener.port };
  await connectProven(near, { to, ends: ENDS, secret: SECRET, refusals });
  near.frame(1).text('late').finish();
  near.send();
  await until(() => taken.length === 2);
  expect(taken).toEqual(['early', 'late']);
  expect([listener.strangers, listener.links, unproven()]).toEqual([0, 1, 0]);
  near.close();
  await until(() => listener.links === 0);
});

describe('a stranger is cut', () => {
  test('with another secret, and neither end takes a frame', async () => {
    const error = await failure(connect({ secret: SECRET.replace('3', '4') }));
    expect(error).toContain('closed the connection');
    // Both ends have something to say.
    await until(() => unproven() === 2);
    expect([listener.strangers, listener.links, taken]).toEqual([0, 0, []]);
    await until(() => said.length > 0);
    expect(said[0]).toContain('clusterSecret');
  });

  test('that sends something else, or far too much at first', async () => {
    for (const bytes of [Buffer.alloc(HELLO_BYTES, 'GET / HTTP/1.1\r\n'), Buffer.alloc(1 << 20)]) {
      const stranger = await Stranger.come();
      stranger.say(bytes);
      await stranger.cut();
      expect(stranger.heard).toEqual([]);
    }
    expect(unproven()).toBe(2);
  });

  test('that does not wait for the challenge', async () => {
    const stranger = await Stranger.come();
    stranger.say(Buffer.concat([newHello(), Buffer.alloc(1)]));
    await stranger.cut();
    expect(stranger.heard).toEqual([]);
  });

  test('that sends frames with its proof, before the owner has proven itself', async () => {
    const stranger = await Stranger.come();
    const hello = newHello();
    const ownerNonce = await stranger.greet(hello);
    const proof = proofOf('edge', SECRET, { hello, ownerNonce });
    stranger.say(Buffer.concat([proof, Buffer.alloc(1)]));
    await stranger.cut();
    expect([listener.links, taken]).toEqual([0, []]);
  });

  test('that is of this very node, or looks for another worker or node', async () => {
    for (const ends of [{ edgeNode: 1 }, { ownerWorker: 1 }, { ownerNode: 9 }]) {
      const stranger = await Stranger.come();
      stranger.say(newHello(ends));
      await stranger.cut();
      expect(stranger.heard).toEqual([]);
    }
    expect(unproven()).toBe(3);
  });

  test('that says half of it, and then nothing', async () => {
    const hurried = listen({ proofMs: 50 });
    ended.push(() => hurried.stop());
    const silent = await Stranger.come(hurried);
    const half = await Stranger.come(hurried);
    half.say(newHello().subarray(0, 20));
    const slow = await Stranger.come(hurried);
    await slow.greet(newHello());
    await Promise.all([silent.cut(), half.cut(), slow.cut()]);
    expect([hurried.strangers, unproven()]).toEqual([0, 3]);
  });
});

test('what comes byte by byte is taken all the same', async () => {
  const stranger = await Stranger.come();
  const hello = newHello();
  for (const byte of hello.subarray(0, -1)) stranger.say(Buffer.of(byte));
  const ownerNonce = await stranger.greet(hello.subarray(-1));
  stranger.say(proofOf('edge', SECRET, { hello, ownerNonce }));
  await until(() => stranger.heardBytes.byteLength === 64);
  expect(stranger.heardBytes.subarray(32)).toEqual(
    proofOf('owner', SECRET, { hello, ownerNonce: stranger.heardBytes.subarray(0, 32) }),
  );
  expect(listener.links).toBe(1);
});

describe('what was heard is of no use', () => {
  test('to who says it again', async () => {
    const honest = await Stranger.come();
    const hello = newHello();
    const ownerNonce = await honest.greet(hello);
    const proof = proofOf('edge', SECRET, { hello, ownerNonce });
    honest.say(proof);
    await until(() => listener.links === 1);
    const thief = await Stranger.come();
    const other = await thief.greet(hello);
    expect(other).not.toEqual(ownerNonce);
    thief.say(proof);
    await thief.cut();
    expect([listener.links, unproven()]).toEqual([1, 1]);
  });

  test('to who throws it back', async () => {
    // It answers the owner's challenge with what it has another worker of the node make of it.
    const other = listen({ worker: 1 });
    ended.push(() => other.stop());
    const thief = await Stranger.come();
    const nonce = await thief.greet(newHello());
    const mirror = await Stranger.come(other);
    await mirror.greet(writeHello(nonce, { ...ENDS, ownerWorker: 1 }));
    // The owner shows no proof of its own before it has seen one.
    expect(mirror.heardBytes).toHaveLength(32);
    thief.say(mirror.heardBytes);
    await thief.cut();
    expect(listener.links).toBe(0);
  });
});

describe('an edge', () => {
  /** Stands where a worker should be. */
  function impostor(answer: (heard: Buffer, socket: Socket) => void): number {
    const server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket, chunk) => answer(chunk, socket) },
    });
    ended.push(() => server.stop(true));
    return server.port;
  }

  test('gives up when there is nobody, and says nothing of strangers', async () => {
    const { port } = listener;
    listener.stop();
    expect(await failure(connect({ port }))).toContain('cannot be reached');
    expect(unproven()).toBe(0);
  });

  test('cuts an owner that does not know the secret', async () => {
    const port = impostor((_heard, socket) => void socket.write(newNonce()));
    expect(await failure(connect({ port }))).toContain('does not know the secret');
    expect(unproven()).toBe(1);
  });

  test('is not taken in by its own proof', async () => {
    const port = impostor((heard, socket) => {
      socket.write(heard.byteLength === HELLO_BYTES ? newNonce() : heard);
    });
    expect(await failure(connect({ port }))).toContain('does not know the secret');
  });

  test('cuts an owner that says nothing, or too much', async () => {
    const silent = impostor(() => {});
    expect(await failure(connect({ port: silent, proofMs: 30 }))).toContain('was too slow');
    const talkative = impostor((_heard, socket) => void socket.write(Buffer.alloc(1_000)));
    expect(await failure(connect({ port: talkative }))).toContain('more than it was asked');
  });
});

test('strangers make place for others, and workers come in beside them', async () => {
  const first = await Stranger.come();
  await until(() => listener.strangers === 1);
  const others = await Promise.all(
    Array.from({ length: LIMITS.clusterStrangers }, () => Stranger.come()),
  );
  await first.cut();
  await until(() => listener.strangers === LIMITS.clusterStrangers);
  await connect();
  expect(listener.links).toBe(1);
  expect(refusals.totals().clusterCrowded).toBe(2);
  for (const stranger of others) stranger.leave();
  await until(() => listener.strangers === 0);
});

test('a port that another has is refused', () => {
  expect(() => listen({ port: listener.port })).toThrow();
});
