/** Reads the body of a POST: one message a line. Empty lines are passed over. */

const NEWLINE = '\n';
const SAID = /\S/g;

export class MessageLines {
  readonly #body: string;
  #at = 0;
  #end = -1;
  /** Lines that were read. */
  count = 0;

  constructor(body: string) {
    this.#body = body;
    this.#find();
  }

  get isDone(): boolean {
    return this.#at >= this.#body.length;
  }

  /** The next line, from its first character that is said on; `undefined` after the last. */
  peek(): string | undefined {
    return this.isDone ? undefined : this.#body.slice(this.#at, this.#end);
  }

  /** Goes on behind the line that `peek` gave. */
  skip(): void {
    this.count++;
    this.#at = this.#end + 1;
    this.#find();
  }

  /** Finds the next line that is not blank, by what is not: a body may be nothing but line ends. */
  #find(): void {
    SAID.lastIndex = this.#at;
    this.#at = SAID.exec(this.#body)?.index ?? this.#body.length;
    const newline = this.#body.indexOf(NEWLINE, this.#at);
    this.#end = newline === -1 ? this.#body.length : newline;
  }
}
