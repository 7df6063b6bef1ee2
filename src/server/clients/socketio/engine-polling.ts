/** Long-polling as Engine.IO has it: packets joined by the record separator. */

import type { HttpAnswer } from '../../core/contracts/client-connection.ts';
import { encodePayload, PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import { PollingTransport } from '../session/polling-transport.ts';

/** The answer to a POST whose packets were taken. */
export const POST_TAKEN: HttpAnswer = { status: 200, type: 'text/html', body: 'ok' };

export class EnginePolling extends PollingTransport {
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
