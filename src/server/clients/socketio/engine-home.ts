/** What Engine.IO sessions need beside what all sessions do. */

import type { ClientSession } from '../session/client-session.ts';
import type { ClientTable } from '../session/client-table.ts';
import { KindHome } from '../session/kind-home.ts';

/** Takes what clients send. MUST NOT throw. */
export interface PacketTaker<Engine> {
  onText(engine: Engine, text: string): void;
  onBinary(engine: Engine, data: Buffer): void;
  /** Passes over a packet of a client that sends far too much. */
  refuseInput(engine: Engine, packet: string | Buffer): void;
  /** The app has had a client leave a namespace, which may not have heard of it. */
  left(engine: Engine, namespace: string): void;
  /** What is kept of packets that are not whole. */
  heldBytes(engine: Engine): number;
  /** The session has ended, or had to let go of what is kept of it. */
  forget(engine: Engine): void;
  /** Refuses what is late; called at each heartbeat tick. */
  sweep(): void;
}

export class EngineHome<Engine extends ClientSession> extends KindHome {
  readonly router: PacketTaker<Engine>;
  readonly #openTail: string;

  constructor(table: ClientTable, router: PacketTaker<Engine>) {
    super(table);
    this.router = router;
    const { pingIntervalMs, pingTimeoutMs, maxPayloadBytes } = table.settings;
    this.#openTail =
      `"pingInterval":${pingIntervalMs},"pingTimeout":${pingTimeoutMs},` +
      `"maxPayload":${maxPayloadBytes}}`;
  }

  /** Source: the Engine.IO protocol, revision 4, "Handshake". */
  openPacket(id: string, upgrades: readonly string[]): string {
    return `0{"sid":"${id}","upgrades":${JSON.stringify(upgrades)},${this.#openTail}`;
  }
}
