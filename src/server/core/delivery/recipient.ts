/** A session as deliveries see it: a member of rooms with a way to its client. */

import type { Carrier } from '../contracts/carrier.ts';
import type { RoomMember } from '../rooms/room.ts';

export interface Recipient extends RoomMember {
  readonly connected: boolean;
  readonly carrier: Carrier;
  /** The number of the last handout it has had; see delivery.ts. Only deliveries change it. */
  lastHandout: number;
}
