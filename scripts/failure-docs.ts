/**
 * Writes docs/FAILURES.md from the fleet's table of failures. Run it after every change of the
 * table; a test beside it fails while the page is behind.
 */
import { ADVISED_NAMES, adviseOn, type Side } from '../src/fleet/verdict/advice.ts';

export const failurePagePath: URL = new URL('../docs/FAILURES.md', import.meta.url);

const SIDES: Readonly<Record<Side, string>> = {
  agent: 'the agents: the run is void',
  server: 'the server',
  network: 'what is between',
};

export function failurePage(): string {
  return `<!-- Written by scripts/failure-docs.ts from src/fleet/verdict/advice.ts -->

# Failures by name

Under these names \`holdfast fleet\` counts connections that never became a session and sessions
that were lost, and this is what its verdict says to each. When the target is on the same host, the
fleet also looks at the server's process: one whose files are used up is named as \`EMFILE\`, with
its process id. \`holdfast doctor --connections N\` says before a run which of them are to come.

Bun reports a host or a network that cannot be reached, and a connection that the kernel gave up, as
\`ECONNREFUSED\`; where the system tells them apart, they have their own rows.

| name | lies with | what happened | what to change |
|---|---|---|---|
${ADVISED_NAMES.map(row).join('\n')}
`;
}

function row(name: string): string {
  const sources = name === 'EADDRINUSE' ? 1 : 0;
  const { side, meaning, change } = adviseOn(name, { localPorts: 28_232, sources, targets: 1 });
  return `| \`${name}\` | ${SIDES[side]} | ${meaning} | ${change} |`;
}

if (import.meta.main) await Bun.write(failurePagePath, failurePage());
