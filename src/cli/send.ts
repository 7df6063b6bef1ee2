/** `holdfast send`: one message to everyone, to rooms or to a user. */
import { Command } from 'commander';
import { parsedOrNothing } from '../host/foreign/parsed.ts';
import { printable } from '../host/foreign/printable.ts';
import type { SendRequest } from '../server/controller/node-view.ts';
import { REPORT_BYTES_MAX, sendReceipt } from './admin-answers.ts';
import { type AdminOptions, addAdminOptions, callAdmin } from './admin-client.ts';
import { CliError } from './cli-error.ts';
import { print, printJson } from './output.ts';

interface SendOptions extends AdminOptions {
  readonly event: string;
  readonly args?: string;
  readonly room?: readonly string[];
  readonly user?: string;
  readonly except?: readonly string[];
  readonly namespace: string;
  readonly json?: boolean;
}

export function sendCommand(): Command {
  const command = new Command('send')
    .description('Send a message to everyone, to rooms or to a user.')
    .argument('[text]', 'The only argument of the event.')
    .option('--event <name>', 'Name of the event.', 'message')
    .option('--args <json>', 'Arguments of the event as a JSON list, instead of a text.')
    .option('--room <name>', 'Only to members of this room; repeatable.', collect)
    .option('--user <id>', 'Only to sessions of this user.')
    .option('--except <room>', 'Leave out members of this room; repeatable.', collect)
    .option('--namespace <name>', 'Namespace of the sessions.', '/')
    .option('--json', 'Print the answer as JSON.')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast send "hello, everyone"\n' +
        `  holdfast send --room match:42 --event score --args '[1, 0]'`,
    )
    .action(async (text: string | undefined, options: SendOptions) => {
      const receipt = await callAdmin(options, {
        path: '/send',
        body: messageOf(text, options),
        answer: sendReceipt,
        maxBytes: REPORT_BYTES_MAX,
      });
      if (options.json) await printJson(receipt);
      else await print(printable(`Accepted as ${receipt.id}.`));
    });
  return addAdminOptions(command);
}

function messageOf(text: string | undefined, options: SendOptions): SendRequest {
  const { event, room, user, except, namespace } = options;
  checkNames('--event', [event]);
  checkNames('--room', room);
  checkNames('--user', user === undefined ? [] : [user]);
  checkNames('--except', except);
  checkNames('--namespace', [namespace]);
  return { event, args: argsOf(text, options.args), room, user, except, namespace };
}

/** Bytes that are no UTF-8 come as this character, so that two names with such were one. */
const REPLACED = '\ufffd';

function checkNames(flag: string, names: readonly string[] = []): void {
  const found = names.find((name) => name.includes(REPLACED));
  if (found === undefined) return;
  throw new CliError(`${flag} is ${printable(found)}, which is no UTF-8; give a name in UTF-8.`);
}

function argsOf(text: string | undefined, json: string | undefined): readonly unknown[] {
  if ((text === undefined) === (json === undefined)) {
    throw new CliError('Give either a text or --args with a JSON list (--args [] for none).');
  }
  if (json === undefined) return [text];
  const args = parsedOrNothing(json);
  if (Array.isArray(args)) return args;
  throw new CliError(`--args is ${json}; it must be a JSON list such as '["hello", 1]'.`);
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
