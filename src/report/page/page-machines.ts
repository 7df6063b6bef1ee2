/** Where a run took place and how it was set up, as the headers of the logs say. */

import type { MachineRecord } from '../recording/record.ts';
import { formatCount, formatMemory } from '../run/format.ts';
import type { Run } from '../run/run.ts';
import { type Html, html } from './html.ts';

/** Of a longer list the first and the last are named, and how many there are. */
const LIST_MAX = 6;

/** More settings than this are folded away. */
const SETTINGS_OPEN_MAX = 14;

export function machines(runs: readonly Run[]): Html {
  const groups = runs.flatMap(({ name, server, fleet }) => {
    const who = runs.length > 1 ? `${name}: ` : '';
    return [
      server &&
        group(`${who}server`, server.header.machine, server.header.settings, [
          ['workers', String(server.header.workers)],
          ['capacity', `${formatCount(server.header.capacity)} sessions`],
        ]),
      fleet &&
        group(`${who}fleet`, fleet.header.machine, fleet.header.settings, [
          ['agents', listed(fleet.header.agents)],
          ...protocolsOf(fleet.header.settings),
        ]),
    ];
  });
  return html`<section><h2 id="machine">Machine and settings</h2>
<div class="groups">${groups}</div></section>`;
}

type Fact = readonly [name: string, value: string];

function group(
  title: string,
  machine: MachineRecord,
  settings: Readonly<Record<string, unknown>>,
  more: readonly Fact[],
): Html {
  const facts: readonly Fact[] = [
    ['host', `${machine.hostname}, ${machine.kind}`],
    ['processor', `${machine.cores} ${machine.cores === 1 ? 'core' : 'cores'}, ${machine.cpu}`],
    ['memory', formatMemory(machine.memoryBytes)],
    ['system', machine.kernel],
    ['runtime', `${machine.runtime}, Holdfast ${machine.holdfast}`],
    ...more,
  ];
  const all = Object.entries(settings).map(([name, value]): Fact => [name, textOf(value)]);
  return html`<div><h3>${title}</h3>${list(facts, false)}
<details ${all.length <= SETTINGS_OPEN_MAX ? 'open' : ''}><summary>${all.length} settings</summary>
${list(all, true)}</details></div>`;
}

/** A record of an earlier version has none. */
function protocolsOf({ protocols }: Readonly<Record<string, unknown>>): readonly Fact[] {
  return protocols === undefined ? [] : [['protocols', textOf(protocols)]];
}

function list(facts: readonly Fact[], isCode: boolean): Html {
  return html`<dl class="facts">${facts.map(
    ([name, value]) =>
      html`<dt>${name}</dt><dd>${isCode ? html`<code>${value}</code>` : value}</dd>`,
  )}</dl>`;
}

function textOf(value: unknown): string {
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) {
    return listed(value);
  }
  if (typeof value === 'string') return value === '' ? '""' : value;
  return JSON.stringify(value) ?? '';
}

/** A fleet for a million has hundreds of addresses. */
function listed(entries: readonly string[]): string {
  if (entries.length === 0) return 'none';
  if (entries.length <= LIST_MAX) return entries.join(', ');
  return `${entries[0]} … ${entries.at(-1)} (${formatCount(entries.length)})`;
}
