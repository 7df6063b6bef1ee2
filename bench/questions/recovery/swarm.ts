/**
 * Clients that are cut and come back, in a process of their own: `bun swarm.ts <order as JSON>`.
 * It prints a line when all are there. On a line `cut` of its standard input all are cut at once,
 * on `back` they come back, on `report` it prints what they have seen.
 */

import { type Link, type LinkKind, openLink, type Place } from './links.ts';
import { Histogram, Listener } from './listener.ts';

export interface SwarmOrder {
  readonly hostname: string;
  readonly port: number;
  readonly kinds: readonly LinkKind[];
  readonly clients: number;
  /** How often each is cut, and for how long; never where the first is 0. */
  readonly cutEverySeconds: number;
  readonly awaySeconds: number;
}

export interface SwarmReport {
  readonly clients: number;
  readonly told: number;
  readonly missed: number;
  readonly repeated: number;
  readonly recovered: number;
  readonly unrecovered: number;
  readonly cuts: number;
  /** The highest number that each has been told, of the one that has least. */
  readonly least: number;
  readonly delaysMs: Quantiles;
  readonly delaysOfMissedMs: Quantiles;
}

interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const RETRY_MS = 200;
/** So many come at a time. */
const OPENED_AT_ONCE = 100;

const delays = new Histogram();
const delaysOfMissed = new Histogram();
let cuts = 0;
let open = 0;

class SwarmClient {
  readonly listener: Listener = new Listener(delays, delaysOfMissed);
  readonly #order: SwarmOrder;
  readonly #kind: LinkKind;
  readonly #place: Place = { position: '', pid: '' };
  #link: Link | undefined;
  #isOpen = false;
  #awayUntilMs = 0;
  #wasThere = false;

  constructor(order: SwarmOrder, kind: LinkKind) {
    this.#order = order;
    this.#kind = kind;
  }

  connect(): void {
    this.#link = openLink(this.#kind, this.#order, this.#place, {
      onOpen: (recovered) => {
        if (this.#wasThere && recovered) this.listener.recovered++;
        else if (this.#wasThere) this.listener.unrecovered++;
        this.#wasThere = true;
        this.#awayUntilMs = Date.now();
        if (!this.#isOpen) open++;
        this.#isOpen = true;
      },
      onMessage: (number, saidAtMs) => {
        // Whose session has not noticed the cut is not told that it is in again.
        if (this.#awayUntilMs === Number.POSITIVE_INFINITY && this.#kind === 'polling') {
          this.#awayUntilMs = Date.now();
        }
        this.listener.hear({ number, saidAtMs }, this.#awayUntilMs);
      },
      onLost: () => {
        this.#closed();
        setTimeout(() => this.connect(), RETRY_MS);
      },
    });
  }

  cut(): void {
    cuts++;
    // Some servers tell what was missed before they say that the client is in.
    this.#awayUntilMs = Number.POSITIVE_INFINITY;
    this.#closed();
    this.#link?.cut();
  }

  cutAgainAndAgain(): void {
    const { cutEverySeconds, awaySeconds } = this.#order;
    const next = (): void => {
      this.cut();
      setTimeout(() => {
        this.connect();
        setTimeout(next, (cutEverySeconds - awaySeconds) * 1_000);
      }, awaySeconds * 1_000);
    };
    setTimeout(next, Math.random() * cutEverySeconds * 1_000);
  }

  #closed(): void {
    if (this.#isOpen) open--;
    this.#isOpen = false;
  }
}

function quantilesOf(histogram: Histogram): Quantiles {
  return {
    count: histogram.size,
    p50: histogram.quantile(0.5),
    p99: histogram.quantile(0.99),
    max: histogram.quantile(1),
  };
}

function report(clients: readonly SwarmClient[]): SwarmReport {
  const listeners = clients.map(({ listener }) => listener);
  const sum = (of: (listener: Listener) => number): number =>
    listeners.reduce((total, listener) => total + of(listener), 0);
  return {
    clients: clients.length,
    told: sum(({ told }) => told),
    missed: sum(({ missed }) => missed),
    repeated: sum(({ repeated }) => repeated),
    recovered: sum(({ recovered }) => recovered),
    unrecovered: sum(({ unrecovered }) => unrecovered),
    cuts,
    least: Math.min(...listeners.map(({ next = 0 }) => next - 1)),
    delaysMs: quantilesOf(delays),
    delaysOfMissedMs: quantilesOf(delaysOfMissed),
  };
}

async function run(order: SwarmOrder): Promise<void> {
  const { kinds } = order;
  const clients = Array.from(
    { length: order.clients },
    (_, number) => new SwarmClient(order, kinds[number % kinds.length] as LinkKind),
  );
  for (let at = 0; at < clients.length; at += OPENED_AT_ONCE) {
    const some = clients.slice(at, at + OPENED_AT_ONCE);
    for (const client of some) client.connect();
    while (open < at + some.length) await Bun.sleep(5);
  }
  console.log('ready');
  if (order.cutEverySeconds > 0) for (const client of clients) client.cutAgainAndAgain();
  for await (const line of console) {
    if (line === 'cut') for (const client of clients) client.cut();
    else if (line === 'back') for (const client of clients) client.connect();
    else console.log(JSON.stringify(report(clients)));
  }
  process.exit(0);
}

if (import.meta.main) await run(JSON.parse(process.argv[2] as string) as SwarmOrder);
