/** What all answers about rooms, users and sessions say, and how they are asked for. */
import { printable } from '../host/foreign/printable.ts';
import type { DisconnectReport } from '../server/controller/sessions-view.ts';
import { CliError } from './cli-error.ts';

/** A user with the most sessions that are told, each in rooms with the longest names. */
export const SESSIONS_BYTES_MAX = 33_554_432;

/** @throws CliError when workers or nodes did not answer: what was printed is not the whole */
export function checkWhole({ missing, missingNodes }: Partial): void {
  const workers = listOf('worker', missing);
  const nodes = listOf('node', missingNodes.map(printable));
  const who = [...workers, ...nodes].join(' and ');
  if (who === '') return;
  const did = 'did not answer, so this is not the whole: see "holdfast status", and try again';
  throw new CliError(`${who.charAt(0).toUpperCase()}${who.slice(1)} ${did}.`);
}

/** What an answer says of who is missing from it. */
export type Partial = Pick<DisconnectReport, 'missing' | 'missingNodes'>;

function listOf(kind: string, names: readonly (string | number)[]): readonly string[] {
  if (names.length === 0) return [];
  return [`${kind}${names.length === 1 ? '' : 's'} ${names.join(', ')}`];
}

/** Of what is asked by a name, the path and query. */
export function pathOf(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return `${path}?${String(new URLSearchParams(given as [string, string][]))}`;
}

/** A time as people read it, in the zone of whoever asks. */
export function since(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().slice(0, 19).replace('T', ' ');
}
