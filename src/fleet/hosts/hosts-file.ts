/**
 * The file of the hosts that this user has started: one for all of them, of mode 0600, since it has
 * the tokens of their agents. Commands of other shells find what `hosts start` left here.
 *
 * Fleets on hosts that exist are left out when their time is over: their agents have ended by
 * themselves. Rented ones cost money if they should not have, and stay until they are stopped. A
 * change is read, made and written in one turn; two commands at the same moment are not kept apart.
 */

import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type Place,
  placesOfUser,
  readPrivate,
  writePrivate,
} from '../../host/access/private-file.ts';
import { parsedOrNothing } from '../../host/foreign/parsed.ts';
import { FleetError } from '../settings/fleet-error.ts';
import { FLEETS_MAX, type HostFleet, hostsState } from './hosts-state.ts';

/** A hundred fleets of five hundred hosts have less. */
const FILE_BYTES_MAX = 16_777_216;
/** Hosts end a little later than asked, and clocks differ. */
const GRACE_MS = 10 * 60_000;

export class HostsFile {
  readonly #places: readonly Place[];
  readonly #name = `${encodeURIComponent(hostname())}-fleet-hosts.json`;

  constructor(places: readonly Place[] = placesOfUser()) {
    this.#places = places;
  }

  /**
   * @returns fleets that there may be
   * @throws FleetError when the file is not what this version writes
   */
  read(nowMs: number = Date.now()): readonly HostFleet[] {
    for (const place of this.#places) {
      const text = readPrivate(place, this.#name, FILE_BYTES_MAX);
      if (text === undefined) continue;
      const { success, data } = hostsState.safeParse(parsedOrNothing(text));
      if (success) {
        return data.fleets.filter(
          ({ provider, endsAtMs }) => provider !== 'ssh' || endsAtMs + GRACE_MS > nowMs,
        );
      }
      throw new FleetError(
        `${join(place.folder, this.#name)} is not what this version writes: stop the hosts by ` +
          'hand (rented ones by "holdfast fleet hosts stop all --regions …"), and remove it.',
      );
    }
    return [];
  }

  /** Puts a fleet in, in place of what was known of it. @throws FleetError */
  put(fleet: HostFleet): void {
    const others = this.read().filter(({ id }) => id !== fleet.id);
    if (others.length >= FLEETS_MAX) {
      throw new FleetError(
        `${FLEETS_MAX} fleets are kept already: end them with "holdfast fleet hosts stop all".`,
      );
    }
    this.#write([...others, fleet]);
  }

  /** @throws FleetError */
  remove(id: string): void {
    this.#write(this.read().filter((fleet) => fleet.id !== id));
  }

  #write(fleets: readonly HostFleet[]): void {
    const text = `${JSON.stringify({ version: 1, fleets }, null, 1)}\n`;
    let code = 'unknown';
    for (const place of this.#places) {
      try {
        writePrivate(place, this.#name, text);
        return;
      } catch (error) {
        ({ code = 'unknown' } = error as NodeJS.ErrnoException);
      }
    }
    throw new FleetError(
      `What is started cannot be kept in a file (${code}): let this user write to ` +
        `${this.#places[0]?.folder ?? 'its home'}.`,
    );
  }
}
