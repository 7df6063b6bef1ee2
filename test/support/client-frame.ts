/** WebSocket as a client writes it, byte by byte (RFC 6455, 5.2): right frames, and wrong ones. */

export interface ClientFrameParts {
  /** FIN, the reserved bits and the opcode. */
  readonly first: number;
  readonly payload: string | Uint8Array;
  readonly isMasked?: boolean;
  /** Four bytes; 1, 2, 3 and 4 unless given. */
  readonly mask?: Uint8Array;
  /** The length that the frame says it has. */
  readonly saidLength?: bigint;
  /** How many bytes say it: 0 (in the second byte), 2 or 8. */
  readonly lengthBytes?: 0 | 2 | 8;
}

export function clientFrame(parts: ClientFrameParts): Buffer {
  const { first, isMasked = true, mask = Buffer.of(1, 2, 3, 4) } = parts;
  const payload = Buffer.from(parts.payload as string);
  const length = parts.saidLength ?? BigInt(payload.length);
  const bytes = parts.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const second = bytes === 0 ? Number(length & 127n) : bytes === 2 ? 126 : 127;
  const extended = Buffer.alloc(bytes);
  if (bytes === 2) extended.writeUInt16BE(Number(length & 0xff_ffn));
  if (bytes === 8) extended.writeBigUInt64BE(length);
  const head = Buffer.from([first, second | (isMasked ? 0x80 : 0)]);
  if (!isMasked) return Buffer.concat([head, extended, payload]);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([head, extended, mask, masked]);
}
