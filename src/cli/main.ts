/**
 * The entry of the `holdfast` command.
 *
 * A host runs dozens of workers and of agents, so these hidden commands are dispatched before
 * anything else is loaded: the parser of the command line and the config schema would cost each
 * process several megabytes.
 */
export {};

if (process.argv[2] === 'worker') {
  await import('../server/worker/main.ts');
} else if (process.argv[2] === 'agent') {
  await import('../fleet/agent/main.ts');
} else {
  const { run } = await import('./program.ts');
  // Who reads may go at any time. Whoever writes is told; unheard, it would end the process.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  process.exit(await run(process.argv.slice(2)));
}
