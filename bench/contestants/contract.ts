/**
 * The contract of a contestant: one file in this folder starts one server as its users would, and
 * the benchmark measures its process from outside. A server of another kind (a C program, a Go
 * binary) needs only such a file, and a line in `index.ts`.
 */

import type { ClientProtocol as FleetProtocol } from '../../src/fleet/agent/contract.ts';
import type { Children } from '../measure/children.ts';

/**
 * What the load client speaks: a protocol of `holdfast fleet`, or `pinging`: WebSocket where each
 * client sends a text every 25 s and the server sends it back.
 */
export type ClientProtocol = FleetProtocol | 'pinging';

/** What sessions present to servers that have users. */
export const USER_AUTH = '{"token":"user-{n}"}';

export interface Contestant {
  /** The name for `--only`, and in the results. */
  readonly name: string;
  /** The name in the table, with the runtime. */
  readonly title: string;
  readonly protocol: ClientProtocol;
  /** What sessions present; `{n}` in it becomes a session's number. */
  readonly auth?: string;
  /** Seconds that one bout of 19,000 sessions takes on a quiet machine; only for the time left. */
  readonly expectedSeconds: number;
  /**
   * For one that needs what this host may lack: a sentence, without its full stop, that says what
   * to install or to give; undefined when it can start.
   */
  unavailable?(): string | undefined;
  /** What of it is installed on this host; those from npm are in the results anyway. */
  version?(): string;
  /**
   * Starts the server and answers when it takes connections.
   * MUST register its process with `children`, listen on every loopback address, put each
   * session into one broadcast topic, and, where it has users and rooms, authenticate `USER_AUTH`
   * and join two more rooms. MUST NOT warm anything up.
   */
  start(children: Children): Promise<RunningContestant>;
}

export interface RunningContestant {
  /** The one process that holds the connections. */
  readonly pid: number;
  /** Processes of the contestant that hold none; reported beside, never added. */
  readonly otherPids: readonly number[];
  /** Where clients connect, e.g. `ws://127.0.0.1:4000/socket.io/?EIO=4&transport=websocket`. */
  readonly url: string;
  /**
   * Sends `count` different payloads of `PAYLOAD_BYTES` to every session, as quickly as the
   * contestant takes them. MUST resolve once all are handed over, without waiting for delivery.
   */
  broadcast(count: number): Promise<void>;
  /** Ends every process it started; called once, also after an error. */
  stop(): Promise<void>;
}
