/**
 * What an app prints, as lines: text and nothing but text, whatever it looks like.
 *
 * Lines are cut at a length, so that text without a newline is never held whole, and so many lines
 * and characters pass in a second. The rest is dropped, counted, and told of once at the end of the
 * second; whoever prints never waits.
 */

export interface TextBounds {
  readonly lineLength: number;
  /** Of one second. */
  readonly lines: number;
  /** Of one second. */
  readonly characters: number;
}

export interface TextSink {
  /** MUST NOT throw. */
  line(text: string): void;
  /** So much did not pass in the last second; bytes where text came as such. */
  dropped(characters: number): void;
}

const SECOND_MS = 1_000;
const NEWLINE = 0x0a;

export class AppText {
  readonly #sink: TextSink;
  readonly #bounds: TextBounds;
  readonly #decoder: TextDecoder = new TextDecoder();
  /** The start of a line whose end has not come. */
  #rest = '';
  /** The end of this line is thrown away: its start was cut or dropped. */
  #skipsLine = false;
  #lines = 0;
  #characters = 0;
  #dropped = 0;
  #isScheduled = false;

  constructor(sink: TextSink, bounds: TextBounds) {
    this.#sink = sink;
    this.#bounds = bounds;
  }

  /** This second has had all that it may: what comes is dropped unseen, so it need not be made. */
  get isSpent(): boolean {
    return this.#lines >= this.#bounds.lines || this.#characters >= this.#bounds.characters;
  }

  write(text: string): void {
    this.#schedule();
    let start = 0;
    while (!this.isSpent) {
      const end = text.indexOf('\n', start);
      if (end === -1) {
        this.#keep(text.slice(start));
        return;
      }
      this.#keep(text.slice(start, end));
      this.#endLine();
      start = end + 1;
    }
    if (start < text.length) this.drop(text.length - start, text.endsWith('\n'));
  }

  writeBytes(bytes: Uint8Array): void {
    if (this.isSpent) this.drop(bytes.byteLength, bytes.at(-1) === NEWLINE);
    else this.write(this.#decoder.decode(bytes, { stream: true }));
  }

  /** Counts what was not taken. */
  drop(characters: number, endsLine = true): void {
    this.#schedule();
    this.#dropped += characters + this.#rest.length;
    this.#rest = '';
    this.#skipsLine = !endsLine;
  }

  /** No more comes: what is left is a line. */
  end(): void {
    if (this.#rest !== '' && !this.isSpent) this.#endLine();
  }

  /** Tells what was dropped, and begins a new second. Its own timer calls it. */
  readonly endSecond = (): void => {
    this.#isScheduled = false;
    const dropped = this.#dropped;
    this.#lines = 0;
    this.#characters = 0;
    this.#dropped = 0;
    if (dropped > 0) this.#sink.dropped(dropped);
  };

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(this.endSecond, SECOND_MS).unref();
  }

  #keep(part: string): void {
    if (this.#skipsLine) {
      this.#dropped += part.length;
      return;
    }
    const room = this.#bounds.lineLength - this.#rest.length;
    this.#rest += part.slice(0, room);
    if (part.length <= room) return;
    // It is printed now, since its end may never come.
    this.#dropped += part.length - room;
    this.#rest += '…';
    this.#print();
    this.#skipsLine = true;
  }

  #endLine(): void {
    if (!this.#skipsLine) this.#print();
    this.#skipsLine = false;
  }

  #print(): void {
    const line = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest;
    this.#rest = '';
    if (line === '') return;
    this.#lines++;
    this.#characters += line.length;
    this.#sink.line(line);
  }
}
