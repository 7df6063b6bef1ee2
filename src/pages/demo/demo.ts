/**
 * The demo's handlers: joins sessions to the match, takes their votes, keeps the workers agreed.
 *
 * A worker sends its row to the other workers when it changed (`serverSideEmit`), tells the totals
 * to its own sessions when they changed (`server.local`), both at most once a tick, and copies the
 * votes of another worker, page by page, when it starts and when rows went missing. Copying from
 * one worker is enough at the start: between workers messages keep their order, so whatever was
 * sent before this worker could hear it has reached the worker that it asks.
 *
 * Voters name themselves by a random id. A session without one is let in but not into the match:
 * it costs nothing and is told nothing, so the demo does not stand in the way of a load test.
 */

import type { Admission, App, Handshake, Server, Session } from 'holdfast';
import { ClientError, PartialAnswerError } from 'holdfast';
import { readEntries } from './ballots.ts';
import { createPage } from './page.ts';
import {
  CATCH_UP_WAIT_MS,
  HALF_MS,
  isChoice,
  isVoter,
  TICK_INTERVAL_MS,
  VOTES_PER_MESSAGE_MAX,
} from './poll.ts';
import { type Row, readRow, Tally, type Totals } from './tally.ts';
import { isForTerrace, SHOUTS_PER_SECOND_MAX, TERRACE, Terrace } from './terrace.ts';

const ROOM = 'match';

/** What a vote is answered with. */
export interface VoteAnswer {
  readonly counted: boolean;
  readonly reason?: 'unknown choice' | 'no voter id' | 'full';
}

/** The demo's app. `now` is the wall clock; tests pass their own. */
export function createDemo(now: () => number = Date.now): App {
  const page = createPage();
  // Made when the worker starts, because only then its id is known.
  let match: Match | undefined;
  return {
    authenticate,
    // No room has a secret, and load tests have rooms of their own.
    mayJoin: () => true,
    started(server) {
      match = new Match(server, now);
      return match.start();
    },
    connected(session) {
      match?.enter(session);
    },
    on: {
      vote: (session: Session, choice: unknown) => match?.vote(session, choice),
      where: (session: Session) => match?.terrace.where(session),
      shout: (session: Session) => match?.terrace.shout(session),
      // Clients of Socket.IO join and leave by the app; plain ones have messages of their own.
      join: (session: Session) => session.join(TERRACE),
      leave: (session: Session) => session.leave(TERRACE),
    },
    limits: { shout: SHOUTS_PER_SECOND_MAX },
    onServer: {
      row: (_server: Server, row: unknown) => match?.hear(row),
      rows: () => match?.tally.lastRow() ?? null,
      page: (_server: Server, workerId: unknown, start: unknown) =>
        match?.page(workerId, start) ?? null,
    },
    disconnected(session) {
      match?.leave(session);
    },
    request: page,
  };
}

function authenticate({ auth }: Handshake): Admission | undefined {
  if (isForTerrace(auth)) return { rooms: [TERRACE] };
  const voter = auth['voter'];
  if (voter === undefined) return undefined;
  if (!isVoter(voter)) throw new ClientError('The voter id must be 32 hexadecimal digits.');
  return { user: voter, rooms: [ROOM] };
}

class Match {
  readonly tally: Tally;
  readonly terrace: Terrace;
  readonly #server: Server;
  readonly #now: () => number;
  /**
   * The totals as last told. Every session of this worker has these: a new one is given them and
   * not the totals of the moment, or a change that is undone within the tick would stay on its
   * page, since nothing differs from what was told.
   */
  #told: Totals;
  /** Workers whose votes are to be copied; those under way are no longer in it. */
  readonly #toCopy = new Set<string>();
  #copying = false;

  constructor(server: Server, now: () => number) {
    this.#server = server;
    this.#now = now;
    this.tally = new Tally(server.workerId);
    this.terrace = new Terrace(server, this.tally, now);
    this.#told = this.tally.totals(now());
  }

