/**
 * Asks all who may know who a client is, one after the other, and makes one verdict of it.
 *
 *     token ─▶ hook ─▶ the app's `authenticate`
 *
 * Each may refuse; what they admit with is added up. None may say that the client is somebody else
 * than one before has said. Where there are sources, a client that none of them knows is refused
 * before the app is asked, unless anonymous ones are allowed.
 */

import type { Admission, RoomName } from '../core/app/app.ts';
import type {
  Admitted,
  AppIdentity,
  Identity,
  IdentitySource,
  IdentityVerdict,
  NotAdmitted,
  OpenHandshake,
} from '../core/contracts/identity.ts';

/** What every client is told that a source does not let in: who tries keys learns nothing. */
export const NOT_AUTHENTICATED = 'not authenticated';

export interface IdentityChainOptions {
  /** In the order in which they are asked. */
  readonly sources: readonly IdentitySource[];
  /** Clients that no source knows are let in without a user. */
  readonly allowAnonymous: boolean;
}

const NOTHING: Admitted = { kind: 'admitted', admission: {} };
const ANONYMOUS: NotAdmitted = {
  kind: 'refused',
  reason: 'anonymousRefused',
  message: NOT_AUTHENTICATED,
};

export class IdentityChain implements Identity {
  readonly #options: IdentityChainOptions;

  constructor(options: IdentityChainOptions) {
    this.#options = options;
  }

  identify(handshake: OpenHandshake, app: AppIdentity): IdentityVerdict | Promise<IdentityVerdict> {
    if (this.#options.sources.length > 0) return this.#ask(handshake, app);
    const admission = app.authenticate(handshake);
    return admission instanceof Promise ? admittedLater(admission) : admitted(admission);
  }

  async refresh(handshake: OpenHandshake): Promise<IdentityVerdict> {
    const { user } = handshake;
    const verdict = await this.#askSources(handshake);
    if (verdict.kind === 'refused' || verdict.admission.user === user) return verdict;
    return { kind: 'refused', reason: 'identityChanged', message: NOT_AUTHENTICATED };
  }

  async #ask(handshake: OpenHandshake, app: AppIdentity): Promise<IdentityVerdict> {
    const known = await this.#askSources(handshake);
    if (known.kind === 'refused') return known;
    return together(known, admitted(await app.authenticate(handshake)));
  }

  async #askSources(handshake: OpenHandshake): Promise<IdentityVerdict> {
    let known: IdentityVerdict = NOTHING;
    for (const source of this.#options.sources) {
      const said = await source.identify(handshake);
      if (said.kind === 'refused') return said;
      known = together(known, said);
      if (known.kind === 'refused') return known;
      handshake.user = known.admission.user;
    }
    if (known.admission.user === undefined && !this.#options.allowAnonymous) return ANONYMOUS;
    return known;
  }
}

function admitted(admission: Admission): Admitted {
  return { kind: 'admitted', admission };
}

async function admittedLater(admission: Promise<Admission>): Promise<Admitted> {
  return admitted(await admission);
}

/** Rooms and grants of both, the data of the later one, the earlier end. */
function together(before: Admitted, after: Admitted): IdentityVerdict {
  const user = after.admission.user ?? before.admission.user;
  if (before.admission.user !== undefined && user !== before.admission.user) {
    return { kind: 'refused', reason: 'identityChanged', message: NOT_AUTHENTICATED };
  }
  const data = after.admission.data ?? before.admission.data;
  const rooms = both<RoomName>(before.admission.rooms, after.admission.rooms);
  return {
    kind: 'admitted',
    admission: {
      ...(user === undefined ? {} : { user }),
      ...(rooms === undefined ? {} : { rooms }),
      ...(data === undefined ? {} : { data }),
    },
    grants: both(before.grants, after.grants),
    expiresAtMs: earlier(before.expiresAtMs, after.expiresAtMs),
  };
}

function both<T>(
  before: readonly T[] | undefined,
  after: readonly T[] | undefined,
): readonly T[] | undefined {
  if (before === undefined || after === undefined) return after ?? before;
  return [...before, ...after];
}

function earlier(before: number | undefined, after: number | undefined): number | undefined {
  if (before === undefined || after === undefined) return after ?? before;
  return Math.min(before, after);
}
