/**
 * How two workers of different nodes prove to each other that they know the secret of the cluster,
 * before either takes a frame of the other.
 *
 *     edge ─ hello: mark, its nonce, its node and worker, those of the owner ─▶ owner
 *     edge ◀─ nonce of the owner ─ owner
 *     edge ─ proof of the edge ─▶ owner
 *     edge ◀─ proof of the owner ─ owner
 *
 * A proof is an HMAC-SHA-256 of the role, the hello and the owner's nonce. Both nonces are new for
 * each connection, so that none can be used again; role and numbers are in it, so that none can be
 * thrown back or be carried to another worker. The owner shows its proof to nobody who has not
 * proven anything: strangers get nothing to try secrets on.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';

/** Says what this is, and which form of it. */
const MARK = Buffer.from('holdfst1', 'latin1');
const U32_BYTES = 4;

export const NONCE_BYTES = 32;
export const PROOF_BYTES = 32;
export const HELLO_BYTES: number = MARK.byteLength + NONCE_BYTES + 4 * U32_BYTES;

/** Which two workers a link joins. */
export interface LinkEnds {
  readonly edgeNode: number;
  readonly edgeWorker: number;
  readonly ownerNode: number;
  readonly ownerWorker: number;
}

export function newNonce(): Buffer {
  return crypto.getRandomValues(Buffer.alloc(NONCE_BYTES));
}

export function writeHello(nonce: Buffer, ends: LinkEnds): Buffer {
  const hello = Buffer.alloc(HELLO_BYTES);
  let at = MARK.copy(hello);
  at += nonce.copy(hello, at);
  const { edgeNode, edgeWorker, ownerNode, ownerWorker } = ends;
  for (const number of [edgeNode, edgeWorker, ownerNode, ownerWorker]) {
    at = hello.writeUInt32BE(number, at);
  }
  return hello;
}

/** @returns undefined when it is no hello of this form */
export function readHello(hello: Buffer): LinkEnds | undefined {
  if (hello.byteLength !== HELLO_BYTES || !hello.subarray(0, MARK.byteLength).equals(MARK)) {
    return undefined;
  }
  const number = (place: number): number =>
    hello.readUInt32BE(MARK.byteLength + NONCE_BYTES + place * U32_BYTES);
  return {
    edgeNode: number(0),
    edgeWorker: number(1),
    ownerNode: number(2),
    ownerWorker: number(3),
  };
}

/** What the two ends of one connection have said. */
export interface Challenge {
  readonly hello: Buffer;
  readonly ownerNonce: Buffer;
}

export function proofOf(
  role: 'edge' | 'owner',
  secret: string,
  { hello, ownerNonce }: Challenge,
): Buffer {
  const hmac = createHmac('sha256', secret);
  // All behind the role has a length of its own.
  return hmac.update(`holdfast link, ${role}\n`).update(hello).update(ownerNonce).digest();
}

/** Compares without telling by its time how far they agree. */
export function isSameProof(given: Buffer, right: Buffer): boolean {
  return given.byteLength === right.byteLength && timingSafeEqual(given, right);
}
