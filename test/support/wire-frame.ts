/**
 * WebSocket as a server writes it, byte by byte, for tests of clients: right frames, frames that
 * are wrong on purpose, and the answer to an upgrade.
 */

export interface WireFrameOptions {
  /** Whether the frame is the last of its message; true unless given. */
  readonly isFinal?: boolean;
  /** A server must not mask (RFC 6455, 5.1); false unless given. */
  readonly isMasked?: boolean;
}

/** One frame with the shortest form of its length (RFC 6455, 5.2). */
export function wireFrame(
  opcode: number,
  payload: string | Uint8Array,
  { isFinal = true, isMasked = false }: WireFrameOptions = {},
): Buffer {
  const body = Buffer.from(payload as string);
  const first = (isFinal ? 0x80 : 0) | opcode;
  // A key of zeros leaves the payload as it is.
  const key = Buffer.alloc(isMasked ? 4 : 0);
  return Buffer.concat([Buffer.of(first), lengthField(body.length, isMasked), key, body]);
}

/** A close frame, with a code or, as is allowed, without. */
export function closeFrame(code?: number, reason = ''): Buffer {
  if (code === undefined) return wireFrame(0x8, '');
  return wireFrame(0x8, Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]));
}

function lengthField(length: number, isMasked: boolean): Buffer {
  const mask = isMasked ? 0x80 : 0;
  if (length < 126) return Buffer.of(mask | length);
  if (length < 65_536) return Buffer.of(mask | 126, length >> 8, length & 0xff);
  const field = Buffer.alloc(9);
  field[0] = mask | 127;
  field.writeBigUInt64BE(BigInt(length), 1);
  return field;
}

/** The key in the text of an upgrade request; empty when there is none. */
export function upgradeKeyOf(request: string): string {
  return /^sec-websocket-key: *(.*?)\r$/im.exec(request)?.[1] ?? '';
}

/** The answer that accepts an upgrade with this key (RFC 6455, 4.2.2). */
export function upgradeAnswer(key: string): Buffer {
  const accept = new Bun.CryptoHasher('sha1')
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  return Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}

/** A frame of a client, unmasked. */
export interface ClientFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** @returns the whole masked frames at the beginning of `bytes`, and the rest */
export function readClientFrames(bytes: Buffer): { frames: ClientFrame[]; rest: Buffer } {
  const frames: ClientFrame[] = [];
  let offset = 0;
  while (bytes.length - offset >= 6) {
    const short = (bytes[offset + 1] as number) & 0x7f;
    const header = short < 126 ? 6 : 8;
    const length = short < 126 ? short : bytes.readUInt16BE(offset + 2);
    if (bytes.length - offset < header + length) break;
    const key = bytes.subarray(offset + header - 4, offset + header);
    const masked = bytes.subarray(offset + header, offset + header + length);
    const payload = Buffer.from(masked.map((byte, i) => byte ^ (key[i % 4] as number)));
    frames.push({ opcode: (bytes[offset] as number) & 0x0f, payload });
    offset += header + length;
  }
  return { frames, rest: bytes.subarray(offset) };
}
