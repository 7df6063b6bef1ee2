/** Hosts that exist, as a user names them: `user@host:port`. */

import { FleetError } from '../../settings/fleet-error.ts';
import { isHost, isSshUser } from '../host-name.ts';
import { HOSTS_MAX } from '../hosts-state.ts';

export interface Destination {
  /** As it was given, which is what people and the file know it by. */
  readonly name: string;
  /** `user@host` without brackets, as ssh takes it. */
  readonly login: string;
  readonly host: string;
  /** Without it, what the configuration of ssh says. */
  readonly port: number | undefined;
}

/** @throws FleetError about the first that is no destination, or is there twice */
export function parseDestinations(texts: readonly string[]): readonly Destination[] {
  const names = texts.flatMap((text) => text.split(',')).map((name) => name.trim());
  const destinations = names.map(parseDestination);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new FleetError(`--ssh names ${twice} twice: give each host once.`);
  if (names.length <= HOSTS_MAX) return destinations;
  throw new FleetError(`--ssh names ${names.length} hosts; it takes ${HOSTS_MAX} at most.`);
}

/** @throws FleetError with what it is to look like */
export function parseDestination(text: string): Destination {
  const [, user, bracketed, plain, port] =
    /^(?:([^@]*)@)?(?:\[([^\]]*)\]|([^:@[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  const number = port === undefined ? undefined : Number(port);
  const isFine =
    (user === undefined || isSshUser(user)) &&
    isHost(host) &&
    (number === undefined || (number >= 1 && number <= 65_535));
  if (!isFine) {
    throw new FleetError(`--ssh has "${text}"; write each host like user@host or user@host:22.`);
  }
  const login = user === undefined ? host : `${user}@${host}`;
  return { name: text, login, host, port: number };
}
