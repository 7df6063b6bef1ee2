/**
 * Socket.IO packets over any transport, for the protocol tests.
 *
 * A wire carries Engine.IO messages: text is a Socket.IO packet without the leading `4`, bytes are
 * an attachment. Tests written against it run over polling, over WebSocket, and over a session
 * that was upgraded from the one to the other.
 */

import { ANSWER_TIMEOUT_MS, within } from './raw-deadline.ts';
import { type Endpoint, RawPolling } from './raw-polling.ts';
import { type Frame, openWebSocket, probeWebSocket, type RawWebSocket } from './raw-websocket.ts';

export const WIRE_KINDS = ['polling', 'websocket', 'upgraded'] as const;
export type WireKind = (typeof WIRE_KINDS)[number];

export interface Wire {
  readonly engineSid: string;
  /** Sends messages in order. Never fails: a refused POST shows in `ended`. */
  send(...messages: readonly Frame[]): Promise<void>;
  next(what?: string): Promise<Frame>;
  /** Settles when the server has ended the Engine.IO session. */
  ended(milliseconds?: number): Promise<void>;
  close(): Promise<void>;
}

export async function openWire(endpoint: Endpoint, kind: WireKind, query = ''): Promise<Wire> {
  if (kind === 'websocket') {
    const options = query === '' ? {} : { query };
    const { socket, handshake } = await openWebSocket(endpoint.url, options);
    return websocketWire(socket, handshake.sid);
  }
  const polling = await RawPolling.open(endpoint);
  if (kind === 'polling') {
    return pollingWire(polling);
  }
  const socket = await probeWebSocket(endpoint.url, polling.sid);
  socket.send('5');
  return websocketWire(socket, polling.sid);
}

function websocketWire(socket: RawWebSocket, engineSid: string): Wire {
  return {
    engineSid,
    send: async (...messages) => {
      socket.send(...messages.map(asPacket));
    },
    next: async (what) => {
      for (;;) {
        const message = asMessage(await socket.next(what));
        if (message !== undefined) {
          return message;
        }
      }
    },
    ended: async (milliseconds) => {
      await socket.end('the server ends the session', milliseconds);
    },
    close: async () => {
      socket.close();
      await socket.end('the WebSocket closes');
    },
  };
}

function pollingWire(polling: RawPolling): Wire {
  return {
    engineSid: polling.sid,
    send: async (...messages) => {
      await polling.post(...messages.map(asPacket)).catch(() => undefined);
    },
    next: async (what) => {
      for (;;) {
        const message = asMessage(await polling.next(what));
        if (message !== undefined) {
          return message;
        }
      }
    },
    ended: async (milliseconds) => {
      await within('the session ends', polling.end(milliseconds), milliseconds);
    },
    close: async () => {
      await polling.postBody('1').catch(() => undefined);
    },
  };
}

function asPacket(message: Frame): Frame {
  return typeof message === 'string' ? `4${message}` : message;
}

/** Undefined for a noop; any other packet than a message is not expected here. */
function asMessage(packet: Frame): Frame | undefined {
  if (typeof packet !== 'string') {
    return packet;
  }
  if (packet === '6') {
    return undefined;
  }
  if (!packet.startsWith('4')) {
    throw new Error(`expected a message, got the packet ${packet.slice(0, 100)}`);
  }
  return packet.slice(1);
}

/** A Socket.IO packet with its attachments put back in place. */
export interface SocketPacket {
  readonly type: number;
  readonly namespace: string;
  readonly id: number | undefined;
  readonly data: unknown;
  readonly attachments: readonly Uint8Array[];
}

const PACKET = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),)?(\d+)?([\s\S]*)$/;

