/** `holdfast disconnect`: ends sessions of a user, of a room, or one. */
import { Command } from 'commander';
import { disconnectReport } from '../server/controller/sessions-schema.ts';
import { type AdminOptions, addAdminOptions, callAdmin } from './admin-client.ts';
import { CliError } from './cli-error.ts';
import { print, printJson } from './output.ts';
import { checkWhole, SESSIONS_BYTES_MAX } from './session-answers.ts';

interface DisconnectOptions extends AdminOptions {
  readonly user?: string;
  readonly room?: string;
  readonly session?: string;
  readonly namespace: string;
  readonly close?: boolean;
  readonly json?: boolean;
}

/** Workers have this long, and the answer needs its way. */
const TIMEOUT_MS = 35_000;

export function disconnectCommand(): Command {
  const command = new Command('disconnect')
    .description('Disconnect the sessions of a user or of a room, or one session.')
    .option('--user <id>', 'All sessions of this user.')
    .option('--room <name>', 'All members of this room.')
    .option('--session <id>', 'The session of this id.')
    .option('--namespace <name>', 'Namespace of the sessions.', '/')
    .option('--close', 'End their connections too, not only their session in the namespace.')
    .option('--json', 'Print the answer as JSON.')
    .addHelpText('after', '\nExample:\n  holdfast disconnect --user ada --close')
    .action(async (options: DisconnectOptions) => {
      const { user, room, session, namespace, close = false } = options;
      if ([user, room, session].filter((one) => one !== undefined).length !== 1) {
        throw new CliError('Give one of --user, --room and --session.');
      }
      const report = await callAdmin(options, {
        path: '/disconnect',
        body: { user, room, session, namespace, close },
        answer: disconnectReport,
        maxBytes: SESSIONS_BYTES_MAX,
        timeoutMs: TIMEOUT_MS,
      });
      const { disconnected } = report;
      if (options.json) await printJson(report);
      else await print(disconnected === 1 ? '1 session ended.' : `${disconnected} sessions ended.`);
      checkWhole(report);
    });
  return addAdminOptions(command);
}
