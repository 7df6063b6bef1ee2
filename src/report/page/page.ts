/**
 * The report as one page that needs nothing from anywhere: style, charts, data and script are in
 * it, and its own policy forbids it to load more. The charts take their colours from custom
 * properties, so that one drawing serves a light and a dark screen.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Chart } from '../charts/chart.ts';
import { cssVariables } from '../charts/palette.ts';
import { hoverOf } from '../draw/hover.ts';
import { highest } from '../run/columns.ts';
import { formatCount, formatDate, formatDuration, formatTime } from '../run/format.ts';
import type { Run } from '../run/run.ts';
import { type Html, html, trusted } from './html.ts';
import { figureTable, keyFigures, type PageRun } from './page-figures.ts';
import { machines } from './page-machines.ts';
import { memoryTable } from './page-memory.ts';

/** A chart, and its drawing in the colours of the page. */
export interface DrawnChart {
  readonly chart: Chart;
  readonly svg: string;
}

const FOLDER = import.meta.dirname;

/** More events than this are folded away. */
const EVENTS_OPEN_MAX = 12;

const VERDICTS = {
  passed: { sign: '✓', word: 'Passed', text: '' },
  failed: { sign: '✕', word: 'Failed', text: '' },
  void: {
    sign: '∅',
    word: 'Void',
    text: ': the fleet itself was the limit, so the run says nothing about the server',
  },
} as const;

