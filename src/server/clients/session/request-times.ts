/** How long requests of sessions may take, and how long their connections may be idle. */

import { timeoutSeconds } from '../../core/limits/timeout-seconds.ts';
import type { ClientSettings } from './client-table.ts';

export class RequestTimes {
  /** A poll is answered by the next ping at the latest. */
  readonly pollSeconds: number;
  /** The whole of a request with packets, from its head to the end of its body. */
  readonly postSeconds: number;
  readonly keepAliveSeconds: number;

  constructor(settings: ClientSettings) {
    const { pingIntervalMs, pingTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs } = settings;
    this.pollSeconds = timeoutSeconds(pingIntervalMs + pingTimeoutMs);
    this.postSeconds = timeoutSeconds(requestTimeoutMs);
    this.keepAliveSeconds = timeoutSeconds(keepAliveTimeoutMs);
  }
}
