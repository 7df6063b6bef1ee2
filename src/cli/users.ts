/** `holdfast users`: where a user is connected. */
import { Command } from 'commander';
import { printable } from '../host/foreign/printable.ts';
import { userReport } from '../server/controller/sessions-schema.ts';
import type { UserReport } from '../server/controller/sessions-view.ts';
import { type AdminOptions, addAdminOptions, callAdmin } from './admin-client.ts';
import { print, printJson } from './output.ts';
import { checkWhole, pathOf, SESSIONS_BYTES_MAX, since } from './session-answers.ts';
import { tableText } from './table.ts';

interface UsersOptions extends AdminOptions {
  readonly namespace: string;
  readonly json?: boolean;
}

export function usersCommand(): Command {
  const command = new Command('users')
    .description('Show where a user is connected: sessions, workers, transports, rooms.')
    .argument('<user>', 'The user as authentication names it.')
    .option('--namespace <name>', 'Namespace of the sessions.', '/')
    .option('--json', 'Print the answer as JSON.')
    .addHelpText('after', '\nExample:\n  holdfast users ada')
    .action(async (user: string, options: UsersOptions) => {
      const { namespace } = options;
      const report = await callAdmin(options, {
        path: pathOf('/users', { namespace, user }),
        answer: userReport,
        maxBytes: SESSIONS_BYTES_MAX,
      });
      if (options.json) await printJson(report);
      else await print(userText(report));
      checkWhole(report);
    });
  return addAdminOptions(command);
}

function userText({ user, count, sessions }: UserReport): string {
  const head = printable(`User ${user}: ${count === 1 ? '1 session' : `${count} sessions`}`);
  if (sessions.length === 0) return head;
  const rows = sessions.map((one) => [
    one.id,
    one.worker,
    one.transport,
    since(one.sinceMs),
    roomsText(one),
  ]);
  const columns = [
    { head: 'session' },
    { head: 'worker', align: 'right' },
    { head: 'transport' },
    { head: 'since (UTC)' },
    { head: 'rooms' },
  ] as const;
  const shown = sessions.length < count ? [`${sessions.length} of them:`] : [];
  return [head, ...shown, tableText(columns, rows)].join('\n');
}

const ROOMS_SHOWN = 5;

function roomsText({ rooms, roomCount }: UserReport['sessions'][number]): string {
  const names = rooms.slice(0, ROOMS_SHOWN);
  const more = roomCount - names.length;
  return [...names, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}
