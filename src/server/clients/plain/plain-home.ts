/** What sessions of the plain protocol need beside what all sessions do. */

import type { ClientSession } from '../session/client-session.ts';
import type { ClientTable } from '../session/client-table.ts';
import { KindHome } from '../session/kind-home.ts';
import { HeldPolls } from './held-polls.ts';

/** Takes what clients send. MUST NOT throw. */
export interface MessageTaker<Session> {
  onText(session: Session, text: string): void;
  onBinary(session: Session, data: Buffer): void;
  /** A frame of a client with a format of its own. */
  onRaw(session: Session, frame: string | Buffer): void;
  /** Passes over a message of a client that sends far too much. */
  refuseInput(session: Session): void;
  /** Tells who has been refused much; called at each heartbeat tick. */
  sweep(): void;
}

export interface PlainSettings {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly pollHoldMs: number;
}

export class PlainHome<Session extends ClientSession> extends KindHome {
  readonly router: MessageTaker<Session>;
  readonly plain: PlainSettings;
  readonly heldPolls: HeldPolls;

  constructor(table: ClientTable, router: MessageTaker<Session>, settings: PlainSettings) {
    super(table);
    this.router = router;
    this.plain = settings;
    this.heldPolls = new HeldPolls(settings.pollHoldMs, table.heartbeat.tickMs);
  }
}
