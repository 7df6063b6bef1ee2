/** Other nodes do not get a message, since too much waits for them; sessions of this node do. */

import { BusFullError } from './bus-full-error.ts';

export class BrokerFullError extends BusFullError {
  override readonly name: string = 'BrokerFullError';
}
