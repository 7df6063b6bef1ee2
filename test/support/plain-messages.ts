/** Messages of the plain protocol as they stand in docs/PROTOCOL.md, and a queue of them. */

import { ANSWER_TIMEOUT_MS, within } from './raw-deadline.ts';

export interface Message {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface ConnectMessage extends Message {
  readonly type: 'connect';
  /** What requests name the session by; over a WebSocket there are none. */
  readonly session?: string;
  /** What the app and others call it. */
  readonly id: string;
  readonly namespace: string;
  readonly user?: string;
  readonly rooms: readonly string[];
  readonly recovered: boolean;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}

/** What an answer to a poll carries. */
export interface PollAnswer {
  readonly session: string;
  readonly position: string;
  readonly messages: readonly Message[];
}

export function event(name: string, ...args: readonly unknown[]): Message {
  return { type: 'event', event: name, args };
}

/** An event that wants an answer. */
export function question(id: number, name: string, ...args: readonly unknown[]): Message {
  return { type: 'event', event: name, args, id };
}

/** Messages that came, until somebody reads them. */
export class Inbox {
  readonly #messages: Message[] = [];
  #ended: string | undefined;
  #changed: (() => void)[] = [];

  push(...messages: readonly Message[]): void {
    this.#messages.push(...messages);
    this.#tell();
  }

  /** Nothing more will come; the first reason given stays. */
  end(why: string): void {
    this.#ended ??= why;
    this.#tell();
  }

  get unread(): readonly Message[] {
    return this.#messages;
  }

  async next(what: string, milliseconds: number = ANSWER_TIMEOUT_MS): Promise<Message> {
    await within(
      what,
      this.#until(() => this.#messages.length > 0 || this.#ended !== undefined),
      milliseconds,
    );
    const message = this.#messages.shift();
    if (message === undefined) throw new Error(`${what}: the end came first: ${this.#ended}`);
    return message;
  }

  async ended(what: string, milliseconds: number = ANSWER_TIMEOUT_MS): Promise<string> {
    await within(
      what,
      this.#until(() => this.#ended !== undefined),
      milliseconds,
    );
    return this.#ended ?? '';
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  #tell(): void {
    const changed = this.#changed;
    this.#changed = [];
    for (const look of changed) look();
  }
}

/** The texts of lines that end with `\n`, piece by piece; what is not ended waits. */
export class LineReader {
  #rest = '';
  readonly #decoder: TextDecoder = new TextDecoder('utf-8', { fatal: true });

  read(bytes: Uint8Array): readonly string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines;
  }
}

/** One event of a stream of server-sent events, after the rules of the HTML standard. */
export interface ServerSentEvent {
  readonly event: string | undefined;
  readonly data: string | undefined;
  readonly id: string | undefined;
  readonly retry: string | undefined;
}

export class EventReader {
  readonly comments: string[] = [];
  readonly #lines = new LineReader();
  #fields: Map<string, string> = new Map();

  read(bytes: Uint8Array): readonly ServerSentEvent[] {
    return this.#lines.read(bytes).flatMap((line) => this.#take(line.replace(/\r$/, '')));
  }

  #take(line: string): readonly ServerSentEvent[] {
    if (line.startsWith(':')) {
      this.comments.push(line.slice(1));
      return [];
    }
    if (line !== '') {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/su.exec(line) ?? [];
      const before = name === 'data' ? this.#fields.get('data') : undefined;
      this.#fields.set(name, before === undefined ? value : `${before}\n${value}`);
      return [];
    }
    const fields = this.#fields;
    this.#fields = new Map();
    if (fields.size === 0) return [];
    const [event, data, id, retry] = ['event', 'data', 'id', 'retry'].map((n) => fields.get(n));
    return [{ event, data, id, retry }];
  }
}
