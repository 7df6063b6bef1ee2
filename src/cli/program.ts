/** The commands put together, and the one place where errors become sentences and exit codes. */
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { ConfigError } from '../host/config/load.ts';
import { StartError } from '../server/controller/start-error.ts';
import { CliError } from './cli-error.ts';
import { disconnectCommand } from './disconnect.ts';
import { doctorCommand } from './doctor.ts';
import { fleetCommand } from './fleet.ts';
import { generateCommand } from './generate.ts';
import { complain, complainOfFault, writeOut } from './output.ts';
import { planCommand } from './plan.ts';
import { profileCommand } from './profile.ts';
import { reportCommand } from './report.ts';
import { roomsCommand } from './rooms.ts';
import { sendCommand } from './send.ts';
import { startCommand } from './start.ts';
import { statusCommand } from './status.ts';
import { usersCommand } from './users.ts';

/** @returns the exit code: 0 only when the command did what was asked */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('holdfast')
    .description(packageJson.description)
    .version(packageJson.version)
    .addHelpText('after', '\nExample:\n  holdfast start --app app.ts --workers 4');
  const commands = [
    startCommand(),
    sendCommand(),
    statusCommand(),
    roomsCommand(),
    usersCommand(),
    disconnectCommand(),
    profileCommand(),
    doctorCommand(),
    generateCommand(),
    fleetCommand(),
    planCommand(),
    reportCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  refuseInOneLine(program, 'holdfast --help');
  try {
    return await parse(program, args);
  } catch (error) {
    tell(error);
    return 1;
  }
}

/** Help and version are gathered, since commander waits for none of what it writes. */
async function parse(program: Command, args: readonly string[]): Promise<number> {
  let help = '';
  writeBy(program, (text) => {
    help += text;
  });
  let exitCode = 0;
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    exitCode = error.exitCode;
  }
  if (help !== '') await writeOut(help);
  return exitCode;
}

function writeBy(command: Command, writeOut: (text: string) => void): void {
  command.configureOutput({ writeOut });
  for (const part of command.commands) writeBy(part, writeOut);
}

/** Puts commander's own complaints, and those of all parts, on one line that says where help is. */
function refuseInOneLine(command: Command, help: string): void {
  const outputError = (text: string): void => {
    const sentence = text
      .trim()
      .replace(/^error: /, '')
      .replaceAll('\n', ' ');
    complain(`${sentence.replace(/\.$/, '')}; see ${help}.`);
  };
  command.exitOverride().configureOutput({ outputError });
  for (const part of command.commands) {
    refuseInOneLine(part, help.replace(/ --help$/, ` ${part.name()} --help`));
  }
}

function tell(error: unknown): void {
  if (error instanceof ConfigError) for (const problem of error.problems) complain(problem);
  else if (error instanceof CliError || error instanceof StartError) complain(error.message);
  else complainOfFault(error);
}
