/**
 * The keeper of a worker's connections: those without a session must not take the files that
 * sessions need.
 *
 *     plenty ──many without a session──▶ watching ──files are short──▶ short
 *
 * While files are plenty nothing is kept but when a connection first asked for something that needs
 * no session: after a while its answers are its last. While watching, kinds of client vouch for
 * the connections that bring requests of sessions. When files are short, answers to all others are
 * their last, and the kernel's own list of connections is gone through for those that nobody
 * vouches for; the fullest address and the longest silent go first, and last of all those that
 * may bring the next requests of sessions which are there (choose-strangers.ts).
 *
 * Bun has no hook at accept, so refusing comes after it, with the reserve of files.
 */

import type { ConnectionWatch } from '../../clients/source/connection-watch.ts';
import { NO_SOURCE, type SourceKeys } from '../../clients/source/source-keys.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { IpAddress } from '../../protocol/ip-address.ts';
import { chooseStrangers, type Stranger } from './choose-strangers.ts';
import { TcpConnections } from './tcp-connections.ts';

export interface DoorOptions {
  /** Files that connections of clients may take. */
  readonly places: number;
  readonly ports: readonly number[];
  readonly keys: SourceKeys;
  readonly refusals: Refusals;
  readonly log: Log;
  /** Files that are open now; undefined where the system does not tell. */
  countFiles(): number | undefined;
  /** WebSockets that are open now. */
  countSockets(): number;
  /** The number of the connection that has an open file. */
  connectionAt(file: number): number;
  /** Connections that carry sessions on their own. */
  sessionConnections(): Iterable<number>;
  /** The watch begins: vouches for connections whose requests wait. */
  vouchForWaiting(): void;
  /** Declared proxies are no strangers: they keep their connections for others. */
  isProxy(ip: IpAddress): boolean;
}

interface Found {
  readonly strangers: readonly Stranger[];
  readonly requests: ReadonlyMap<number, number>;
}

const SECOND_MS = 1_000;
/** While watching; otherwise whoever calls `look` does so in a rhythm of its own. */
const LOOK_MS = 20;
/** After so many looks at which nothing had changed each fifth is enough: cold, one takes 40 µs. */
const CALM_AFTER = 10;
const CALM_EACH = 5;
/** A look through all connections waits ten times as long as the last one took. */
const SWEEP_REST = 10;
/** Numbers of files may lie this much above the most that were counted at a time. */
const FILES_SLACK = 1_024;

