/**
 * Sessions that can be recovered, in the memory of the controller. Each is kept as a text, since
 * there may be as many as there are clients, and most of them are never asked for. One whose rooms
 * change is laid open until the next sweep: a client that comes and goes with thousands of rooms
 * would have all of them read and written for each.
 */

import { parsed } from '../../../host/foreign/parsed.ts';
import type {
  SessionClaim,
  SessionSnapshot,
  SnapshotRoom,
  Snapshots,
  Whom,
} from '../../core/contracts/snapshots.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { type Packed, packed, textWithData, unpacked } from './session-text.ts';

export interface EmbeddedSnapshotsOptions {
  readonly budgetBytes: number;
  /** How long one that was cut is kept. */
  readonly windowMs: number;
  /** Milliseconds of a clock that does not go back. */
  nowMs(): number;
}

/** Hears what becomes of sessions; it asks for more (`textOf`). MUST be cheap. */
export interface SnapshotsWatch {
  opened(id: string): void;
  changed(id: string): void;
  /** It is kept no more, whatever the cause. */
  gone(id: string): void;
}

interface Kept {
  /** All of it but its id and data, as JSON. */
  packed: string | Open;
  data: Uint8Array | undefined;
  /** The worker that has it; `undefined` once it was cut. */
  worker: number | undefined;
  cutAtMs: number;
}

/** The same while it changes. */
interface Open {
  readonly namespace: string;
  readonly user: string | undefined;
  readonly rooms: Map<string, SnapshotRoom>;
  /** What it takes, about. */
  length: number;
}

/** Of a room of one that is laid open. */
const OPEN_ROOM_BYTES = 150;
/** Sessions that one `sweep` packs again: 5 µs each where they are in few rooms. */
const PACKS_PER_SWEEP = 5_000;

export class EmbeddedSnapshots implements Snapshots {
  readonly #options: EmbeddedSnapshotsOptions;
  readonly #live: Map<string, Kept> = new Map();
  /** In the order of their being cut. */
  readonly #cut: Map<string, Kept> = new Map();
  readonly #open: Set<Kept> = new Set();
  #watch: SnapshotsWatch | undefined;
  #bytes = 0;
  #dropped = 0;

  constructor(options: EmbeddedSnapshotsOptions) {
    this.#options = options;
  }

  get view(): SnapshotsView {
    const [live, cut] = [this.#live.size, this.#cut.size];
    return { live, cut, bytes: this.#bytes, dropped: this.#dropped };
  }

  /** From now on it hears of all sessions. */
  watch(watch: SnapshotsWatch): void {
    this.#watch = watch;
  }

  /** Ids of all that are kept; may be walked through while they change. */
  *ids(): Generator<string> {
    yield* this.#live.keys();
    yield* this.#cut.keys();
  }

  /** A session as other nodes would have it (`session-text.ts`). */
  textOf(id: string): string | undefined {
    const kept = this.#live.get(id) ?? this.#cut.get(id);
    if (kept === undefined) return undefined;
    const { packed: text, data } = kept;
    return textWithData(typeof text === 'string' ? text : packed(snapshotOf(id, kept)), data);
  }

  opened(snapshot: SessionSnapshot, worker: number): void {
    const { id, data } = snapshot;
    this.over(id);
    const kept = { packed: packed(snapshot), data, worker, cutAtMs: 0 };
    this.#bytes += costOf(kept);
    if (!this.#makePlace()) {
      this.#bytes -= costOf(kept);
      this.#dropped++;
      return;
    }
    this.#live.set(id, kept);
    this.#watch?.opened(id);
  }

  joined(id: string, rooms: readonly SnapshotRoom[]): void {
    this.#change(id, (open) => {
      for (const room of rooms) {
        if (open.rooms.delete(room.name)) open.length -= costOfRoom(room.name);
        open.rooms.set(room.name, room);
        open.length += costOfRoom(room.name);
      }
    });
  }

