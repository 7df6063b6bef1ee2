/**
 * Both ends of a connection between nodes until they have proven themselves to each other
 * (`proof.ts`). Then the socket goes to a `FramedConnection`.
 *
 * Who says anything else, too much, or nothing for too long is cut. Until then an end holds what is
 * expected next, some bytes, and one timer.
 */

import type { Socket } from 'bun';
import { LIMITS } from '../../core/limits/limits.ts';
import type { FramedConnection, SocketHolder } from '../ipc/framed-connection.ts';
import {
  type Challenge,
  HELLO_BYTES,
  isSameProof,
  type LinkEnds,
  NONCE_BYTES,
  newNonce,
  PROOF_BYTES,
  proofOf,
  readHello,
  writeHello,
} from './proof.ts';

/** What every end knows. */
export interface Prover {
  readonly secret: string;
  /** How long it may take; `clusterProofMs` unless given. */
  readonly proofMs?: number;
  /** Makes the connection that gets the socket. */
  link(): FramedConnection;
  /** The link has its socket. */
  onProven(link: FramedConnection): void;
  /**
   * There is none, and will be none.
   *
   * @param what a clause that says what the other end did
   */
  onFailed(what: string): void;
}

abstract class Unproven implements SocketHolder {
  fault: Error | undefined;
  readonly #prover: Prover;
  readonly #timer: Timer;
  #socket: Socket<SocketHolder> | undefined;
  #expected: Buffer;
  #filled = 0;
  #isDone = false;

  /** @param bytes that the other end says first */
  constructor(prover: Prover, bytes: number) {
    this.#prover = prover;
    this.#expected = Buffer.alloc(bytes);
    const proofMs = prover.proofMs ?? LIMITS.clusterProofMs;
    this.#timer = setTimeout(() => this.fail('was too slow'), proofMs);
  }

  /** The socket is open. */
  open(socket: Socket<SocketHolder>): void {
    if (this.#isDone) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    socket.setNoDelay(true);
    this.opened();
  }

  receive(chunk: Buffer): void {
    if (this.#isDone) return;
    const taken = chunk.copy(this.#expected, this.#filled);
    this.#filled += taken;
    if (this.#filled < this.#expected.byteLength) return;
    this.take(this.#expected, chunk.subarray(taken));
  }

  drained(): void {}

  detach(): void {
    this.fail('closed the connection');
  }

  /** @param what a clause that says what the other end did */
  fail(what: string): void {
    if (this.#isDone) return;
    this.#end();
    this.#socket?.terminate();
    this.#prover.onFailed(what);
  }

  /** Begins, with an open socket. */
  protected abstract opened(): void;

  /** @param rest what came right behind it */
  protected abstract take(said: Buffer, rest: Buffer): void;

  protected proof(role: 'edge' | 'owner', challenge: Challenge): Buffer {
    return proofOf(role, this.#prover.secret, challenge);
  }

  protected say(bytes: Buffer): void {
    // A socket that is new takes so little at once.
    if (this.#socket?.write(bytes) !== bytes.byteLength) this.fail('takes nothing');
  }

  /** It is the other end's turn, which has to wait for ours: more than that is no proof. */
  protected expect(bytes: number, rest: Buffer): boolean {
    if (rest.byteLength > 0) {
      this.fail('said more than it was asked');
      return false;
    }
    this.#expected = Buffer.alloc(bytes);
    this.#filled = 0;
    return true;
  }

  protected succeed(rest: Buffer): void {
    const socket = this.#socket;
    if (socket === undefined || this.#isDone) return;
    this.#end();
    const link = this.#prover.link();
    socket.data = link;
    link.attach(socket);
    this.#prover.onProven(link);
    if (rest.byteLength > 0) link.receive(rest);
  }

  #end(): void {
    this.#isDone = true;
    clearTimeout(this.#timer);
  }
}

/** At the owner: an edge that has come. */
export class UnprovenEdge extends Unproven {
  readonly #own: Pick<LinkEnds, 'ownerNode' | 'ownerWorker'>;
  #challenge: Challenge | undefined;

  constructor(prover: Prover, own: Pick<LinkEnds, 'ownerNode' | 'ownerWorker'>) {
    super(prover, HELLO_BYTES);
    this.#own = own;
  }

  protected override opened(): void {}

  protected override take(said: Buffer, rest: Buffer): void {
    if (this.#challenge === undefined) this.#takeHello(said, rest);
    else this.#takeProof(said, rest, this.#challenge);
  }

  #takeHello(hello: Buffer, rest: Buffer): void {
    const ends = readHello(hello);
    const { ownerNode, ownerWorker } = this.#own;
    if (ends === undefined) {
      this.fail('said what no worker says');
    } else if (ends.ownerNode !== ownerNode || ends.ownerWorker !== ownerWorker) {
      this.fail('looked for another worker');
    } else if (ends.edgeNode === ownerNode) {
      this.fail('said that it is of this very node');
    } else if (this.expect(PROOF_BYTES, rest)) {
      this.#challenge = { hello, ownerNonce: newNonce() };
      this.say(this.#challenge.ownerNonce);
    }
  }

  #takeProof(given: Buffer, rest: Buffer, challenge: Challenge): void {
    if (!isSameProof(given, this.proof('edge', challenge))) {
      this.fail('does not know the secret');
    } else if (rest.byteLength > 0) {
      this.fail('said more than it was asked');
    } else {
      this.say(this.proof('owner', challenge));
      this.succeed(rest);
    }
  }
}

/** At the edge: an owner that it connects to. */
export class UnprovenOwner extends Unproven {
  readonly #hello: Buffer;
  #challenge: Challenge | undefined;

  constructor(prover: Prover, ends: LinkEnds) {
    super(prover, NONCE_BYTES);
    this.#hello = writeHello(newNonce(), ends);
  }

  protected override opened(): void {
    this.say(this.#hello);
  }

  protected override take(said: Buffer, rest: Buffer): void {
    if (this.#challenge === undefined) {
      if (!this.expect(PROOF_BYTES, rest)) return;
      this.#challenge = { hello: this.#hello, ownerNonce: said };
      this.say(this.proof('edge', this.#challenge));
    } else if (isSameProof(said, this.proof('owner', this.#challenge))) {
      this.succeed(rest);
    } else {
      this.fail('does not know the secret');
    }
  }
}