export class Door implements ConnectionWatch {
  readonly #options: DoorOptions;
  readonly #watchFrom: number;
  /** What is freed beyond the need, so that the next ones find a place. */
  readonly #margin: number;
  /** Second until which a connection is vouched for. */
  readonly #vouched: Map<number, number> = new Map();
  #vouchedSeenAt = 0;
  /** Second in which a connection first asked without a session, oldest first. */
  readonly #askers: Map<number, number> = new Map();
  #ownFiles = 0;
  #filesMax = 0;
  #filesBefore = 0;
  #timer: Timer | undefined;
  #tcp: TcpConnections | undefined;
  #isOpening = false;
  #sweepAgainAtMs = 0;
  #isShort = false;
  /** Since the last look at which something had changed. */
  #calmLooks = 0;
  #passedOver = 0;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#watchFrom = Math.max(
      LIMITS.strangersWatchedFrom,
      Math.floor(options.places * LIMITS.strangersWatchedShare),
    );
    this.#margin = Math.max(1, Math.floor(options.places * LIMITS.strangersFreedShare));
  }

  get isWatching(): boolean {
    return this.#timer !== undefined;
  }

  /** Connections without a session, those included whose request for one waits. */
  get strangers(): number {
    const files = this.#options.countFiles();
    if (files === undefined) return 0;
    return Math.max(0, files - this.#ownFiles - this.#options.countSockets());
  }

  /** The worker listens: what is open now is its own. */
  open(): void {
    this.#ownFiles = this.#options.countFiles() ?? 0;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  vouch(connection: number, seconds: number): void {
    this.#vouched.set(connection, nowSeconds() + seconds);
  }

  disown(connection: number): void {
    this.#vouched.delete(connection);
  }

  /** Whether the answer to a request without a session is the last on its connection. */
  isLastAnswer(connection: number): boolean {
    if (this.#isShort) return true;
    if (connection === NO_SOURCE) return false;
    const now = nowSeconds();
    const since = this.#askers.get(connection);
    if (since !== undefined) {
      if (now - since < LIMITS.strangerSeconds) return false;
      this.#askers.delete(connection);
      return true;
    }
    this.#forgetAskers(now);
    this.#askers.set(connection, now);
    return false;
  }

  /** Looks in a rhythm of ten times a second, and less often while nobody comes or goes. */
  lookNowAndThen(): void {
    if (this.#calmLooks > CALM_AFTER && ++this.#passedOver < CALM_EACH) return;
    this.#passedOver = 0;
    this.look();
  }

  /** Looks at the files that are open. */
  look(): void {
    const { places } = this.#options;
    const files = this.#options.countFiles();
    if (files === undefined) return;
    const isCalm = files === this.#filesBefore && (files - this.#ownFiles) * 2 < places;
    this.#calmLooks = isCalm ? this.#calmLooks + 1 : 0;
    this.#filesBefore = files;
    this.#filesMax = Math.max(this.#filesMax, files);
    const used = files - this.#ownFiles;
    const strangers = used - this.#options.countSockets();
    this.#isShort = used >= places || (this.#isShort && used >= places - this.#margin);
    if (strangers >= this.#watchFrom || this.#isShort) this.#watch();
    else if (strangers < this.#watchFrom / 2) this.#rest();
    if (this.#isShort && strangers > 0) this.#sweep(used - places + this.#margin);
    if (this.isWatching) this.#forgetVouched(nowSeconds());
  }

  #watch(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#options.vouchForWaiting();
    if (this.#tcp === undefined && !this.#isOpening) void this.#openTcp();
  }

  #rest(): void {
    if (this.#timer === undefined) return;
    this.close();
    this.#vouched.clear();
  }

  async #openTcp(): Promise<void> {
    this.#isOpening = true;
    try {
      this.#tcp = await TcpConnections.open();
    } catch (error) {
      this.#options.log.warn('connections without a session cannot be closed here', {
        error: describeError(error),
      });
    }
    // Without it this stays set: what failed once is not tried again.
    this.#isOpening = this.#tcp === undefined;
  }

  /** Hangs up on strangers until `wanted` files are free. */
  #sweep(wanted: number): void {
    const tcp = this.#tcp;
    const startedAtMs = performance.now();
    if (tcp === undefined || startedAtMs < this.#sweepAgainAtMs) return;
    const { strangers, requests } = this.#findStrangers(tcp);
    const requestsOf = (address: number): number => requests.get(address) ?? 0;
    for (const { file } of chooseStrangers(strangers, wanted, requestsOf)) {
      if (tcp.hasUnread(file)) continue;
      tcp.hangUp(file);
      this.#options.refusals.count('strangerCut');
    }
    const endedAtMs = performance.now();
    const restMs = strangers.length === 0 ? SECOND_MS : (endedAtMs - startedAtMs) * SWEEP_REST;
    this.#sweepAgainAtMs = endedAtMs + restMs;
  }

  /** With the connections of each address that are vouched for. */
  #findStrangers(tcp: TcpConnections): Found {
    const now = nowSeconds();
    const { keys, ports } = this.#options;
    const sessions = new Set(this.#options.sessionConnections());
    const strangers: Stranger[] = [];
    const requests = new Map<number, number>();
    tcp.visit(this.#filesMax + FILES_SLACK, (file, ip) => {
      const connection = this.#options.connectionAt(file);
      const isVouchedFor = (this.#vouched.get(connection) ?? 0) >= now;
      const isCarrying = connection !== NO_SOURCE && sessions.has(connection);
      if (isCarrying || this.#options.isProxy(ip) || !ports.includes(tcp.localPort(file))) return;
      const address = keys.address(ip);
      if (connection !== NO_SOURCE && isVouchedFor) {
        requests.set(address, (requests.get(address) ?? 0) + 1);
        return;
      }
      strangers.push({ file, address, connection, silentMs: tcp.silentMs(file) });
    });
    return { strangers, requests };
  }

  #forgetAskers(now: number): void {
    for (const [connection, since] of this.#askers) {
      const isOld = now - since > 2 * LIMITS.strangerSeconds;
      if (!isOld && this.#askers.size < LIMITS.strangersRemembered) return;
      this.#askers.delete(connection);
    }
  }

  /** Once a second: those who poll are vouched for again and again. */
  #forgetVouched(now: number): void {
    if (now === this.#vouchedSeenAt) return;
    this.#vouchedSeenAt = now;
    for (const [connection, until] of this.#vouched) {
      if (until < now) this.#vouched.delete(connection);
    }
  }
}

function nowSeconds(): number {
  return Math.floor(performance.now() / SECOND_MS);
}
