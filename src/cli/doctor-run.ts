/** What `holdfast doctor` does: examines the machine, changes or puts back settings, and tells. */
import { loadConfig } from '../host/config/load.ts';
import { apply, type Changes, undo } from '../host/doctor/apply.ts';
import { type Diagnosis, diagnose } from '../host/doctor/diagnosis.ts';
import { type Goal, outlookOf } from '../host/doctor/outlook.ts';
import { printableJson } from '../host/foreign/printable.ts';
import type { HostFiles } from '../host/machine/host-files.ts';
import { CliError } from './cli-error.ts';
import { nodeRules } from './doctor-rules.ts';
import { changesText, diagnosisText } from './doctor-text.ts';

export interface DoctorOptions {
  readonly connections?: string;
  readonly config?: string;
  readonly withFleet?: true;
  readonly apply?: true;
  readonly undo?: true;
  readonly json?: true;
}

/** What a doctor works on, so that a test can hand in a made-up host. */
export interface Surgery {
  readonly host: HostFiles;
  readonly isRoot: boolean;
  readonly run: (command: readonly string[]) => void;
  readonly print: (text: string) => void;
}

const CONNECTIONS_MAX = 10_000_000;

/**
 * @returns whether nothing warns, or everything could be undone
 * @throws CliError when it cannot do what it was asked
 */
export function doctor(options: DoctorOptions, surgery: Surgery): boolean {
  if (options.apply && options.undo) throw new CliError('Give either --apply or --undo.');
  if ((options.apply || options.undo) && !surgery.isRoot) {
    const verb = options.apply ? '--apply' : '--undo';
    throw new CliError(`Only root can change settings: run it with sudo, or without ${verb}.`);
  }
  if (options.undo) return undoAll(options, surgery);
  const { host, print } = surgery;
  const goal = goalOf(options);
  const first = outlookOf(host, goal);
  let diagnosis = diagnose(first);
  let changes: Changes | undefined;
  if (options.apply) {
    changes = changed(() => apply(first, diagnosis, surgery.run));
    diagnosis = diagnose(outlookOf(host, goal));
  }
  if (options.json) {
    print(printableJson({ ...asJson(diagnosis), ...(changes && { changes }) }));
  } else {
    if (changes) print(`${changesText(changes)}\n`);
    print(diagnosisText(diagnosis));
  }
  return !diagnosis.checks.some(({ state }) => state === 'warning');
}

function undoAll({ json }: DoctorOptions, { host, run, print }: Surgery): boolean {
  const changes = changed(() => undo(host, run));
  if (changes === undefined) {
    throw new CliError('There is nothing to undo: no "holdfast doctor --apply" has run here.');
  }
  print(json ? printableJson({ changes }) : changesText(changes));
  return [...changes.settings, ...changes.files].every(({ isDone }) => isDone);
}

/** Files of the system that cannot be read or written are for the user to see to. */
function changed<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`Settings cannot be changed: ${reason}`, { cause: error });
  }
}

function goalOf({ connections: text, config: file, withFleet }: DoctorOptions): Goal {
  const { env } = process;
  const config = loadConfig({ file: file ?? (env['HOLDFAST_CONFIG'] || undefined), env });
  const connections = text === undefined ? config.connections : Number(text);
  if (connections === undefined) {
    throw new CliError('Say for how many sessions, such as --connections 100000.');
  }
  if (!/^\d+$/.test(text ?? '1') || connections < 1 || connections > CONNECTIONS_MAX) {
    throw new CliError(
      `--connections is "${text}"; it must be a whole number from 1 to ${CONNECTIONS_MAX}.`,
    );
  }
  return { connections, withFleet: withFleet ?? false, node: nodeRules(config) };
}

/** JSON knows no `undefined`. */
function asJson(diagnosis: Diagnosis): object {
  const { sessions = null, limitedBy = null } = diagnosis;
  return { ...diagnosis, sessions, limitedBy };
}
