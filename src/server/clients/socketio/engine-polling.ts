/** Long-polling as Engine.IO has it: packets joined by the record separator. */

import type { HttpAnswer } from '../../core/contracts/client-connection.ts';
import { encodePayload, PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import { PollingTransport } from '../session/polling-transport.ts';
import { NO_SOURCE } from '../source/source-keys.ts';

/** The answer to a POST whose packets were taken. */
export const POST_TAKEN: HttpAnswer = { status: 200, type: 'text/html', body: 'ok' };

/** A socket on its way to a session. */
export interface OfferedSocket {
  readonly connection: number;
}

export class EnginePolling extends PollingTransport {
  /** The probe of a WebSocket that has been offered; there can be only one. */
  probe: OfferedSocket | undefined;
  /** A request with packets is on its way; a second one would overtake it. */
  isPosting = false;
  /** A ping waits to be fetched: what the client sends until then is no answer to it. */
  isPingWaiting = false;

  /** No request of its client is under way, nor a socket that it would move to. */
  override get isAway(): boolean {
    return super.isAway && !this.isPosting && this.probe === undefined;
  }

  override get offeredConnection(): number {
    return this.probe?.connection ?? NO_SOURCE;
  }

  override enqueue(packet: WirePacket): boolean {
    this.isPingWaiting ||= packet === PLAIN_PACKET.ping;
    return super.enqueue(packet);
  }

  override takeQueue(): WirePacket[] {
    this.isPingWaiting = false;
    return super.takeQueue();
  }

  answerOf(packets: readonly WirePacket[]): HttpAnswer {
    return payloadAnswer(packets);
  }

  get lateAnswer(): HttpAnswer {
    return POST_TAKEN;
  }

  isGoodbye(body: string | undefined): boolean {
    return body === PLAIN_PACKET.close;
  }
}

/** Source: the Engine.IO protocol, revision 4, "HTTP long-polling". */
export function payloadAnswer(packets: readonly WirePacket[]): HttpAnswer {
  return { status: 200, type: 'text/plain; charset=UTF-8', body: encodePayload(packets) };
}
