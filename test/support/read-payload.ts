/** All packets of the body of a polling request at once; `undefined` when one is malformed. */

import { PayloadReader } from '../../src/server/protocol/engine-packet.ts';
import { MALFORMED } from '../../src/server/protocol/wire-packet.ts';

export function readPayload(body: string): (string | Buffer)[] | undefined {
  const reader = new PayloadReader(body);
  const packets: (string | Buffer)[] = [];
  for (let packet = reader.peek(); packet !== undefined; packet = reader.peek()) {
    if (packet === MALFORMED) return undefined;
    packets.push(packet);
    reader.skip();
  }
  return packets;
}
