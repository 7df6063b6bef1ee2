/** Findings about the server itself, when it can be seen: out of files, at capacity, or ended. */

import { counted, grouped } from '../settings/numbers.ts';
import type { ServerFiles } from '../target/server-watch.ts';
import type { RunFacts } from './facts.ts';
import { COUNT_SHARE, isShort, type Judged } from './judged.ts';
import { decisiveFailures } from './name-findings.ts';

/** A process with fewer files left than these has used them up: it keeps a few for itself. */
const FILES_LEFT_MAX = 8;
const FILES_LEFT_SHARE = 0.01;

const MORE_FILES =
  'Raise the open-file limit where the server starts (ulimit -n, or LimitNOFILE= of its systemd ' +
  'unit), or run more processes of it; holdfast doctor --connections N says how many.';

export function serverFindings(facts: RunFacts): readonly Judged[] {
  return [
    ...endedFindings(facts),
    ...silentFindings(facts),
    ...countFindings(facts),
    ...(isShort(facts) ? fullFindings(facts) : []),
  ];
}

/** Connections that only wait look the same whether the server lives or stands still. */
function silentFindings({ server }: RunFacts): readonly Judged[] {
  const { isNodeSilent, silentTargets } = server;
  const [first] = silentTargets;
  const advice = "Look at the server's log and CPU: its connections are open, but it does not act.";
  const findings: Judged[] = [];
  if (first !== undefined) {
    const others = silentTargets.length - 1;
    const too = others === 0 ? '' : `, nor did ${counted(others, 'other target')}`;
    const text = `${first} gave no answer to a new session when the run was over${too}.`;
    findings.push({ name: 'server silent', text, advice, atBest: 'failed' });
  }
  if (isNodeSilent) {
    const text = "The node's admin API gave no answer when the run was over.";
    findings.push({ name: 'server silent', text, advice, atBest: 'failed' });
  }
  return findings;
}

/** Other clients may add to a node's count, but none of the fleet's sessions may be missing. */
function countFindings({ server, openAtEnd, stoppedIn }: RunFacts): readonly Judged[] {
  const { load, isNodeWhole } = server;
  if (load === undefined || !isNodeWhole || stoppedIn !== undefined) return [];
  if (load.connections >= openAtEnd * COUNT_SHARE) return [];
  const text =
    `The node counts ${counted(load.connections, 'session')}; ${grouped(openAtEnd)} of the ` +
    'fleet are open.';
  const advice =
    "Look at the node's log. If --target leads to several nodes, leave out --admin, which is the " +
    'address of one.';
  return [{ name: 'server count', text, advice, atBest: 'failed' }];
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
function fullFindings(facts: RunFacts): readonly Judged[] {
  const { state, load } = facts.server;
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
  if (!isAtCapacity && !('HTTP 503' in decisiveFailures(facts))) return [];
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
