/**
 * Clients that note what is said to them and come back by themselves, to whatever node a relay
 * leads to: Socket.IO's own client, with its recovery, and the small client.
 */

import { io, type Socket } from 'socket.io-client';
import { type Client, connect } from '../../src/client/index.ts';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

/** As the app of the node tells who connects. */
export interface Hello {
  readonly recovered: boolean;
  readonly id: string;
  readonly rooms: readonly string[];
  readonly data: unknown;
}

export interface MemberOptions {
  readonly user: string;
  readonly rooms: readonly string[];
  readonly data: unknown;
}

export type MemberKind = 'socket.io' | 'plain';

export abstract class Member {
  readonly user: string;
  /** Numbers heard, in order, by the name of who counts. */
  readonly heard: Map<string, number[]> = new Map();
  readonly hellos: Hello[] = [];

  protected constructor(user: string) {
    this.user = user;
  }

  static open(kind: MemberKind, url: string, options: MemberOptions): Member {
    return kind === 'plain' ? new PlainMember(url, options) : new IoMember(url, options);
  }

  numbers(counter: string): readonly number[] {
    return this.heard.get(counter) ?? [];
  }

  abstract get isConnected(): boolean;
  abstract close(): void;

  protected hear(counter: string, number: number): void {
    const numbers = this.heard.get(counter);
    if (numbers === undefined) this.heard.set(counter, [number]);
    else numbers.push(number);
  }
}

class IoMember extends Member {
  readonly #socket: Socket;

  constructor(url: string, options: MemberOptions) {
    super(options.user);
    this.#socket = io(url, {
      auth: { ...options },
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 500,
    });
    this.#socket.on('said', (counter: string, number: number) => this.hear(counter, number));
    this.#socket.on('hello', (hello: Hello) => {
      // What the client itself says of it counts.
      const { recovered, id = '' } = this.#socket;
      this.hellos.push({ ...hello, recovered, id });
    });
    // A node that ends is left; one that says so is asked for again as well.
    this.#socket.on('disconnect', (why) => {
      if (why === 'io server disconnect') this.#socket.connect();
    });
  }

  get isConnected(): boolean {
    return this.#socket.connected;
  }

  close(): void {
    this.#socket.close();
  }
}

class PlainMember extends Member {
  readonly #client: Client;

  constructor(url: string, options: MemberOptions) {
    super(options.user);
    this.#client = connect(url, {
      auth: { ...options },
      transports: ['websocket'],
      reconnectDelayMs: 100,
      maxReconnectDelayMs: 500,
    });
    this.#client.on('said', (counter: string, number: number) => this.hear(counter, number));
    this.#client.on('hello', (hello: Hello) => void this.hellos.push(hello));
  }

  get isConnected(): boolean {
    return this.#client.state === 'open';
  }

  close(): void {
    this.#client.close();
  }
}

/** Where a message goes, and the name of who counts those. */
export interface Aim {
  readonly counter: string;
  readonly to: { readonly room?: string; readonly user?: string };
}

/** Has a node say numbers, one after the other, to each aim in turn. */
export class Talker {
  /** Numbers that the node has taken, by counter. */
  readonly taken: Map<string, number[]> = new Map();
  /** Statuses of those that it has not. */
  readonly refused: number[] = [];
  readonly #aims: readonly Aim[];
  #count = 0;
  #isOver = false;
  #talking: Promise<void> = Promise.resolve();

  constructor(aims: readonly Aim[]) {
    this.#aims = aims;
  }

  /** @param everyMs 10: a hundred a second */
  start(node: Pick<HoldfastProcess, 'publish'>, everyMs = 10): void {
    this.#isOver = false;
    this.#talking = this.#talk(node, everyMs);
  }

  /** Until so many more are taken. */
  async says(count: number): Promise<void> {
    const since = this.#count;
    await eventually(
      `${count} are taken`,
      () => this.#count - since,
      (more) => more >= count,
    );
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#talking;
  }

  numbers(counter: string): readonly number[] {
    return this.taken.get(counter) ?? [];
  }

  async #talk(node: Pick<HoldfastProcess, 'publish'>, everyMs: number): Promise<void> {
    for (let at = 0; !this.#isOver; at = (at + 1) % this.#aims.length) {
      const { counter, to } = this.#aims[at] as Aim;
      const numbers = this.taken.get(counter) ?? [];
      this.taken.set(counter, numbers);
      const number = (numbers.at(-1) ?? 0) + 1;
      const { status } = await node.publish({ event: 'said', args: [counter, number], ...to });
      if (status === 200 || status === 202) {
        this.#count++;
        numbers.push(number);
      } else this.refused.push(status);
      await Bun.sleep(everyMs);
    }
  }
}
