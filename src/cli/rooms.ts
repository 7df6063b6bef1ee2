/** `holdfast rooms`: which rooms a node has, and who is in one of them. */
import { Command } from 'commander';
import { printable } from '../host/foreign/printable.ts';
import { roomReport, roomsReport } from '../server/controller/sessions-schema.ts';
import type { RoomReport, RoomsReport } from '../server/controller/sessions-view.ts';
import { type AdminOptions, addAdminOptions, callAdmin } from './admin-client.ts';
import { print, printJson } from './output.ts';
import { checkWhole, pathOf, SESSIONS_BYTES_MAX, since } from './session-answers.ts';
import { tableText } from './table.ts';

interface RoomsOptions extends AdminOptions {
  readonly namespace: string;
  readonly after?: string;
  readonly most?: string;
  readonly json?: boolean;
}

export function roomsCommand(): Command {
  const command = new Command('rooms')
    .description('Show the rooms of a running node, or who is in one of them.')
    .argument('[room]', 'A room by its name.')
    .option('--namespace <name>', 'Namespace of the rooms.', '/')
    .option('--after <name>', 'Only rooms whose names come behind this one.')
    .option('--most <number>', 'How many rooms, or users of a room, to show (100).')
    .option('--json', 'Print the answer as JSON.')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast rooms --after match:42\n  holdfast rooms match:42',
    )
    .action(async (room: string | undefined, options: RoomsOptions) => {
      if (room === undefined) await showRooms(options);
      else await showRoom(room, options);
    });
  return addAdminOptions(command);
}

async function showRooms(options: RoomsOptions): Promise<void> {
  const { namespace, after, most } = options;
  const report = await callAdmin(options, {
    path: pathOf('/rooms', { namespace, after, most }),
    answer: roomsReport,
    maxBytes: SESSIONS_BYTES_MAX,
  });
  if (options.json) await printJson(report);
  else await print(roomsText(report));
  checkWhole(report);
}

async function showRoom(room: string, options: RoomsOptions): Promise<void> {
  const { namespace, most } = options;
  const report = await callAdmin(options, {
    path: pathOf('/rooms', { namespace, most, room }),
    answer: roomReport,
    maxBytes: SESSIONS_BYTES_MAX,
  });
  if (options.json) await printJson(report);
  else await print(roomText(report));
  checkWhole(report);
}

function roomsText({ rooms, next }: RoomsReport): string {
  if (rooms.length === 0) return 'No room has members.';
  const rows = rooms.map(({ room, count }) => [room, count]);
  const table = tableText([{ head: 'room' }, { head: 'sessions', align: 'right' }], rows);
  return next === null ? table : `${table}\nMore: --after ${quoted(next)}`;
}

function roomText({ room, sessions, presence, history }: RoomReport): string {
  const kept = history === null ? '' : `, ${history.messages} messages kept`;
  const head = printable(`Room ${room}: ${sessions} sessions${kept}`);
  if (presence === null) return `${head}; it has no presence, so users are not known.`;
  const { count, anonymous, users } = presence;
  const sum = `${head}, ${count - anonymous} users, ${anonymous} sessions without a user`;
  if (users.length === 0) return sum;
  const rows = users.map((one) => [
    one.user,
    since(one.sinceMs),
    one.sessions,
    one.transports.join(', '),
  ]);
  const columns = [
    { head: 'user' },
    { head: 'since (UTC)' },
    { head: 'sessions', align: 'right' },
    { head: 'transports' },
  ] as const;
  const shown = users.length < count - anonymous ? [`The first ${users.length}:`] : [];
  return [sum, ...shown, tableText(columns, rows)].join('\n');
}

/** As a shell takes it. */
function quoted(name: string): string {
  return printable(`'${name.replaceAll("'", String.raw`'\''`)}'`);
}