export function pageOf(runs: readonly PageRun[], charts: readonly DrawnChart[]): string {
  const [first, ...others] = charts;
  const script = readFileSync(join(FOLDER, 'hover.js'), 'utf8');
  const data = Object.fromEntries(charts.map(({ chart }) => [chart.id, hoverOf(chart)]));
  const title = runs.map(({ run }) => run.name).join(' and ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="${policy(script)}">
<title>Holdfast report: ${title}</title>
<link rel="icon" href="data:,">
<style>${trusted(styleSheet())}</style>
</head>
<body>
${header(runs)}
<main>
<div class="verdicts">${runs.map(({ run }) => verdict(run, runs.length > 1))}</div>
${runs.map(({ run }) => notes(run, runs.length > 1))}
<section>${runs.length === 1 ? keyFigures(runs) : undefined}${first && chartFigure(first)}</section>
${figureTable(runs)}
${memoryTable(runs.map(({ run }) => run))}
${others.map((chart) => html`<section>${chartFigure(chart)}</section>`)}
${machines(runs.map(({ run }) => run))}
${runs.map(({ run }) => events(run, runs.length > 1))}
</main>
<footer><p>Made by <code>holdfast report</code> from the logs of the run. Over a chart, the pointer
or the arrow keys show values. Times are from the start of the run.</p></footer>
<script type="application/json" id="hover-data">${trusted(jsonOf(data))}</script>
<script>${trusted(script)}</script>
</body>
</html>
`.html;
}

/** Nothing may be loaded, and no script runs but the one whose hash is named. */
function policy(script: string): string {
  const hash = new Bun.CryptoHasher('sha256').update(script).digest('base64');
  return (
    `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; ` +
    "base-uri 'none'; form-action 'none'"
  );
}

function styleSheet(): string {
  return (
    `:root{${cssVariables('light')}}` +
    `@media (prefers-color-scheme: dark){:root{${cssVariables('dark')}}}\n` +
    readFileSync(join(FOLDER, 'style.css'), 'utf8')
  );
}

/** JSON that cannot end the element it stands in. */
function jsonOf(data: unknown): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}

function header(runs: readonly PageRun[]): Html {
  const names = runs.map(({ run }) => run.name).join(' beside ');
  return html`<header>
<p class="eyebrow">Holdfast · report of ${runs.length === 1 ? 'a run' : 'two runs'}</p>
<h1>${runs.length === 1 ? runs.map(({ run }) => headline(run)) : names}</h1>
${runs.map(({ run }) => html`<p class="meta">${metaOf(run)}</p>`)}
</header>`;
}

function headline({ fleet, server }: Run): string {
  const verdict = fleet?.verdict;
  if (verdict) {
    const held = `${formatCount(verdict.connectionsHeldMax)} connections`;
    return verdict.heldSeconds > 0
      ? `${held}, held for ${formatDuration(verdict.heldSeconds)}`
      : held;
  }
  const most = highest(fleet?.timeline.open ?? server?.timeline.sessions ?? []);
  return `${formatCount(most ?? 0)} connections at the most`;
}

function metaOf({ name, startMs, firstSecond, lastSecond, server }: Run): string {
  const workers = server ? `, ${server.header.workers} workers` : '';
  const length = formatDuration(lastSecond - firstSecond);
  return `${name}: ${formatDate(startMs)}, ${length} recorded${workers}`;
}

function verdict({ fleet, name }: Run, isNamed: boolean): Html {
  const found = fleet?.verdict;
  const who = isNamed ? `${name}: ` : '';
  if (found === undefined) {
    const why = fleet
      ? 'The run was ended before its end.'
      : 'The fleet has no log here, and the verdict is its own.';
    return html`<div class="verdict"><p class="word">${who}No verdict</p>
<p class="empty">${why}</p></div>`;
  }
  const { sign, word, text } = VERDICTS[found.verdict];
  return html`<div class="verdict ${found.verdict}">
<p class="word">${who}<span>${sign} ${word}</span>${text}</p>
<p>${countsOf(found)}</p>
<ul>${found.findings.map(
    (finding) =>
      html`<li><b>${finding.name}</b>${finding.text}${
        finding.advice && html`<span class="advice">${finding.advice}</span>`
      }</li>`,
  )}</ul>
</div>`;
}

function countsOf(found: NonNullable<NonNullable<Run['fleet']>['verdict']>): string {
  const counts = [
    `Asked for ${formatCount(found.connectionsAsked)} connections`,
    `held ${formatCount(found.connectionsHeldMax)} at the most`,
    `${countOrNone(found.lost)} lost`,
    `${countOrNone(found.failed)} failed`,
  ];
  return `${counts.join(', ')}.`;
}

function countOrNone(count: number): string {
  return count === 0 ? 'none' : formatCount(count);
}

function notes({ name, notes: sentences }: Run, isNamed: boolean): Html | undefined {
  if (sentences.length === 0) return undefined;
  const title = `About the recording${isNamed ? ` ${name}` : ''}`;
  return html`<aside class="notes"><h3>${title}</h3><ul>${sentences.map(
    (sentence) => html`<li>${sentence}</li>`,
  )}</ul></aside>`;
}

function chartFigure({ chart, svg }: DrawnChart): Html {
  const label = `${chart.title}. ${chart.summary.join(' ')}`;
  const named = svg.replace('<svg ', () => '<svg aria-hidden="true" ');
  return html`<h2 id="${chart.id}">${chart.title}</h2>
${chart.summary.map((sentence) => html`<p class="summary">${sentence}</p>`)}
<figure data-chart="${chart.id}" tabindex="0" role="group" aria-label="${label}">
<div class="plot">${trusted(named)}</div></figure>
<p class="explanation">${chart.explanation}</p>`;
}

function events(run: Run, isNamed: boolean): Html | undefined {
  const found = run.fleet?.events ?? [];
  if (found.length === 0) return undefined;
  const title = `What happened${isNamed ? ` in ${run.name}` : ''}`;
  const list = html`<ul class="events">${found.map(
    ({ atMs, text }) =>
      html`<li><time>${formatTime((atMs - run.startMs) / 1000)}</time>${text}</li>`,
  )}</ul>`;
  return found.length <= EVENTS_OPEN_MAX
    ? html`<section><h2>${title}</h2>${list}</section>`
    : html`<section><h2>${title}</h2>
<details><summary>${found.length} events</summary>${list}</details></section>`;
}
