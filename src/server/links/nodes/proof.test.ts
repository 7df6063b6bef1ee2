import { describe, expect, test } from 'bun:test';
import {
  type Challenge,
  HELLO_BYTES,
  isSameProof,
  type LinkEnds,
  newNonce,
  PROOF_BYTES,
  proofOf,
  readHello,
  writeHello,
} from './proof.ts';

const SECRET = 'a'.repeat(32);
const ENDS: LinkEnds = { edgeNode: 0xff_ff_ff, edgeWorker: 255, ownerNode: 1, ownerWorker: 0 };

function challenge(ends: Partial<LinkEnds> = {}): Challenge {
  return { hello: writeHello(newNonce(), { ...ENDS, ...ends }), ownerNonce: newNonce() };
}

describe('a hello', () => {
  test('says which two workers a link joins', () => {
    const { hello } = challenge();
    expect(hello).toHaveLength(HELLO_BYTES);
    expect(readHello(hello)).toEqual(ENDS);
  });

  test('of another form, or of another length, is none', () => {
    const { hello } = challenge();
    expect(readHello(hello.subarray(1))).toBeUndefined();
    expect(readHello(Buffer.concat([hello, Buffer.alloc(1)]))).toBeUndefined();
    hello[7] = (hello[7] as number) + 1;
    expect(readHello(hello)).toBeUndefined();
  });
});

describe('a proof', () => {
  test('is the same for both ends', () => {
    const said = challenge();
    const proof = proofOf('edge', SECRET, said);
    expect(proof).toHaveLength(PROOF_BYTES);
    expect(isSameProof(proof, proofOf('edge', SECRET, { ...said }))).toBe(true);
  });

  test('is another for each secret, role, nonce, node and worker', () => {
    const said = challenge();
    const { hello, ownerNonce } = said;
    const changed = (byte: number): Challenge => {
      const other = Buffer.from(hello);
      other[byte] = (other[byte] as number) ^ 1;
      return { hello: other, ownerNonce };
    };
    const others = [
      proofOf('owner', SECRET, said),
      proofOf('edge', `${SECRET.slice(1)}b`, said),
      proofOf('edge', SECRET, { hello, ownerNonce: newNonce() }),
      ...Array.from({ length: HELLO_BYTES }, (_, byte) => proofOf('edge', SECRET, changed(byte))),
    ];
    const proof = proofOf('edge', SECRET, said);
    expect(others.some((other) => isSameProof(other, proof))).toBe(false);
  });

  test('that is not whole is none', () => {
    const proof = proofOf('edge', SECRET, challenge());
    expect(isSameProof(proof.subarray(1), proof)).toBe(false);
    expect(isSameProof(Buffer.alloc(0), proof)).toBe(false);
  });
});