/** The next packet with all its attachments. */
export async function nextPacket(wire: Wire, what = 'a Socket.IO packet'): Promise<SocketPacket> {
  const text = await wire.next(what);
  const match = typeof text === 'string' ? PACKET.exec(text) : null;
  if (match === null) {
    throw new Error(`${what}: expected a Socket.IO packet, got ${String(text).slice(0, 100)}`);
  }
  const attachments: Uint8Array[] = [];
  for (let index = 0; index < Number(match[2] ?? 0); index += 1) {
    const attachment = await wire.next(`attachment ${index} of ${what}`);
    if (typeof attachment === 'string') {
      throw new Error(`attachment ${index} of ${what} is text: ${attachment.slice(0, 100)}`);
    }
    attachments.push(attachment);
  }
  const payload = match[5] ?? '';
  return {
    type: Number(match[1]),
    namespace: match[3] ?? '/',
    id: match[4] === undefined ? undefined : Number(match[4]),
    data: payload === '' ? undefined : fillPlaceholders(JSON.parse(payload), attachments),
    attachments,
  };
}

function fillPlaceholders(value: unknown, attachments: readonly Uint8Array[]): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => fillPlaceholders(item, attachments));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if ('_placeholder' in value && 'num' in value && attachments.length > 0) {
    return attachments[Number(value.num)];
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fillPlaceholders(item, attachments)]),
  );
}

/** `{"_placeholder":true,"num":…}`, as it stands in a packet's JSON. */
export function placeholder(num: number): string {
  return `{"_placeholder":true,"num":${num}}`;
}

/** Joins a namespace of the protocol app and reads its `auth` event; the session id comes back. */
export async function join(wire: Wire, namespace = '/', auth?: object): Promise<string> {
  const prefix = namespace === '/' ? '' : `${namespace},`;
  await wire.send(`0${prefix}${auth === undefined ? '' : JSON.stringify(auth)}`);
  const connected = await nextPacket(wire, 'the answer to CONNECT');
  if (connected.type !== 0 || connected.namespace !== namespace) {
    throw new Error(`CONNECT answered ${JSON.stringify(connected)}`);
  }
  const greeting = await nextPacket(wire, 'the auth event');
  if (JSON.stringify(greeting.data) !== JSON.stringify(['auth', auth ?? {}])) {
    throw new Error(`expected the auth event, got ${JSON.stringify(greeting)}`);
  }
  return (connected.data as { sid: string }).sid;
}

/** Opens a wire and joins the main namespace. */
export async function openSession(
  endpoint: Endpoint,
  kind: WireKind,
): Promise<{ wire: Wire; sid: string }> {
  const wire = await openWire(endpoint, kind);
  return { wire, sid: await join(wire) };
}

/** Shows that a session is alive: an event goes and its answer comes, with nothing in between. */
export async function expectAlive(wire: Wire): Promise<void> {
  const mark = crypto.randomUUID();
  await wire.send(`2${JSON.stringify(['message', mark])}`);
  const packet = await nextPacket(wire, 'the echo that shows the session alive');
  if (JSON.stringify(packet.data) !== JSON.stringify(['message-back', mark])) {
    throw new Error(`expected the echo of ${mark}, got ${JSON.stringify(packet)}`);
  }
}

/** Sees why sessions end, through the app's `gone` event. */
export class Watcher {
  readonly #wire: Wire;
  readonly #gone: Map<string, string> = new Map();

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  static async open(endpoint: Endpoint): Promise<Watcher> {
    const { wire } = await openSession(endpoint, 'websocket');
    await wire.send('20["watch"]');
    await nextPacket(wire, 'the ack of watch');
    return new Watcher(wire);
  }

  /** The reason the app was given for the end of this session. */
  async reason(sid: string, milliseconds: number = ANSWER_TIMEOUT_MS): Promise<string> {
    return await within(`the app hears why ${sid} ended`, this.#await(sid), milliseconds);
  }

  async close(): Promise<void> {
    await this.#wire.close();
  }

  async #await(sid: string): Promise<string> {
    for (;;) {
      const reason = this.#gone.get(sid);
      if (reason !== undefined) {
        return reason;
      }
      const { data } = await nextPacket(this.#wire, `the end of ${sid}`);
      const [event, gone, why] = data as [string, string, string];
      if (event === 'gone') {
        this.#gone.set(gone, why);
      }
    }
  }
}
