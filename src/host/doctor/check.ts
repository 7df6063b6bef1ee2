/**
 * What a check of the host is: it reads, reckons what a number of sessions needs, and answers
 * skipped, ok or warning. The table of all checks is in checks.ts; nothing here changes the host.
 */

import type { Outlook } from './outlook.ts';

export interface Check {
  /** What is checked, in the words of the table. */
  readonly name: string;
  /** What an operator sees when the value is wanting: the error by its name, and where. */
  readonly symptom: string;
  /** Reads a few small files and is part of what `holdfast start` looks at. */
  readonly isQuick?: true;
  examine(outlook: Outlook): Finding;
}

export type Finding = Skipped | Ok | Warning;

/** The host has no such feature, or does not tell. */
export interface Skipped {
  readonly state: 'skipped';
  readonly reason: string;
}

export interface Ok {
  readonly state: 'ok';
  readonly read: string;
  readonly needs: string;
  /** Sessions that this value allows, where it limits them. */
  readonly sessions?: number;
}

export interface Warning {
  readonly state: 'warning';
  readonly read: string;
  readonly needs: string;
  /** What follows when nothing is done. */
  readonly consequence: string;
  /** The exact commands, for root, one after the other; where none helps, what does. */
  readonly fix: readonly string[];
  /** The same as kernel settings by name, which `--apply` makes. They never lower a value. */
  readonly settings?: Settings;
  readonly sessions?: number;
}

/** Kernel settings by their names in `sysctl`. */
export type Settings = Readonly<Record<string, string>>;

/** A warning that kernel settings mend. */
export function settingsWarning(
  warning: Omit<Warning, 'state' | 'fix'> & { readonly settings: Settings },
): Warning {
  return { ...warning, state: 'warning', fix: sysctlCommands(warning.settings) };
}

export function skipped(reason: string): Skipped {
  return { state: 'skipped', reason };
}

export function sysctlCommands(settings: Settings): readonly string[] {
  return Object.entries(settings).map(([name, value]) =>
    /^[\w,-]+$/.test(value) ? `sysctl -w ${name}=${value}` : `sysctl -w ${name}="${value}"`,
  );
}
