/**
 * How a command takes a token: from a file, from the environment or, seen by every user of the
 * host, from a flag. Whichever it is, it is judged by the one rule, and no message shows it.
 */
import type { Command } from 'commander';
import { isToken, TOKEN_RULE } from '../host/access/token.ts';
import { readNamedFile, whyUnread } from '../host/foreign/named-file.ts';
import { CliError } from './cli-error.ts';

export interface TokenSource {
  /** `--token`; that of the file is `--token-file`. */
  readonly flag: string;
  readonly variable: string;
  /** What it is, as the help says it, without a full stop. */
  readonly what: string;
}

export type TokenOptions = Readonly<Record<string, unknown>>;

/** A token and a line end; more is no token of ours. */
const FILE_BYTES_MAX = 4_096;

export function addTokenOptions(command: Command, { flag, variable, what }: TokenSource): Command {
  return command
    .option(`${flag} <token>`, `${what}; all users of this host see flags, so rather one below.`)
    .option(`${flag}-file <path>`, `File with it (or the variable ${variable}).`);
}

/**
 * @returns undefined when none was given, nor an empty one, as a shell makes of a variable unset
 * @throws CliError when it is no token, or two were given
 */
export function readToken(
  source: TokenSource,
  options: TokenOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const { flag, variable } = source;
  const typed = options[keyOf(flag)];
  const file = options[keyOf(`${flag}-file`)];
  if (typeof typed === 'string' && typed !== '') {
    if (file !== undefined) throw new CliError(`Give either ${flag} or ${flag}-file, not both.`);
    return judged(flag, typed);
  }
  if (typeof file === 'string') return judged(file, contentOf(`${flag}-file`, file));
  const inherited = env[variable] ?? '';
  return inherited === '' ? undefined : judged(variable, inherited);
}

/** Where to give it, as sentences name it. */
export function tokenPlaces({ flag, variable }: TokenSource): string {
  return `${flag}-file or ${variable}`;
}

function judged(place: string, text: string): string {
  if (isToken(text)) return text;
  throw new CliError(
    `${place} holds no token (what it holds is not shown): it must be ${TOKEN_RULE}.`,
  );
}

function contentOf(flag: string, path: string): string {
  try {
    return readNamedFile(path, FILE_BYTES_MAX).toString('utf8').trim();
  } catch (cause) {
    const reason = whyUnread(cause);
    throw new CliError(`${flag} ${path} cannot be read (${reason}): name a readable file.`, {
      cause,
    });
  }
}

/** `--control-token` is `controlToken`, as the command line parser names it. */
function keyOf(flag: string): string {
  return flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
