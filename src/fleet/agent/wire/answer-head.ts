/**
 * The head of an HTTP answer, as far as a client of the fleet needs it: status, how the body ends,
 * and single fields. Pure; one reader serves all connections.
 */

/** A head longer than this is none. */
const HEAD_BYTES_MAX = 16_384;
const HEAD_END = '\r\n\r\n';
const START = 'HTTP/1.';
const SWITCHING = 101;

const LENGTH = /\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?=\r\n|$)/i;
const CHUNKED = /\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?=\r\n|$)/i;

export class AnswerHead {
  status = 0;
  /** The whole head, without the empty line that ends it. */
  text = '';
  /** Where what follows the head begins. */
  end = 0;

  /** Reads the head that begins at `offset`; what only announces the answer is passed over. */
  read(bytes: Buffer, offset: number): 'head' | 'incomplete' | 'invalid' {
    const end = bytes.indexOf(HEAD_END, offset, 'latin1');
    if (end < 0) {
      const isTooLong = bytes.length - offset > HEAD_BYTES_MAX;
      return isTooLong || !looksLikeHttp(bytes, offset) ? 'invalid' : 'incomplete';
    }
    this.text = bytes.toString('latin1', offset, end);
    this.end = end + HEAD_END.length;
    const status = /^HTTP\/1\.[01] (\d{3})(?= |\r\n|$)/.exec(this.text)?.[1];
    if (status === undefined) return 'invalid';
    this.status = Number(status);
    const isAnnouncement = this.status < 200 && this.status !== SWITCHING;
    return isAnnouncement ? this.read(bytes, this.end) : 'head';
  }

  /** Of the body, as the server says it; undefined when it does not. */
  get contentLength(): number | undefined {
    const length = LENGTH.exec(this.text)?.[1];
    return length === undefined ? undefined : Number(length);
  }

  get isChunked(): boolean {
    return CHUNKED.test(this.text);
  }

  /** The value of a field; undefined when it is not there. */
  field(name: string): string | undefined {
    return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*)`, 'i').exec(this.text)?.[1];
  }
}

function looksLikeHttp(bytes: Buffer, offset: number): boolean {
  const length = Math.min(START.length, bytes.length - offset);
  return bytes.toString('latin1', offset, offset + length) === START.slice(0, length);
}