  async start(): Promise<void> {
    setInterval(() => this.#tick(), TICK_INTERVAL_MS).unref();
    await Promise.race([this.#catchUp(), Bun.sleep(CATCH_UP_WAIT_MS)]);
    this.#told = this.tally.totals(this.#now());
  }

  enter(session: Session): void {
    this.terrace.enter(session);
    if (session.user === undefined) return;
    this.tally.enter();
    session.emit('state', {
      totals: this.#told,
      mine: this.tally.ballots.choiceOf(session.user) ?? null,
      worker: this.tally.workerId,
      halfElapsedMs: this.#now() % HALF_MS,
    });
  }

  leave(session: Session): void {
    this.terrace.leave(session);
    if (session.user !== undefined) this.tally.leave();
  }

  vote(session: Session, choice: unknown): VoteAnswer {
    if (session.user === undefined) return { counted: false, reason: 'no voter id' };
    if (!isChoice(choice)) return { counted: false, reason: 'unknown choice' };
    const outcome = this.tally.vote(session.user, choice, this.#now());
    if (outcome === 'full') return { counted: false, reason: 'full' };
    // The same voter's other tabs show the vote too.
    if (outcome === 'counted') {
      this.#server.user(session.user).except(session.id).emit('mine', choice);
    }
    return { counted: true };
  }

  hear(value: unknown): void {
    const row = readRow(value);
    if (row !== undefined && !this.tally.merge(row, this.#now())) this.#toCopy.add(row.workerId);
  }

  page(workerId: unknown, start: unknown): unknown {
    if (workerId !== this.tally.workerId || !Number.isSafeInteger(start)) return null;
    return this.tally.ballots.page(Math.max(0, Number(start)), VOTES_PER_MESSAGE_MAX);
  }

  #tick(): void {
    const nowMs = this.#now();
    this.tally.expire(nowMs);
    const row = this.tally.takeRow(nowMs);
    if (row !== undefined) this.#server.serverSideEmit('row', row);
    this.#tell(this.tally.totals(nowMs));
    this.terrace.tick(nowMs);
    void this.#copyNext();
  }

  #tell(totals: Totals): void {
    if (Bun.deepEquals(totals, this.#told)) return;
    this.#told = totals;
    this.#server.local.to(ROOM).emit('totals', totals);
  }

  /** Learns who is there and copies the votes of the worker that knows most. */
  async #catchUp(): Promise<void> {
    const answers = await this.#ask('rows');
    const rows = answers.map(readRow).filter((row): row is Row => row !== undefined);
    for (const row of rows) this.tally.merge(row, this.#now());
    const [first] = rows.toSorted((a, b) => b.voters - a.voters);
    if (first === undefined || first.voters === 0) return;
    this.#toCopy.add(first.workerId);
    await this.#copyNext();
  }

  /** What those answered that did: one that is silent must not keep the others from agreeing. */
  async #ask(event: string, ...args: unknown[]): Promise<readonly unknown[]> {
    try {
      return await this.#server.serverSideEmitWithAck(event, ...args);
    } catch (error) {
      return error instanceof PartialAnswerError ? (error.partial as unknown[]) : [];
    }
  }

  /** Copies from one worker at a time. One that fails is copied when its next row arrives. */
  async #copyNext(): Promise<void> {
    const [workerId] = this.#toCopy;
    if (workerId === undefined || this.#copying) return;
    this.#copying = true;
    this.#toCopy.delete(workerId);
    try {
      await this.#copy(workerId);
    } catch {
      this.tally.forget(workerId);
    } finally {
      this.#copying = false;
    }
  }

  async #copy(workerId: string): Promise<void> {
    for (let start = 0; ; start += VOTES_PER_MESSAGE_MAX) {
      const answers = await this.#ask('page', workerId, start);
      const page = answers.find(Array.isArray);
      if (page === undefined) throw new Error(`worker ${workerId} did not answer`);
      this.tally.ballots.merge(readEntries(page));
      if (page.length < VOTES_PER_MESSAGE_MAX) return;
    }
  }
}
