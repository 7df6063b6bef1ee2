/** `holdfast profile`: a CPU profile of a running worker, for DevTools, and where its time went. */
import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { printable, printableJson } from '../host/foreign/printable.ts';
import { PROFILE_SECONDS_MAX, type Survivors } from '../server/controller/node-view.ts';
import { canBeSummedUp, keptProfile, PROFILE_BYTES_MAX } from './admin-answers.ts';
import { type AdminOptions, addAdminOptions, callAdmin } from './admin-client.ts';
import { CliError } from './cli-error.ts';
import { fillGaps, type ProfileSummary, summarize, type TimeShare } from './cpu-profile.ts';
import { print, printJson } from './output.ts';
import { type Column, tableText } from './table.ts';

interface ProfileOptions extends AdminOptions {
  readonly worker: string;
  readonly seconds: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** How much longer than the profile its answer may take. */
const GRACE_MS = 30_000;

export function profileCommand(): Command {
  const command = new Command('profile')
    .description('Take a CPU profile of a running worker, and say where its time went.')
    .requiredOption('--worker <index>', 'Which worker: its number in "holdfast status".')
    .option('--seconds <count>', `How long, from 1 to ${PROFILE_SECONDS_MAX}.`, '10')
    .option('--out <file>', 'Where the profile goes; by default a new file in this folder.')
    .option('--json', 'Print the summary as JSON.')
    .addHelpText(
      'after',
      '\nExample:\n  holdfast profile --worker 0 --seconds 30 --out busy.cpuprofile\n\n' +
        'The file opens in the DevTools of a browser: Performance, "Load profile".\n' +
        'At the end a full collection stops the worker, some 20 ms at 19,000 sessions, and the\n' +
        'objects that survive it are counted.',
    )
    .action(async (options: ProfileOptions) => {
      const worker = wholeNumber('--worker', options.worker, 0, 255);
      const seconds = wholeNumber('--seconds', options.seconds, 1, PROFILE_SECONDS_MAX);
      const file = resolve(options.out ?? defaultName(worker));
      // Tried before the profile is taken, so that none is taken in vain.
      writeNew(file, '');
      rmSync(file);
      const summary = await takeProfile(options, worker, seconds, file);
      if (options.json) await printJson({ file, ...summary });
      else await print(profileText(summary, file));
    });
  return addAdminOptions(command);
}

async function takeProfile(
  options: AdminOptions,
  worker: number,
  seconds: number,
  file: string,
): Promise<ProfileSummary> {
  const timeoutMs = seconds * 1000 + GRACE_MS;
  const body = { worker, seconds };
  const call = { path: '/profile', answer: keptProfile, maxBytes: PROFILE_BYTES_MAX, timeoutMs };
  const answer = await callAdmin(options, { ...call, body });
  const whole = fillGaps(answer);
  // Written first: whatever the summary makes of it, the profile is there.
  writeNew(file, printableJson(whole));
  if (canBeSummedUp(answer)) return summarize(answer, whole);
  throw new CliError(
    `The profile is in ${file}, but the node says too little of it to sum it up: see what ` +
      'DevTools make of it, and use the "holdfast" of the same version.',
  );
}

function wholeNumber(flag: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= lowest && value <= highest) return value;
  throw new CliError(
    `${flag} is "${text}"; it must be a whole number from ${lowest} to ${highest}.`,
  );
}

/** `holdfast-worker-0-2026-01-31T12-00-00.cpuprofile` */
function defaultName(worker: number): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return `holdfast-worker-${worker}-${time}.cpuprofile`;
}

/** Makes the file. @throws CliError when there is one, or none can be made; none is left then */
function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') {
      throw new CliError(`${file} exists already: name another with --out.`);
    }
    rmSync(file, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`${file} cannot be written (${reason}): name another with --out.`);
  }
}

export function profileText(summary: ProfileSummary, file: string): string {
  const { worker, pid, usage, survivors, kinds, functions, files } = summary;
  const busy = percent(usage.mainThreadCpuMs / Math.max(1, usage.wallMs));
  const lines = [
    `Worker ${worker} (pid ${pid}), ${seconds(usage.wallMs)}: its main thread was on a CPU for ` +
      `${seconds(usage.mainThreadCpuMs)} (${busy}), its others for ` +
      `${seconds(usage.otherThreadsCpuMs)}, the profiler's among them.`,
    `Garbage collections of the schedule: ${usage.collections}, ` +
      `${Math.round(usage.collectionMs)} ms. Those that the runtime begins by itself count for ` +
      'the function that they stopped.',
    tableOf('where the time went', kinds),
    tableOf('functions, without what they called', functions),
  ];
  if (files.length > 0) lines.push(tableOf('files', files));
  if (survivors !== undefined) lines.push(survivorsText(survivors));
  lines.push(printable(`Wrote ${file}: open it in DevTools (Performance, "Load profile").`));
  return lines.join('\n');
}

/** What a collection had to keep says how long each will take, and what a session costs. */
function survivorsText({ objects, bytes, collectionMs, kinds }: Survivors): string {
  const most = kinds.map(({ name, objects: count }) => `${count.toLocaleString('en-US')} ${name}`);
  const left = `${objects.toLocaleString('en-US')} objects in ${(bytes / 1e6).toFixed(1)} MB`;
  return printable(
    `A full collection at the end took ${Math.round(collectionMs)} ms; it left ${left}: ` +
      `${most.join(', ')}.`,
  );
}

function tableOf(title: string, rows: readonly TimeShare[]): string {
  const hasPlaces = rows.some(({ place }) => place !== undefined);
  const columns: readonly Column[] = [
    { head: 'ms', align: 'right' },
    { head: 'share', align: 'right' },
    { head: title },
    ...(hasPlaces ? [{ head: 'at' }] : []),
  ];
  return tableText(
    columns,
    rows.map(({ name, place, ms, share }) => [
      ms.toFixed(1),
      percent(share),
      name,
      ...(hasPlaces ? [place ?? 'native'] : []),
    ]),
  );
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
