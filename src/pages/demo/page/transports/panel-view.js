/** What one panel shows. It knows no link, and puts text in as text. */

import { WAITING_BYTES } from './costs.js';
import { WEIGHTS } from './wire.js';

const STATES = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  paused: 'Paused while hidden',
  ended: 'Ended by the server',
};

const number = new Intl.NumberFormat('en');

export class PanelView {
  #element;
  #isIn = true;

  /**
   * @param {string} name
   * @param {string} title
   * @param {string} means what of the browser runs it
   */
  constructor(name, title, means) {
    const template = document.getElementById('panel');
    this.#element = template.content.firstElementChild.cloneNode(true);
    this.#element.dataset.panel = name;
    this.#element.setAttribute('aria-label', title);
    this.#set('title', title);
    this.#set('means', means);
    this.#set('how', WEIGHTS[name].how);
    const waitingBytes = WAITING_BYTES[name];
    this.#set('waiting', waitingBytes === null ? '' : number.format(waitingBytes));
    this.#set('waiting-unit', waitingBytes === null ? 'not measured yet' : 'bytes of memory');
    this.#part('source').addEventListener('toggle', () => void this.#showSource(name), {
      once: true,
    });
    document.getElementById('panels').append(this.#element);
  }

  onShout(act) {
    this.#part('shout').addEventListener('click', act);
  }

  /** @param {(isIn: boolean) => void} act is told what is wanted */
  onMembership(act) {
    this.#part('membership').addEventListener('click', () => act(!this.#isIn));
  }

  /** @param {keyof typeof STATES} state */
  state(state) {
    this.#element.dataset.line = state;
    this.#set('state', STATES[state]);
    for (const part of ['shout', 'membership']) this.#part(part).disabled = state !== 'live';
    if (state !== 'live') this.#set('where', 'no session');
  }

  /** @param {{ transport: string, worker: string }} where as the server says */
  where({ transport, worker }) {
    this.#set('where', `${transport}, worker ${worker.split('-', 1)[0]}`);
  }

  /** @param {boolean} isIn whether it is in the room */
  membership(isIn) {
    this.#isIn = isIn;
    this.#element.toggleAttribute('data-out', !isIn);
    this.#set('membership', isIn ? 'Leave' : 'Join');
  }

  /** @param {number} messages @param {number} bytesEach on the wire, the mean of all */
  counts(messages, bytesEach) {
    this.#set('messages', number.format(messages));
    this.#set('bytes', number.format(Math.round(bytesEach)));
  }

  /** @param {number} requests */
  requests(requests) {
    this.#set('requests', number.format(requests));
  }

  /** @param {{ text: string, lateness: string }} said */
  last({ text, lateness }) {
    this.#set('last', text);
    this.#set('lateness', lateness);
  }

  /** @param {string} sentence */
  note(sentence) {
    this.#set('note', sentence);
  }

  /** The module that runs the panel, as it was loaded. */
  async #showSource(name) {
    const answer = await fetch(`transports/${name}.js`);
    this.#set('code', (await answer.text()).trim());
  }

  #part(name) {
    return this.#element.querySelector(`[data-part="${name}"]`);
  }

  #set(name, text) {
    const part = this.#part(name);
    if (part.textContent !== text) part.textContent = text;
  }
}
