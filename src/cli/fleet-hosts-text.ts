/** Hosts of fleets as people and machines read them; tokens are in neither. */
import type { HostFleet } from '../fleet/hosts/hosts-state.ts';
import { grouped } from '../fleet/settings/numbers.ts';
import type { HostView } from './fleet-hosts-view.ts';
import { type Column, tableText } from './table.ts';

const COLUMNS: readonly Column[] = [
  { head: 'host' },
  { head: 'region' },
  { head: 'address' },
  { head: 'state' },
  { head: 'agents', align: 'right' },
  { head: 'open', align: 'right' },
  { head: 'ends in', align: 'right' },
];

export function hostsText(views: readonly HostView[], nowMs: number = Date.now()): string {
  const rows = views.map((view) => [
    view.name,
    view.region ?? '-',
    view.address ?? '-',
    view.state,
    `${view.answering} of ${view.agents}`,
    grouped(view.open),
    `${Math.max(0, Math.ceil((view.endsAtMs - nowMs) / 60_000))} min`,
  ]);
  const answering = views.filter(({ answering }) => answering > 0).length;
  const sum = `${answering} of ${views.length} hosts have agents that answer.`;
  return `${tableText(COLUMNS, rows)}\n${sum}`;
}

export interface HostsJson {
  readonly hosts: readonly HostView[];
  readonly answering: number;
}

export function hostsJson(views: readonly HostView[]): HostsJson {
  return { hosts: views, answering: views.filter(({ answering }) => answering > 0).length };
}

export function startedJson(
  { id, endsAtMs }: HostFleet,
  views: readonly HostView[],
): HostsJson & { readonly fleet: string; readonly endsAtMs: number } {
  return { fleet: id, endsAtMs, ...hostsJson(views) };
}
