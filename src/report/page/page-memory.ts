/**
 * Memory process by process, as a table: of the runs in whose folder memory.json is. It tells what
 * the logs cannot, since reading it takes longer than a second: shared pages counted once.
 */

import type { MemoryReading, ProcessReading } from '../recording/read-memory.ts';
import { type Column, highest, total } from '../run/columns.ts';
import { formatCount, formatMemory, formatValue } from '../run/format.ts';
import type { Run } from '../run/run.ts';
import { type Html, html } from './html.ts';

/** With fewer sessions than this share of the most, bytes of one say little. */
const FULL_SHARE = 0.9;

const SERVER: readonly ProcessReading['role'][] = ['worker', 'controller'];

/** @returns undefined when no run has such readings */
export function memoryTable(runs: readonly Run[]): Html | undefined {
  const rows = runs.flatMap((run) =>
    run.memory.map((reading) => rowOf(reading, run, runs.length > 1)),
  );
  if (rows.length === 0) return undefined;
  return html`<section><h2 id="memory">Memory, process by process</h2>
<p class="explanation">Resident memory has the pages that processes share, above all the program
itself, in each process; the proportional share has each of them once. The kernel's slab is that of
the whole host. Bytes of a session are over the most sessions of the run, where at least
${formatCount(FULL_SHARE * 100)} % of them were open; those of the slab are what it has grown since
the first row.</p>
<div class="scroll"><table>
<thead><tr><th>when</th><th class="number">sessions</th>
<th class="number">server, shared pages once</th><th class="number">server, resident</th>
<th class="number">agents, shared pages once</th><th class="number">kernel's slab</th></tr></thead>
<tbody>${rows}</tbody>
</table></div></section>`;
}

function rowOf(reading: MemoryReading, run: Run, isNamed: boolean): Html {
  const { phase, processes, kernel } = reading;
  const sum = (key: 'pssBytes' | 'rssBytes', roles: readonly ProcessReading['role'][]): number =>
    total(processes.filter(({ role }) => roles.includes(role)).map((one) => one[key]));
  const { open, most } = sessionsAt(run, reading.atMs);
  const isFull = most > 0 && open !== undefined && open >= FULL_SHARE * most;
  const sessions = isFull ? most : undefined;
  const slab = kernel?.slabBytes;
  const firstSlab = run.memory[0]?.kernel?.slabBytes;
  const grown = slab === undefined || firstSlab === undefined ? undefined : slab - firstSlab;
  return html`<tr><th scope="row">${isNamed ? `${run.name}: ${phase}` : phase}</th>
<td class="number">${open === undefined ? '–' : formatCount(open)}</td>
${cell(sum('pssBytes', SERVER), sum('pssBytes', SERVER), sessions)}
${cell(sum('rssBytes', SERVER), sum('rssBytes', SERVER), sessions)}
${cell(sum('pssBytes', ['agent']), sum('pssBytes', ['agent']), sessions)}
${cell(slab ?? 0, grown ?? 0, sessions)}</tr>`;
}

/** @param ofSessions what of it is divided among the sessions */
function cell(bytes: number, ofSessions: number, sessions: number | undefined): Html {
  if (bytes === 0) return html`<td class="number">–</td>`;
  const each =
    sessions === undefined ? undefined : html`<br>${formatValue(ofSessions / sessions, 'bytes')}`;
  return html`<td class="number">${formatMemory(bytes)}${each}</td>`;
}

/** What was open at a time, by the last sample until then, and the most of the run. */
function sessionsAt(
  { fleet, server, startMs }: Run,
  atMs: number,
): { readonly open: number | undefined; readonly most: number } {
  const seconds = fleet?.timeline.seconds ?? server?.timeline.seconds ?? [];
  const counts: Column = fleet?.timeline.open ?? server?.timeline.sessions ?? [];
  const index = seconds.findLastIndex((second) => second <= (atMs - startMs) / 1000);
  return { open: index === -1 ? 0 : (counts[index] ?? undefined), most: highest(counts) ?? 0 };
}
