/** Findings about the server itself, when it can be seen: out of files, at capacity, or ended. */

import type { RunFacts } from './facts.ts';
import type { Judged } from './judged.ts';
import { counted, grouped } from './numbers.ts';
import type { ServerFiles } from './server-watch.ts';

/** A process with fewer files left than these has used them up: it keeps a few for itself. */
const FILES_LEFT_MAX = 8;
const FILES_LEFT_SHARE = 0.01;

const MORE_FILES =
  'Raise the open-file limit where the server starts (ulimit -n, or LimitNOFILE= of its systemd ' +
  'unit), or run more processes of it; holdfast doctor --connections N says how many.';

export function serverFindings(facts: RunFacts): readonly Judged[] {
  const isReached = facts.openAtEnd >= facts.asked;
  return [...endedFindings(facts), ...(isReached ? [] : fullFindings(facts))];
}

function endedFindings({ server }: RunFacts): readonly Judged[] {
  const ended = server.state?.ended ?? [];
  if (ended.length === 0) return [];
  const names = ended.map(({ pid, name }) => `${pid} (${name})`).join(', ');
  const text =
    ended.length === 1
      ? `The server process ${names} ended during the run.`
      : `The server processes ${names} ended during the run.`;
  const advice = "Look at the server's log, and in the kernel's (dmesg) for the end of its memory.";
  return [{ name: 'server ended', text, advice, atBest: 'failed' }];
}

/** Why a server takes no more sessions, as far as its files and its own word tell. */
function fullFindings({ server, failures }: RunFacts): readonly Judged[] {
  const { state, load } = server;
  const outOfFiles = (state?.alive ?? []).filter(isOutOfFiles);
  const [worst] = outOfFiles;
  if (worst !== undefined) {
    const others = outOfFiles.length - 1;
    const too = others === 0 ? '' : `, and so have ${counted(others, 'other')}`;
    return [
      {
        name: 'EMFILE',
        text: `The server process ${filesText(worst)}${too}.`,
        advice: MORE_FILES,
        atBest: 'failed',
      },
    ];
  }
  const isAtCapacity = load !== undefined && load.connections >= load.capacity;
  if (!isAtCapacity && !('HTTP 503' in failures)) return [];
  const holds = isAtCapacity
    ? `The node has reached its capacity of ${counted(load.capacity, 'session')}`
    : 'The server refuses more sessions';
  const fullest = (state?.alive ?? []).toSorted((a, b) => shareOf(b) - shareOf(a))[0];
  const files = fullest === undefined ? '' : `; its process ${filesText(fullest)}`;
  return [
    { name: 'server capacity', text: `${holds}${files}.`, advice: MORE_FILES, atBest: 'failed' },
  ];
}

function isOutOfFiles({ openFiles, openFileLimit }: ServerFiles): boolean {
  const left = openFileLimit - openFiles;
  return left <= Math.max(FILES_LEFT_MAX, openFileLimit * FILES_LEFT_SHARE);
}

function filesText({ pid, name, openFiles, openFileLimit }: ServerFiles): string {
  return `${pid} (${name}) has ${grouped(openFiles)} of ${grouped(openFileLimit)} files open`;
}

function shareOf({ openFiles, openFileLimit }: ServerFiles): number {
  return openFiles / openFileLimit;
}
