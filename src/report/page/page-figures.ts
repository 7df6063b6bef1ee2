/**
 * The figures on the page: a few large ones of a single run, and the table of all with the words
 * that say how each was computed. Of two runs, the table has both and their ratio.
 */

import type { Figure, FigureName } from '../run/figure.ts';
import { formatCount, formatDigits, formatMilliseconds, formatValue } from '../run/format.ts';
import type { Run } from '../run/run.ts';
import { type Html, html } from './html.ts';

export interface PageRun {
  readonly run: Run;
  readonly figures: readonly Figure[];
}

const KEY_FIGURES: readonly { readonly name: FigureName; readonly label: string }[] = [
  { name: 'workerBytesPerSession', label: 'memory of a session, workers above empty' },
  { name: 'serverBytesPerSession', label: 'memory of a session, everything of the server' },
  { name: 'idleMicrosPerSessionSecond', label: 'CPU of an idle session, each second' },
  { name: 'microsPerDelivery', label: 'CPU of one delivery' },
  { name: 'handshakesPerSecond', label: 'handshakes, mean of the climb' },
];

/** The large figures; those that the logs do not support are left to the table. */
export function keyFigures(runs: readonly PageRun[]): Html | undefined {
  const [first] = runs;
  if (first === undefined) return undefined;
  const cells = KEY_FIGURES.flatMap(({ name, label }) => {
    const figure = first.figures.find((one) => one.name === name);
    return figure?.value === undefined ? [] : [cell(label, valueOf(figure))];
  });
  return html`<dl class="key">${cells}${broadcastCell(first.run)}</dl>`;
}

function broadcastCell({ fleet }: Run): Html | undefined {
  const last = fleet?.verdict?.broadcasts.at(-1);
  if (last === undefined) return undefined;
  const of = `of ${formatCount(last.sessions)}, in ${formatMilliseconds(last.tookMs)}`;
  return cell('had the last broadcast', formatCount(last.received), of);
}

function cell(label: string, value: string, more?: string): Html {
  return html`<div><dt>${label}</dt><dd>${value}${more && html`<small>${more}</small>`}</dd></div>`;
}

export function figureTable(runs: readonly PageRun[]): Html {
  const [first, second] = runs;
  const rows = (first?.figures ?? []).map((figure) =>
    second === undefined
      ? rowOfOne(figure)
      : rowOfTwo(
          figure,
          second.figures.find(({ name }) => name === figure.name),
          runs,
        ),
  );
  const names = runs.map(({ run }) => html`<th class="number">${run.name}</th>`);
  const head =
    second === undefined
      ? html`<th>figure</th><th class="number">value</th><th>how it was computed</th>`
      : html`<th>figure</th>${names}<th class="number">ratio</th><th>how it was computed</th>`;
  return html`<section><h2 id="figures">Figures</h2>
<p class="explanation">Memory is resident memory as the kernel counts it; a median over the hold is
compared with one before the first session. With few sessions, what a runtime allocates once weighs
on each of them; compare runs of one size. CPU is user and system time of processes.</p>
<div class="scroll"><table>
<thead><tr>${head}</tr></thead>
<tbody>${rows}</tbody>
</table></div></section>`;
}

function rowOfOne(figure: Figure): Html {
  return html`<tr><th scope="row">${figure.label}</th>
<td class="number">${valueOf(figure)}</td>
<td class="how">${figure.how}</td></tr>`;
}

function rowOfTwo(a: Figure, b: Figure | undefined, runs: readonly PageRun[]): Html {
  const ratio =
    a.value !== undefined && a.value !== 0 && b?.value !== undefined
      ? formatDigits(b.value / a.value)
      : '–';
  const [first, second] = runs.map(({ run }) => run.name);
  const how =
    b === undefined || a.how === b.how
      ? html`${a.how}`
      : html`<b>${first}</b>: ${a.how}<br><b>${second}</b>: ${b.how}`;
  return html`<tr><th scope="row">${a.label}</th>
<td class="number">${valueOf(a)}</td>
<td class="number">${b && valueOf(b)}</td>
<td class="number">${ratio}</td>
<td class="how">${how}</td></tr>`;
}

/** A figure as it is read; a dash where there is none. */
export function valueOf({ value, unit }: Figure): string {
  return value === undefined ? '–' : formatValue(value, unit);
}
