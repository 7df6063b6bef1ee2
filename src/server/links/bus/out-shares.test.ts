/** Who may have how much waiting to leave a worker. */

import { beforeEach, expect, test } from 'bun:test';
import { LIMITS } from '../../core/limits/limits.ts';
import { type OutConnection, OutShares } from './out-shares.ts';

const KIB = 1_024;
const MIB = 1_024 * KIB;

/** A connection that is told what it has taken. */
class FakeConnection implements OutConnection {
  sentBytes = 0;
  flushedBytes = 0;
  #said = 0;

  get queuedBytes(): number {
    return this.#said - this.sentBytes;
  }

  say(bytes: number): void {
    this.#said += bytes;
  }

  endTurn(): void {
    this.flushedBytes = this.#said;
  }

  take(bytes: number): void {
    this.endTurn();
    this.sentBytes = Math.min(this.#said, this.sentBytes + bytes);
  }
}

let connection: FakeConnection;
let shares: OutShares;
const flooder = 'flooder';
const honest = 'honest';

beforeEach(() => {
  connection = new FakeConnection();
  shares = new OutShares(connection);
});

/** One message in a turn of its own. @returns whether it was taken */
function say(speaker: string | undefined, bytes: number): boolean {
  if (!shares.admits(speaker)) return false;
  connection.say(bytes);
  if (!shares.isLittle) shares.note(speaker, bytes);
  connection.endTurn();
  return true;
}

/** As much as is taken. @returns how many messages that were */
function flood(speaker: string | undefined, bytes: number): number {
  let count = 0;
  while (say(speaker, bytes)) count++;
  return count;
}

test('as long as little waits, nobody is asked', () => {
  for (let i = 0; i < 10_000; i++) {
    expect(say(flooder, 64 * KIB)).toBeTrue();
    connection.take(64 * KIB);
  }
  expect(shares.isFlooding(flooder)).toBeFalse();
});

test('one session has a share, and leaves room for others and the app', () => {
  const taken = flood(flooder, 64 * KIB) * 64 * KIB;
  expect(taken).toBeWithin(4 * MIB, 8 * MIB);
  expect([shares.isFlooding(flooder), shares.isFlooding(honest)]).toEqual([true, false]);
  expect(say(honest, MIB)).toBeTrue();
  expect(say(undefined, 10 * MIB)).toBeTrue();
  connection.take(taken);
  expect(shares.isFlooding(flooder)).toBeFalse();
  expect(say(flooder, 64 * KIB)).toBeTrue();
});

test('many that flood together leave a share to whoever says little', () => {
  const flooders = Array.from({ length: 300 }, (_, index) => `flooder ${index}`);
  for (const one of flooders) flood(one, 16 * KIB);
  expect(connection.queuedBytes).toBeLessThan(48 * MIB);
  expect(say(honest, 100 * KIB)).toBeTrue();
  expect(flood(undefined, MIB)).toBeGreaterThan(60);
  // The app has used up what there is: it hears of it, as does everybody.
  expect([say(undefined, 1), say(honest, 1)]).toEqual([false, false]);
});

test('much may be said in one turn, and what follows in later turns has to wait', () => {
  connection.say(MIB);
  connection.endTurn();
  let said = 0;
  for (; shares.admits(honest); said++) {
    connection.say(MIB);
    shares.note(honest, MIB);
  }
  expect(said * MIB).toBeWithin(LIMITS.busTurnBytes, LIMITS.busTurnBytes + 2 * MIB);
  connection.endTurn();
  expect([shares.admits(honest), shares.admits(flooder)]).toEqual([false, true]);
  connection.take(said * MIB - 2 * MIB);
  expect(shares.admits(honest)).toBeTrue();
});

test('sessions together cannot take what is for the app', () => {
  for (let i = 0; i < 2_000; i++) flood(`flooder ${i}`, 64 * KIB);
  expect(connection.queuedBytes).toBeLessThan(LIMITS.busSpeakersBytes + MIB);
  expect([say(honest, 1), say(undefined, MIB)]).toEqual([false, true]);
});

test('whoever speaks while the app says more than leaves is slowed down', () => {
  flood(undefined, MIB);
  expect(shares.isFlooding(honest)).toBeTrue();
  connection.take(Number.MAX_SAFE_INTEGER);
  expect(shares.isFlooding(honest)).toBeFalse();
});
