/**
 * Writes docs/CONFIG.md from the config schema. Run it after every change of a key; a test beside
 * the schema fails while the page is behind.
 */
import { type Field, fields, otherVariables } from '../src/host/config/fields.ts';
import { relations } from '../src/host/config/relations.ts';

export const configPagePath: URL = new URL('../docs/CONFIG.md', import.meta.url);

export function configPage(): string {
  return `<!-- Written by scripts/config-docs.ts from src/host/config/schema.ts; edit that. -->

# Configuration

Every key can be given four ways; the first that gives it wins:

1. a flag of \`holdfast start\`: \`--admin-port 8600\`
2. an environment variable: \`HOLDFAST_ADMIN_PORT=8600\`
3. the config file that \`--config\` or \`HOLDFAST_CONFIG\` names, in JSON, YAML or TOML:
   \`adminPort: 8600\`
4. the default

An empty variable counts as unset. Lists are separated by commas in variables and flags. Keys,
flags and \`HOLDFAST_\` variables that are not on this page are refused, so that a slip cannot pass
unseen. (In Kubernetes, a Service named \`holdfast\` adds variables of that prefix to every pod; set
\`enableServiceLinks: false\`.)

| key | default | allowed | what it does |
|---|---|---|---|
${fields.map(row).join('\n')}

## Names

| key | flag | environment variable |
|---|---|---|
${fields.map(namesRow).join('\n')}

Further variables that are no keys:

${Object.entries(otherVariables)
  .map(([name, use]) => `- \`${name}\`: ${use}`)
  .join('\n')}

## Rules over several keys

${relations.map(({ rule }) => `- ${rule}.`).join('\n')}
`;
}

function row(field: Field): string {
  const value = field.default === undefined ? 'none' : `\`${JSON.stringify(field.default)}\``;
  const allowed = field.allowed.replaceAll(/"([^"]+)"/g, '`$1`');
  return `| \`${field.name}\` | ${value} | ${allowed} | ${field.description} |`;
}

function namesRow(field: Field): string {
  return `| \`${field.name}\` | \`${field.flag}\` | \`${field.variable}\` |`;
}

if (import.meta.main) await Bun.write(configPagePath, configPage());
