/**
 * What of a link's queue belongs to whom, while the link is behind: so that one who has much in it
 * is told from the others, who send a little next.
 *
 * The queue is taken in order, so it is enough to know where the last of somebody's bytes stands.
 * All is forgotten when the link has caught up.
 */

/** A link, as far as it matters here. */
export interface Link {
  /** Bytes that wait. */
  readonly queuedBytes: number;
  /** Bytes that were taken since the beginning. */
  readonly sentBytes: number;
}

interface Share {
  readonly bytes: number;
  /** How many bytes will have been taken when the last of these has. */
  readonly endsAt: number;
}

export class LinkShares {
  readonly #link: Link;
  readonly #shares: Map<number, Share> = new Map();

  constructor(link: Link) {
    this.#link = link;
  }

  /** Of somebody so many bytes are about to be queued. */
  add(owner: number, bytes: number): void {
    const { queuedBytes, sentBytes } = this.#link;
    const endsAt = sentBytes + queuedBytes + bytes;
    this.#shares.set(owner, { bytes: this.waiting(owner) + bytes, endsAt });
  }

  /** Bytes of somebody that still wait, of those that were added; rather more than there are. */
  waiting(owner: number): number {
    const share = this.#shares.get(owner);
    if (share === undefined) return 0;
    return Math.max(0, Math.min(share.bytes, share.endsAt - this.#link.sentBytes));
  }

  /** The link has caught up. */
  clear(): void {
    this.#shares.clear();
  }
}
