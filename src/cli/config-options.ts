/** Options of commands that take the whole config: a flag a key, over variables and a file. */
import type { Command } from 'commander';
import { type Field, fields } from '../host/config/fields.ts';
import { loadConfig } from '../host/config/load.ts';
import type { Config } from '../host/config/schema.ts';

type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** Adds `--config` and a flag for each key. */
export function addConfigOptions(command: Command): Command {
  command.option('--config <file>', 'Config file in JSON, YAML or TOML. (env: HOLDFAST_CONFIG)');
  for (const field of fields) {
    command.option(`${field.flag} ${field.isBoolean ? '[boolean]' : '<value>'}`, helpOf(field));
  }
  return command;
}

/**
 * @param file as `--config` gave it
 * @param flags by key, and nothing else
 * @throws ConfigError
 */
export function configOf(file: string | undefined, flags: Flags): Config {
  const { env } = process;
  return loadConfig({ file: file ?? (env['HOLDFAST_CONFIG'] || undefined), env, flags });
}

function helpOf({ description, default: value }: Field): string {
  const text = description.replaceAll('`', '');
  return value === undefined ? text : `${text} (default: ${JSON.stringify(value)})`;
}