  left(id: string, rooms: readonly string[]): void {
    this.#change(id, (open) => {
      for (const name of rooms) if (open.rooms.delete(name)) open.length -= costOfRoom(name);
    });
  }

  changed(id: string, data: Uint8Array | undefined): void {
    const kept = this.#live.get(id);
    if (kept === undefined) return;
    this.#bytes -= costOf(kept);
    kept.data = data;
    this.#bytes += costOf(kept);
    this.#watch?.changed(id);
    this.#makePlaceFor(id);
  }

  cut(id: string): void {
    const kept = this.#live.get(id);
    if (kept === undefined) return;
    this.#live.delete(id);
    kept.worker = undefined;
    kept.cutAtMs = this.#options.nowMs();
    this.#cut.set(id, kept);
  }

  over(id: string): void {
    const kept = this.#live.get(id) ?? this.#cut.get(id);
    if (kept === undefined) return;
    this.#live.delete(id);
    this.#cut.delete(id);
    this.#open.delete(kept);
    this.#bytes -= costOf(kept);
    this.#watch?.gone(id);
  }

  /** One pass over all that wait, which somebody at the admin API has asked for. */
  end(namespace: string, whom: Whom): void {
    const name = JSON.stringify(whom.session ?? whom.user ?? whom.room ?? '');
    for (const [id, kept] of this.#cut) {
      // Nearly all are passed over without being read.
      const { packed } = kept;
      if (id !== whom.session && typeof packed === 'string' && !packed.includes(name)) continue;
      const snapshot = snapshotOf(id, kept);
      if (snapshot.namespace === namespace && isOneOf(snapshot, whom)) this.over(id);
    }
  }

  workerGone(worker: number): void {
    for (const [id, kept] of this.#live) if (kept.worker === worker) this.cut(id);
  }

  isOf({ id, namespace, user }: SessionClaim): boolean | undefined {
    const kept = this.#live.get(id) ?? this.#cut.get(id);
    if (kept === undefined) return undefined;
    const snapshot = snapshotOf(id, kept);
    return snapshot.namespace === namespace && snapshot.user === user;
  }

  workerOf(id: string): number | undefined {
    return this.#live.get(id)?.worker;
  }

  take(id: string): SessionSnapshot | undefined {
    this.#forgetLate();
    const kept = this.#cut.get(id);
    if (kept === undefined) return undefined;
    this.over(id);
    return snapshotOf(id, kept);
  }

  /** Forgets those whose time is over, and packs what is open. To be called now and then. */
  sweep(): void {
    this.#forgetLate();
    let left = PACKS_PER_SWEEP;
    for (const kept of this.#open) {
      if (--left < 0) return;
      this.#open.delete(kept);
      this.#bytes -= costOf(kept);
      kept.packed = packed(snapshotOf('', kept));
      this.#bytes += costOf(kept);
    }
  }

  #forgetLate(): void {
    const oldestMs = this.#options.nowMs() - this.#options.windowMs;
    for (const [id, { cutAtMs }] of this.#cut) {
      if (cutAtMs >= oldestMs) return;
      this.over(id);
    }
  }

  #change(id: string, change: (open: Open) => void): void {
    const kept = this.#live.get(id);
    if (kept === undefined) return;
    this.#bytes -= costOf(kept);
    const { packed } = kept;
    const open = typeof packed === 'string' ? laidOpen(snapshotOf(id, kept)) : packed;
    kept.packed = open;
    this.#open.add(kept);
    change(open);
    this.#bytes += costOf(kept);
    this.#watch?.changed(id);
    this.#makePlaceFor(id);
  }

  #makePlaceFor(id: string): void {
    if (this.#makePlace()) return;
    this.over(id);
    this.#dropped++;
  }

  /** @returns false when those that live alone are too much */
  #makePlace(): boolean {
    for (const id of this.#cut.keys()) {
      if (this.#bytes <= this.#options.budgetBytes) return true;
      this.over(id);
      this.#dropped++;
    }
    return this.#bytes <= this.#options.budgetBytes;
  }
}

export interface SnapshotsView {
  /** Sessions that are connected, and those that wait for their client. */
  readonly live: number;
  readonly cut: number;
  readonly bytes: number;
  /** Since the start, for want of budget. */
  readonly dropped: number;
}

function snapshotOf(id: string, { packed: text, data }: Kept): SessionSnapshot {
  if (typeof text === 'string') return { id, ...unpacked(parsed(text) as Packed), data };
  const { namespace, user, rooms } = text;
  return { id, namespace, user, rooms: [...rooms.values()], data };
}

function laidOpen({ namespace, user, rooms }: SessionSnapshot): Open {
  const open = new Map(rooms.map((room) => [room.name, room]));
  const own = namespace.length + (user?.length ?? 0);
  const length = rooms.reduce((sum, { name }) => sum + costOfRoom(name), own);
  return { namespace, user, rooms: open, length };
}

function costOfRoom(name: string): number {
  return OPEN_ROOM_BYTES + name.length;
}

function costOf({ packed, data }: Kept): number {
  return LIMITS.keptSessionBytes + packed.length + (data?.byteLength ?? 0);
}

function isOneOf({ id, user, rooms }: SessionSnapshot, { session, ...whom }: Whom): boolean {
  if (id === session || (user !== undefined && user === whom.user)) return true;
  return whom.room !== undefined && rooms.some(({ name }) => name === whom.room);
}
