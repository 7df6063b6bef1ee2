/**
 * Everything that is shown. It is told what is so and works out what to change; it knows no socket.
 *
 * Text goes in as text, never as markup. Lengths go in as custom properties through the object
 * model, which the content security policy allows where style attributes are refused.
 */

const ANNOUNCEMENT_MS = 30_000;
const ANNOUNCEMENT_LENGTH_MAX = 280;
const HALF_START_MS = 45 * 60_000;
const HALF_MS = 45 * 60_000;

const LINES = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
};

const number = new Intl.NumberFormat('en');
const byId = (id) => document.getElementById(id);

export class View {
  /** @type {Map<string, HTMLButtonElement>} */
  #gauges = new Map();
  #line = 'connecting';
  #totals = null;
  #mine = null;
  #pending = false;
  /** A sentence that replaces the note until the next vote. */
  #refusal = '';
  /** When the half began, on this page's own clock; null before the server told. */
  #halfStartMs = null;
  #announcementTimer = 0;

  /** @param {{ vote(choice: string): void }} handlers */
  constructor(handlers) {
    for (const gauge of document.querySelectorAll('[data-choice]')) {
      this.#gauges.set(gauge.dataset.choice, gauge);
      gauge.addEventListener('click', () => handlers.vote(gauge.dataset.choice));
    }
    byId('announcement-close').addEventListener('click', () => this.#endAnnouncement());
    setInterval(() => this.#tick(), 1000);
  }

  /** Whether a count was ever shown. */
  get counted() {
    return this.#totals !== null;
  }

  /** @param {keyof typeof LINES} line */
  line(line) {
    this.#line = line;
    document.body.dataset.line = line;
    setText(byId('line'), LINES[line]);
    this.#showNote();
  }

  /** @param {string | null} name the transport in use, null for none. */
  transport(name) {
    byId('transport').hidden = name === null;
    for (const step of document.querySelectorAll('[data-transport]')) {
      step.toggleAttribute('data-current', step.dataset.transport === name);
    }
  }

  /** @param {string | null} id of the node that has the session, null for none. */
  node(id) {
    byId('node').hidden = id === null;
    setText(byId('node'), id === null ? '' : `node ${id}`);
  }

  /** @param {string} workerId its number, then what tells its incarnations apart. */
  served(workerId) {
    const worker = document.createElement('b');
    worker.textContent = workerId.split('-', 1)[0];
    worker.title = workerId;
    byId('served').replaceChildren('Served by worker ', worker, ' of Holdfast');
  }

  /** @param {number} halfElapsedMs */
  clock(halfElapsedMs) {
    this.#halfStartMs = performance.now() - halfElapsedMs;
    this.#tick();
  }

  /** @param {{ votes: Record<string, number>, watching: number, workers: number }} totals */
  totals(totals) {
    this.#totals = totals;
    const counts = [...this.#gauges.keys()].map((choice) => totals.votes[choice] ?? 0);
    const shares = wholePercents(counts);
    const highest = Math.max(...counts);
    let index = 0;
    for (const gauge of this.#gauges.values()) {
      const count = counts[index];
      const votes = `${number.format(count)} ${count === 1 ? 'vote' : 'votes'}`;
      gauge.style.setProperty('--share', shares[index]);
      gauge.toggleAttribute('data-leading', count > 0 && count === highest);
      setText(gauge.querySelector('.share'), `${shares[index]}%`);
      setText(gauge.querySelector('.count'), votes);
      index += 1;
    }
    setText(byId('watching'), number.format(totals.watching));
    setText(byId('voters'), number.format(counts.reduce((sum, count) => sum + count, 0)));
    this.#showWorkers();
    this.#showNote();
  }

  /** @param {string | null} choice @param {boolean} pending not confirmed by the server yet */
  mine(choice, pending) {
    this.#mine = choice;
    this.#pending = pending;
    this.#refusal = '';
    for (const [id, gauge] of this.#gauges) {
      gauge.setAttribute('aria-pressed', String(id === choice));
      gauge.toggleAttribute('data-pending', id === choice && pending);
    }
    this.#showNote();
  }

  /** @param {string} sentence */
  refuse(sentence) {
    this.#refusal = sentence;
    this.#showNote();
  }

  /** @param {unknown} text what an operator sent; shown only when it is text. */
  announce(text) {
    if (typeof text !== 'string' || text.trim() === '') return;
    setText(byId('announcement-text'), text.trim().slice(0, ANNOUNCEMENT_LENGTH_MAX));
    byId('announcement').hidden = false;
    clearTimeout(this.#announcementTimer);
    this.#announcementTimer = setTimeout(() => this.#endAnnouncement(), ANNOUNCEMENT_MS);
  }

  #endAnnouncement() {
    clearTimeout(this.#announcementTimer);
    byId('announcement').hidden = true;
  }

  #showWorkers() {
    const workers = this.#totals?.workers ?? 1;
    setText(byId('workers'), workers === 1 ? '' : `, one of ${number.format(workers)}`);
  }

  #showNote() {
    setText(byId('note'), this.#refusal || this.#note());
  }

  #note() {
    const mine = this.#gauges.get(this.#mine)?.querySelector('.name').textContent;
    if (this.#line !== 'live') {
      if (this.#pending) return `${mine}: sent when the line is back.`;
      if (this.#totals !== null) return 'Line down. These are the last counts.';
      return 'Waiting for the first count.';
    }
    if (mine !== undefined) return `Your vote: ${mine}. Tap to change it.`;
    const votes = Object.values(this.#totals?.votes ?? {});
    if (votes.every((count) => count === 0)) return 'No votes yet. Tap to cast the first.';
    return 'Tap to vote. You can change your mind.';
  }

  #tick() {
    if (this.#halfStartMs === null) return;
    const elapsedMs = HALF_START_MS + ((performance.now() - this.#halfStartMs) % HALF_MS);
    const minutes = Math.floor(elapsedMs / 60_000);
    const seconds = Math.floor(elapsedMs / 1000) % 60;
    setText(byId('clock'), `${minutes}:${String(seconds).padStart(2, '0')}`);
  }
}

/** Touches the page only when the text differs, so that nothing is read out or drawn twice. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Shares in whole percents that add up to 100: the largest remainders are rounded up.
 * @param {number[]} counts
 * @returns {number[]}
 */
function wholePercents(counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return counts.map(() => 0);
  const exact = counts.map((count) => (100 * count) / total);
  const shares = exact.map(Math.floor);
  const missing = 100 - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => (exact[b] % 1) - (exact[a] % 1));
  for (const index of byRemainder.slice(0, missing)) shares[index] += 1;
  return shares;
}
