/** What of the hub other nodes and servers reach. */

import type { MessageRelay } from '../bus/message-relay.ts';

export type NodeRelay = Pick<MessageRelay, 'take' | 'askWorkers' | 'kept'>;
