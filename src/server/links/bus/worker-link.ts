/**
 * A worker as the hub has it: its two connections, and the way out to it.
 *
 * What workers tell of themselves (interest, samples, ports) has a connection of its own, which is
 * always read. So a worker that is held because its messages pile up is no less heard, and what its
 * clients have joined is known.
 */

import type { FramedConnection } from '../ipc/framed-connection.ts';
import { Outlet, type OutletEvents, type Sender } from './outlet.ts';

export class WorkerLink implements Sender {
  readonly worker: number;
  /** Of the process, so that a new one of that number is told from the old one. */
  readonly pid: number;
  readonly #outletEvents: OutletEvents;
  control: FramedConnection | undefined;
  #messages: FramedConnection | undefined;
  #outlet: Outlet | undefined;
  #hasJoined = false;
  /** Workers with too much waiting of what this one has said. */
  #holders = 0;
  /** Answers that it owes: who asked, and the number of the request. */
  readonly owed: Map<string, readonly [asking: number, request: number]> = new Map();

  constructor(worker: number, pid: number, outletEvents: OutletEvents) {
    this.worker = worker;
    this.pid = pid;
    this.#outletEvents = outletEvents;
  }

  get messages(): FramedConnection | undefined {
    return this.#messages;
  }

  setMessages(connection: FramedConnection): void {
    this.#messages = connection;
    this.#outlet = new Outlet(connection, this.#outletEvents);
    connection.setReading(this.#holders === 0);
  }

  /** The way out; undefined until the worker takes messages. */
  get outlet(): Outlet | undefined {
    return this.#hasJoined ? this.#outlet : undefined;
  }

  /** Bytes that wait for the worker. */
  get queuedBytes(): number {
    return (this.#outlet?.queuedBytes ?? 0) + (this.control?.queuedBytes ?? 0);
  }

  joined(): void {
    this.#hasJoined = true;
  }

  drained(connection: FramedConnection): void {
    if (connection === this.#messages) this.#outlet?.drained();
  }

  judge(nowMs: number): void {
    this.#outlet?.judge(nowMs);
  }

  /** Where what it says goes, there is too much of it, or no longer. */
  hold(isHeld: boolean): void {
    this.#holders += isHeld ? 1 : -1;
    this.#messages?.setReading(this.#holders === 0);
  }

  close(): void {
    this.#hasJoined = false;
    this.#outlet?.close();
    this.control?.close();
    this.#messages?.close();
  }
}
