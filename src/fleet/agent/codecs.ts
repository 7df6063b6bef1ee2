/** The codec of each protocol. */

import type { ClientCodec } from './client-protocol.ts';
import type { ClientProtocol } from './contract.ts';
import { plainCodec } from './plain-codec.ts';
import { socketIoCodec } from './socket-io-codec.ts';

/** @param auth JSON that sessions present, in which `{n}` stands for the session's number */
export function createCodec(protocol: ClientProtocol, auth: string | undefined): ClientCodec {
  return protocol === 'socket-io' ? socketIoCodec(auth) : plainCodec(protocol, auth);
}
