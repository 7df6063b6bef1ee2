/**
 * One kind of client in the room: keeps its link, asks and counts, and tells its view.
 *
 * A link (websocket.js and those beside it) brings the messages of docs/PROTOCOL.md as `heard`, or
 * says that it is `lost`; it is then opened anew after a while, here and for all alike. What
 * a link says after that is passed over. While the page is hidden there is none: a browser opens
 * six HTTP connections to one host, and three panels hold one each.
 */

import { now } from './clock.js';
import { WEIGHTS } from './wire.js';

const ANSWER_WAIT_MS = 5_000;
const RETRY_MS = 1_500;
/** Panels do not all come back in the same moment. */
const RETRY_SPREAD_MS = 1_000;

export class Panel {
  #name;
  #room;
  #open;
  #requestsToOpen;
  #view;
  #listener;
  /** What was opened last; what others say is of the past. */
  #link = null;
  #isWanted = false;
  #session = '';
  #retryTimer = 0;
  #nextId = 1;
  /** Who waits for an answer, by the id of the question. */
  #waiting = new Map();
  #messages = 0;
  #wireBytes = 0;
  #requests = 0;
  /** Bytes of one request beside its target; 0 before they are known. */
  headBytes = 0;
  /** The session's id in the words of the app; empty while there is none. */
  id = '';

  /**
   * @param {{ name: string, room: string, open: Function, requests: number, view: object }} parts
   * @param {{ said(event: string, value: unknown, panel: Panel, atMs: number): object,
   *   answered(askedMs: number, answeredMs: number, serverMs: number): void }} listener
   */
  constructor({ name, room, open, requests, view }, listener) {
    this.#name = name;
    this.#room = room;
    this.#open = open;
    this.#requestsToOpen = requests;
    this.#view = view;
    this.#listener = listener;
    view.onShout(() => void this.#shout());
    view.onMembership((isIn) => void this.#setMembership(isIn));
  }

  get name() {
    return this.#name;
  }

  start() {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#connect();
  }

  stop() {
    this.#isWanted = false;
    clearTimeout(this.#retryTimer);
    this.#drop('paused');
  }

  /** Requests that the browser made for a link without the panel's `fetch`. */
  countRequests(count) {
    this.#requests += count;
    this.#view.requests(this.#requests);
  }

  #connect() {
    // Until it is here, what the link says belongs to nobody.
    const link = {};
    this.#link = link;
    const ifCurrent = (act) => {
      return (...values) => (this.#link === link ? act(...values) : undefined);
    };
    if (this.#requestsToOpen > 0) this.countRequests(this.#requestsToOpen);
    Object.assign(
      link,
      this.#open({
        room: this.#room,
        fetch: (target, init) => this.#fetch(target, init),
        heard: ifCurrent((messages, text, answer) => this.#heard(messages, text, answer)),
        lost: ifCurrent(() => this.#lost()),
      }),
    );
  }

  async #fetch(target, init) {
    this.countRequests(1);
    const answer = await fetch(target, init);
    if (!answer.ok) throw new Error(`${target} was answered ${answer.status}`);
    return answer;
  }

  #lost(waitMs = RETRY_MS) {
    this.#drop('reconnecting');
    const spreadMs = Math.random() * RETRY_SPREAD_MS;
    this.#retryTimer = setTimeout(() => this.#connect(), waitMs + spreadMs);
  }

  #drop(state) {
    const link = this.#link;
    this.#link = null;
    this.id = '';
    for (const { reject } of this.#waiting.values()) reject(new Error('connection lost'));
    this.#waiting.clear();
    this.#view.state(state);
    link?.close();
  }

  #heard(messages, text, answer) {
    const atMs = now();
    for (const message of messages) this.#take(message, atMs);
    const events = messages.filter(({ type }) => type === 'event').length;
    if (events > 0) this.#weigh(events, text, answer);
  }

  #weigh(events, text, answer) {
    const target = answer === undefined ? '' : new URL(answer.url);
    const targetBytes = target === '' ? 0 : target.pathname.length + target.search.length;
    const bytes = WEIGHTS[this.#name].weigh(text, answer, this.headBytes + targetBytes);
    this.#messages += events;
    this.#wireBytes += bytes;
    this.#view.counts(this.#messages, this.#wireBytes / this.#messages);
  }

  #take(message, atMs) {
    switch (message.type) {
      case 'connect':
        this.id = message.id;
        this.#session = message.session;
        this.#view.state('live');
        this.#view.membership(true);
        void this.#askWhere();
        break;
      case 'upgrade':
        this.countRequests(1);
        void this.#askWhere();
        break;
      case 'event':
        this.#takeEvent(message.event, message.args, atMs);
        break;
      case 'ack':
        this.#settle(message.id, ({ resolve }) => resolve(message.args));
        break;
      case 'error':
        this.#settle(message.id, ({ reject }) => reject(new Error(message.message)));
        break;
      case 'disconnect':
        if (message.retry === undefined) this.#drop('ended');
        else this.#lost(message.retry);
        break;
      default:
      // As the protocol has it, what is not known is passed over.
    }
  }

  #takeEvent(event, [value], atMs) {
    if (event !== 'comment' && event !== 'message') return;
    this.#view.last(this.#listener.said(event, value, this, atMs));
  }

  #settle(id, act) {
    const waiter = this.#waiting.get(id);
    if (waiter === undefined) return;
    this.#waiting.delete(id);
    act(waiter);
  }

  /** @returns {Promise<unknown[]>} the values of the ack */
  async #ask(message) {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#waiting.set(id, { resolve, reject });
    const late = () => reject(new Error(`no answer in ${ANSWER_WAIT_MS / 1000} s`));
    const timer = setTimeout(late, ANSWER_WAIT_MS);
    try {
      await this.#link?.send({ ...message, id }, this.#session);
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  async #askWhere() {
    const askedMs = now();
    try {
      const [where] = await this.#ask({ type: 'event', event: 'where', args: [] });
      this.#listener.answered(askedMs, now(), where.atMs);
      this.#view.where(where);
    } catch (error) {
      this.#view.note(`Not told where it is: ${error.message}.`);
    }
  }

  async #shout() {
    const askedMs = now();
    try {
      const [where] = await this.#ask({ type: 'event', event: 'shout', args: [] });
      const answeredMs = now();
      this.#listener.answered(askedMs, answeredMs, where.atMs);
      this.#view.where(where);
      this.#view.note(`Sent. Ack after ${(answeredMs - askedMs).toFixed(1)} ms.`);
    } catch (error) {
      this.#view.note(`Not sent: ${error.message}.`);
    }
  }

  async #setMembership(isIn) {
    try {
      await this.#ask({ type: isIn ? 'join' : 'leave', room: this.#room });
      this.#view.membership(isIn);
      this.#view.note(isIn ? 'In the room again.' : 'Out of the room: it hears nothing of it.');
    } catch (error) {
      this.#view.note(`Not done: ${error.message}.`);
    }
  }
}
