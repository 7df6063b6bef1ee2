/**
 * Sessions that can be recovered, in the memory of the controller. Each is kept as a text, since
 * there may be as many as there are clients, and most of them are never asked for.
 */

import { parsed } from '../../../host/foreign/parsed.ts';
import type {
  RoomOrigin,
  SessionSnapshot,
  SnapshotRoom,
  Snapshots,
  Whom,
} from '../../core/contracts/snapshots.ts';
import { LIMITS } from '../../core/limits/limits.ts';

export interface EmbeddedSnapshotsOptions {
  readonly budgetBytes: number;
  /** How long one that was cut is kept. */
  readonly windowMs: number;
  /** Milliseconds of a clock that does not go back. */
  nowMs(): number;
}

interface Kept {
  /** All of it but its id and data, as JSON. */
  packed: string;
  data: Uint8Array | undefined;
  /** The worker that has it; `undefined` once it was cut. */
  worker: number | undefined;
  cutAtMs: number;
}

export class EmbeddedSnapshots implements Snapshots {
  readonly #options: EmbeddedSnapshotsOptions;
  readonly #live: Map<string, Kept> = new Map();
  /** In the order of their being cut. */
  readonly #cut: Map<string, Kept> = new Map();
  #bytes = 0;
  #dropped = 0;

  constructor(options: EmbeddedSnapshotsOptions) {
    this.#options = options;
  }

  get view(): SnapshotsView {
    const [live, cut] = [this.#live.size, this.#cut.size];
    return { live, cut, bytes: this.#bytes, dropped: this.#dropped };
  }

  opened(snapshot: SessionSnapshot, worker: number): void {
    const { id, data } = snapshot;
    this.over(id);
    const kept = { packed: pack(snapshot), data, worker, cutAtMs: 0 };
    this.#bytes += costOf(kept);
    if (!this.#makePlace()) {
      this.#bytes -= costOf(kept);
      this.#dropped++;
    } else this.#live.set(id, kept);
  }

  joined(id: string, rooms: readonly SnapshotRoom[]): void {
    this.#change(id, ({ rooms: before, ...rest }) => {
      const names = new Set(rooms.map(({ name }) => name));
      return { ...rest, rooms: [...before.filter(({ name }) => !names.has(name)), ...rooms] };
    });
  }

  left(id: string, rooms: readonly string[]): void {
    this.#change(id, (snapshot) => ({
      ...snapshot,
      rooms: snapshot.rooms.filter(({ name }) => !rooms.includes(name)),
    }));
  }

  changed(id: string, data: Uint8Array | undefined): void {
    this.#change(id, (snapshot) => ({ ...snapshot, data }));
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
    this.#bytes -= costOf(kept);
  }

  /** One pass over all that wait, which somebody at the admin API has asked for. */
  end(namespace: string, whom: Whom): void {
    const name = JSON.stringify(whom.session ?? whom.user ?? whom.room ?? '');
    for (const [id, kept] of this.#cut) {
      // Nearly all are passed over without being read.
      if (id !== whom.session && !kept.packed.includes(name)) continue;
      const snapshot = unpack(id, kept);
      if (snapshot.namespace === namespace && isOneOf(snapshot, whom)) this.over(id);
    }
  }

  workerGone(worker: number): void {
    for (const [id, kept] of this.#live) if (kept.worker === worker) this.cut(id);
  }

  workerOf(id: string): number | undefined {
    return this.#live.get(id)?.worker;
  }

  take(id: string): SessionSnapshot | undefined {
    this.sweep();
    const kept = this.#cut.get(id);
    if (kept === undefined) return undefined;
    this.over(id);
    return unpack(id, kept);
  }

  /** Forgets those whose time is over. To be called now and then. */
  sweep(): void {
    const oldestMs = this.#options.nowMs() - this.#options.windowMs;
    for (const [id, { cutAtMs }] of this.#cut) {
      if (cutAtMs >= oldestMs) return;
      this.over(id);
    }
  }

  #change(id: string, change: (snapshot: SessionSnapshot) => SessionSnapshot): void {
    const kept = this.#live.get(id);
    if (kept === undefined) return;
    this.#bytes -= costOf(kept);
    const changedOne = change(unpack(id, kept));
    kept.packed = pack(changedOne);
    kept.data = changedOne.data;
    this.#bytes += costOf(kept);
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

type Packed = readonly [
  namespace: string,
  user: string | null,
  ...rooms: readonly (readonly [name: string, origin: RoomOrigin, after: number | null])[],
];

function pack({ namespace, user, rooms }: SessionSnapshot): string {
  const packed: Packed = [
    namespace,
    user ?? null,
    ...rooms.map(({ name, origin, after }) => [name, origin, after ?? null] as const),
  ];
  return JSON.stringify(packed);
}

function unpack(id: string, { packed, data }: Kept): SessionSnapshot {
  const [namespace, user, ...rooms] = parsed(packed) as Packed;
  return {
    id,
    namespace,
    user: user ?? undefined,
    rooms: rooms.map(([name, origin, after]) => ({ name, origin, after: after ?? undefined })),
    data,
  };
}

function costOf({ packed, data }: Kept): number {
  return LIMITS.keptSessionBytes + packed.length + (data?.byteLength ?? 0);
}

function isOneOf({ id, user, rooms }: SessionSnapshot, { session, ...whom }: Whom): boolean {
  if (id === session || (user !== undefined && user === whom.user)) return true;
  return whom.room !== undefined && rooms.some(({ name }) => name === whom.room);
}
