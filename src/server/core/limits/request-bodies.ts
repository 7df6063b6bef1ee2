/**
 * Bodies of requests while they come in: none is longer than it may be, and what has come of long
 * ones counts against the memory budget until all is there.
 *
 * Bun would refuse a long one by itself, in an answer that pages of other origins cannot read.
 */

import type { Holder, MemoryBudget } from './memory-budget.ts';

/** Too long; its client went away or takes too long; it had to make place for others. */
export type BodyFault = 'tooLong' | 'brokenOff' | 'letGo';

export type BodyText = { readonly text: string } | { readonly fault: BodyFault };

/** What is asked of the reader of a stream. */
interface PieceReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Bodies that say to be no longer are taken as they come: what they hold matters to nobody. */
const SHORT_BYTES = 16_384;

export class RequestBodies {
  readonly #maxBytes: number;
  readonly #budget: MemoryBudget;
  readonly #incoming: Set<IncomingBody> = new Set();

  constructor(maxBytes: number, budget: MemoryBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
    budget.watch(() => [...this.#incoming]);
  }

  /** Whether a request says that its body is longer than it may be. */
  isTooLong({ headers }: Request): boolean {
    const said = headers.get('content-length');
    return said !== null && Number(said) > this.#maxBytes;
  }

  /** The body as text. */
  async text(request: Request): Promise<BodyText> {
    if (this.isTooLong(request)) return { fault: 'tooLong' };
    const said = request.headers.get('content-length');
    if (said === null || Number(said) > SHORT_BYTES) return await this.#read(request.body);
    try {
      return { text: await request.text() };
    } catch {
      return { fault: 'brokenOff' };
    }
  }

  /**
   * A request whose body breaks off where it gets too long; the same one if it says its length.
   *
   * @param onTooLong called before the reader of the body fails
   */
  bounded(request: Request, onTooLong: () => void): Request {
    const { body, headers, method } = request;
    if (body === null || headers.has('content-length')) return request;
    const mostBytes = this.#maxBytes;
    let bytes = 0;
    const bound = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes <= mostBytes) controller.enqueue(chunk);
        else {
          onTooLong();
          controller.error(new RangeError(`the body has more than ${mostBytes} bytes`));
        }
      },
    });
    return new Request(request, { method, body: body.pipeThrough(bound) });
  }

  async #read(stream: ReadableStream<Uint8Array> | null): Promise<BodyText> {
    if (stream === null) return { text: '' };
    const body = new IncomingBody(stream.getReader(), this.#budget);
    this.#incoming.add(body);
    try {
      return await body.text(this.#maxBytes);
    } finally {
      this.#incoming.delete(body);
      body.forget();
    }
  }
}

class IncomingBody implements Holder {
  readonly #reader: PieceReader;
  readonly #budget: MemoryBudget;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isLetGo = false;

  constructor(reader: PieceReader, budget: MemoryBudget) {
    this.#reader = reader;
    this.#budget = budget;
  }

  async text(maxBytes: number): Promise<BodyText> {
    try {
      while (true) {
        const { value } = await this.#reader.read();
        if (value === undefined) break;
        if (this.#bytes + value.byteLength > maxBytes) {
          this.#cancel();
          return { fault: 'tooLong' };
        }
        this.#keep(value);
      }
      if (this.#isLetGo) return { fault: 'letGo' };
      return { text: new TextDecoder().decode(Buffer.concat(this.#chunks)) };
    } catch {
      return { fault: this.#isLetGo ? 'letGo' : 'brokenOff' };
    }
  }

  heldBytes(): number {
    return this.#bytes;
  }

  letGo(): void {
    this.#isLetGo = true;
    this.forget();
    this.#cancel();
  }

  forget(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
    this.#chunks = [];
  }

  #keep(chunk: Uint8Array): void {
    if (this.#isLetGo) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    this.#budget.take(chunk.byteLength);
  }

  /** Nothing more of it is wanted, and nobody waits for that to be known. */
  #cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}
