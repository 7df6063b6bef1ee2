/** WebSocket frames byte by byte (RFC 6455 section 5.2), those that may be sent and those not. */

import type { Random } from './random.ts';

const TEXT = 1;
const BINARY = 2;

/** The request that opens a WebSocket, for a session that exists or for a new one. */
export function handshake(sid?: string): string {
  const session = sid === undefined ? '' : `&sid=${sid}`;
  return (
    `GET /socket.io/?EIO=4&transport=websocket${session} HTTP/1.1\r\nHost: localhost\r\n` +
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  );
}

interface FrameParts {
  /** FIN, the reserved bits and the opcode. */
  readonly first: number;
  readonly payload: Uint8Array;
  readonly isMasked?: boolean;
  /** The length that the frame says it has. */
  readonly saidLength?: bigint;
  /** How many bytes say it: 0 (in the second byte), 2 or 8. */
  readonly lengthBytes?: 0 | 2 | 8;
}

function frame({ first, payload, isMasked = true, saidLength, lengthBytes }: FrameParts): Buffer {
  const length = saidLength ?? BigInt(payload.length);
  const bytes = lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const second = bytes === 0 ? Number(length & 127n) : bytes === 2 ? 126 : 127;
  const extended = Buffer.alloc(bytes);
  if (bytes === 2) extended.writeUInt16BE(Number(length & 0xff_ffn));
  if (bytes === 8) extended.writeBigUInt64BE(length);
  const head = Buffer.from([first, second | (isMasked ? 0x80 : 0)]);
  if (!isMasked) return Buffer.concat([head, extended, payload]);
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([head, extended, mask, masked]);
}

export function textFrame(text: string): Buffer {
  return frame({ first: 0x80 | TEXT, payload: Buffer.from(text) });
}

/** The first bytes of a frame that says it has more. */
export function halfFrame(bytes: number, saidBytes: number): Buffer {
  return frame({ first: 0x80 | TEXT, payload: Buffer.alloc(bytes), saidLength: BigInt(saidBytes) });
}

/** A message in parts without the last one, and a pong after each. */
export function fragments(count: number, bytes: number): Buffer[] {
  const pong = frame({ first: 0x8a, payload: Buffer.alloc(0) });
  const payload = Buffer.alloc(bytes, 'x');
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([frame({ first: index === 0 ? TEXT : 0, payload }), pong]),
  );
}

/** A ping with as many bytes as it may have. */
export function pingFrame(): Buffer {
  return frame({ first: 0x89, payload: Buffer.alloc(125) });
}

/** Messages in frames as they should be; long ones in several. */
export function validFrames(random: Random, messages: readonly (string | Buffer)[]): Buffer[] {
  return messages.flatMap((message) => {
    const isText = typeof message === 'string';
    const payload = isText ? Buffer.from(`4${message}`) : message;
    const opcode = isText ? TEXT : BINARY;
    if (random.chance(0.8)) return [frame({ first: 0x80 | opcode, payload })];
    const at = random.below(payload.length + 1);
    const ping = frame({ first: 0x89, payload: random.bytes(10) });
    return [
      frame({ first: opcode, payload: payload.subarray(0, at) }),
      ...(random.chance(0.5) ? [ping] : []),
      frame({ first: 0x80, payload: payload.subarray(at) }),
    ];
  });
}

const INVALID_UTF8 = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2]];
const CLOSE_PAYLOADS = [[], [3], [3, 231], [3, 232], [3, 237], [15, 255, 65], [3, 232, 255]];
const LENGTHS = [0n, 125n, 126n, 65_535n, 65_536n, 2n ** 31n, 2n ** 63n - 1n, 2n ** 64n - 1n];

/** Frames that no client should send. */
export function randomFrames(random: Random): Buffer[] {
  const kinds: (() => Buffer)[] = [
    () => frame({ first: random.below(256), payload: random.bytes(130) }),
    () => frame({ first: 0x81, payload: Buffer.from('40'), isMasked: false }),
    () => frame({ first: 0x81, payload: random.bytes(20), saidLength: random.pick(LENGTHS) }),
    () => frame({ first: 0x82, payload: random.bytes(20), lengthBytes: random.pick([2, 8]) }),
    () => frame({ first: 0x80, payload: random.bytes(20) }),
    () => frame({ first: 0x01, payload: Buffer.from('42["echo"') }),
    () => frame({ first: 0x89, payload: Buffer.alloc(126) }),
    () => frame({ first: 0x09, payload: Buffer.alloc(3) }),
    () => frame({ first: 0x88, payload: Buffer.from(random.pick(CLOSE_PAYLOADS)) }),
    () => frame({ first: 0x81, payload: Buffer.from([52, ...random.pick(INVALID_UTF8)]) }),
    () => frame({ first: 0xc1, payload: random.bytes(30) }),
    () => textFrame('40'),
    () => random.bytes(60),
  ];
  return Array.from({ length: 1 + random.below(6) }, () => random.pick(kinds)());
}
