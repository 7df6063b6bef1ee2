/**
 * Who this browser is to the poll: a random id and the last vote, kept in localStorage.
 *
 * Where storage is refused (private windows, strict settings) both last as long as the page; the
 * poll works all the same. The vote is kept so that it can be cast again when the server has
 * lost it, and so that one made while the line was down is not forgotten.
 */

const KEY = 'holdfast-demo';
const VOTER = /^[0-9a-f]{32}$/;

export class Voter {
  #kept = read();

  /** @returns {string} 128 random bits; `crypto.randomUUID` is missing on plain http. */
  get id() {
    return this.#kept.id;
  }

  /** @returns {string | null} the choice last made here. */
  get choice() {
    return this.#kept.choice;
  }

  /** @returns {boolean} whether the server has not confirmed that choice yet. */
  get pending() {
    return this.#kept.pending;
  }

  /** @param {string | null} choice @param {boolean} pending */
  choose(choice, pending) {
    this.#kept = { ...this.#kept, choice, pending };
    write(this.#kept);
  }
}

function read() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? '{}');
  } catch {
    // Storage is refused or holds something else: start anew.
  }
  if (typeof kept?.id === 'string' && VOTER.test(kept.id)) {
    const choice = typeof kept.choice === 'string' ? kept.choice : null;
    return { id: kept.id, choice, pending: kept.pending === true };
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const fresh = { id, choice: null, pending: false };
  write(fresh);
  return fresh;
}

function write(kept) {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // See above.
  }
}
