/** What the doctor found and changed, in words: a table, what to do, and the last line. */

import type { Change, Changes } from '../host/doctor/apply.ts';
import type { Diagnosis, Examined } from '../host/doctor/diagnosis.ts';
import { count } from '../host/doctor/quantities.ts';
import { tableText } from './table.ts';

/** With the lines of the table, 100 columns. */
const COLUMN_WIDTHS = [24, 9, 31, 31];

export function diagnosisText(diagnosis: Diagnosis): string {
  const heads = ['check', 'state', 'read', `needs for ${count(diagnosis.connections)}`];
  const columns = heads.map((head, index) => ({ head, width: COLUMN_WIDTHS[index] ?? 0 }));
  const rows = diagnosis.checks.map((check) =>
    check.state === 'skipped'
      ? [check.name, check.state, check.reason, '']
      : [check.name, check.state, check.read, check.needs],
  );
  return [
    tableText(columns, rows),
    ...diagnosis.checks.flatMap(warningText),
    '',
    ...wrapped(lastLine(diagnosis), ''),
  ].join('\n');
}

export function changesText({ settings, files }: Changes): string {
  return [...files, ...settings].map(({ name, done }: Change) => `${name}: ${done}`).join('\n');
}

/** `This machine holds …, and this is what stops the next one.` */
export function lastLine({ connections, sessions, limitedBy, withFleet }: Diagnosis): string {
  if (sessions === undefined || limitedBy === undefined) {
    return 'How many sessions this machine holds is not known: no check could read a limit.';
  }
  const fleet = withFleet ? ' with the fleet on it' : '';
  const next = `${limitedBy.name} (${limitedBy.symptom})`;
  return sessions >= connections
    ? `This machine holds ${count(connections)} sessions${fleet}. It would hold about ` +
        `${count(sessions)}; what stops the next one: ${next}.`
    : `This machine holds about ${count(sessions)} of ${count(connections)} sessions${fleet}; ` +
        `what stops the next one: ${next}.`;
}

function warningText(check: Examined): readonly string[] {
  if (check.state !== 'warning') return [];
  return [
    '',
    ...wrapped(`${check.name}: ${check.consequence}.`, ''),
    ...wrapped(`prevents ${check.symptom}`, '  '),
    ...check.fix.map((command) => `  $ ${command}`),
  ];
}

const COLUMNS = 100;

function wrapped(text: string, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    const isFirst = line.trim() === '';
    if (!isFirst && line.length + word.length + 1 > COLUMNS) {
      lines.push(line);
      line = `${indent}  `;
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
