/** The WebSocket of an Engine.IO session, while somebody looks for half of a message in it. */

import type { Incoming } from '../../core/contracts/incoming.ts';
import type { SessionSources } from '../source/session-sources.ts';
import type { EngineSession } from './engine-session.ts';

export class SessionIncoming implements Incoming {
  readonly connection: number;
  readonly #session: EngineSession;
  readonly #sources: SessionSources;

  constructor(session: EngineSession, sources: SessionSources) {
    this.connection = sources.connectionOf(session.slot);
    this.#session = session;
    this.#sources = sources;
  }

  get takenBytes(): number {
    return this.#sources.takenOf(this.#session.slot);
  }

  set takenBytes(bytes: number) {
    this.#sources.setTaken(this.#session.slot, bytes);
  }

  get isClosed(): boolean {
    return this.#session.closed;
  }

  ask(): void {
    this.#session.ping();
  }

  letGo(): void {
    this.#session.letGo();
  }
}
