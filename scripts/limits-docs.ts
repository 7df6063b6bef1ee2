/**
 * Writes docs/LIMITS.md from the bounds, the config keys that are limits, and the reasons for
 * refusals. Run it after every change of one; a test beside the bounds fails while the page is
 * behind.
 */
import { type Field, fields } from '../src/host/config/fields.ts';
import type { Bound } from '../src/server/core/limits/bound.ts';
import { CLIENT_BOUNDS } from '../src/server/core/limits/client-bounds.ts';
import { CLUSTER_BOUNDS } from '../src/server/core/limits/cluster-bounds.ts';
import { CONNECTION_BOUNDS } from '../src/server/core/limits/connection-bounds.ts';
import { HOOK_BOUNDS } from '../src/server/core/limits/hook-bounds.ts';
import { LOG_BOUNDS } from '../src/server/core/limits/log-bounds.ts';
import { NODE_BOUNDS } from '../src/server/core/limits/node-bounds.ts';
import { PRESENCE_BOUNDS } from '../src/server/core/limits/presence-bounds.ts';
import { REASON_NAMES, REASONS } from '../src/server/core/limits/reasons.ts';
import { WORKER_BOUNDS } from '../src/server/core/limits/worker-bounds.ts';

export const limitsPagePath: URL = new URL('../docs/LIMITS.md', import.meta.url);

export function limitsPage(): string {
  return `<!-- Written by scripts/limits-docs.ts from src/server/core/limits/ and the schema -->

# Limits

Every bound of the server: what it is, what who reaches it sees, and where that is counted. A name
in the last column is a \`reason\` of \`holdfast_refusals_total\`, or a metric of its own
([METRICS.md](METRICS.md)). What is refused, cut or dropped is also said in the log, one line for
each reason and second.

## Config keys

How to set them is in [CONFIG.md](CONFIG.md).

| key | default | what it bounds | what who reaches it sees | counted as |
|---|---|---|---|---|
${fields
  .filter(({ limit }) => limit !== undefined)
  .map(keyRow)
  .join('\n')}

## What one client may do

${table(CLIENT_BOUNDS)}

## What one connection may do

${table(CONNECTION_BOUNDS)}

## What a worker holds and does

${table(WORKER_BOUNDS)}

## Calls to the backend of hooks

${table(HOOK_BOUNDS)}

## Between the processes of a node

${table(NODE_BOUNDS)}

## Between workers of several nodes

${table(CLUSTER_BOUNDS)}

## Presence

${table(PRESENCE_BOUNDS)}

## What is logged

${table(LOG_BOUNDS)}

## Reasons

*Refused* is one thing that was not taken, while who sent it goes on; *cut* is the end of a session
or connection; *dropped* is something that was promised to nobody and is gone; *held* is a client
that was slowed down: it is counted when it begins to wait, and loses nothing; *failed* is a call of
ours that a backend did not answer.

| reason | outcome | what it was |
|---|---|---|
${REASON_NAMES.map(reasonRow).join('\n')}
`;
}

function keyRow({ name, default: value, description, limit }: Field): string {
  const text = value === undefined ? 'none' : `\`${JSON.stringify(value)}\``;
  return `| \`${name}\` | ${text} | ${description} | ${limit?.seen} | ${code(limit?.counted)} |`;
}

function table(bounds: Readonly<Record<string, Bound>>): string {
  const rows = Object.entries(bounds).map(([name, { value, unit, why, seen, counted }]) => {
    const shown = `${value.toLocaleString('en')} ${unit}`;
    return `| \`${name}\` | ${shown} | ${why} | ${seen ?? 'nothing'} | ${code(counted)} |`;
  });
  return `| bound | value | why | what who reaches it sees | counted as |
|---|---|---|---|---|
${rows.join('\n')}`;
}

function reasonRow(name: (typeof REASON_NAMES)[number]): string {
  const { outcome, text } = REASONS[name];
  return `| \`${name}\` | ${outcome} | ${text} |`;
}

function code(counted: string | undefined): string {
  return counted === undefined ? '' : `\`${counted}\``;
}

if (import.meta.main) await Bun.write(limitsPagePath, limitsPage());
