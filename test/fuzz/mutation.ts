/** Valid things, damaged a little: what passes the first check of a parser and not the last. */

import type { Random } from './random.ts';

const DAMAGES = 8;

/** Damages bytes in one to eight places: flipped, removed, doubled, replaced, cut. */
export function mutate(random: Random, valid: Uint8Array): Buffer {
  let bytes = Buffer.from(valid);
  for (let times = 1 + random.below(DAMAGES); times > 0 && bytes.length > 0; times--) {
    const at = random.below(bytes.length);
    const length = random.below(Math.min(16, bytes.length - at));
    const piece = bytes.subarray(at, at + length);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at + length)];
    switch (random.below(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        bytes = Buffer.concat([head, tail]);
        break;
      case 2:
        bytes = Buffer.concat([head, piece, piece, tail]);
        break;
      case 3:
        bytes = Buffer.concat([head, random.bytes(8), tail]);
        break;
      case 4:
        bytes = Buffer.from(head);
        break;
      default:
        bytes = Buffer.concat([head, Buffer.from(random.text(8)), tail]);
    }
  }
  return bytes;
}

export function mutateText(random: Random, valid: string): string {
  return mutate(random, Buffer.from(valid)).toString('utf8');
}

/** Cuts bytes into a few chunks at random places. */
export function cut(random: Random, bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = random.chance(0.5) ? bytes.length : 1 + random.below(bytes.length);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** Nested lists, as text. */
export function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}
