/**
 * A config as environment variables: what a service or a container is told of it. Secrets are named
 * only; they belong into files that few can read.
 */

import { fields } from '../config/fields.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { GenerateError } from './deployment.ts';

export interface Settings {
  /** Name and value of each variable, in the order of docs/CONFIG.md. */
  readonly variables: readonly (readonly [name: string, value: string])[];
  /** Names of the variables that hold secrets which this config has. */
  readonly secrets: readonly string[];
}

const CONTROL = /\p{Cc}/u;

/**
 * Keys that are as they are by default are left out.
 *
 * @param without keys that the file says in another way
 * @throws GenerateError for a value that no file can hold on one line
 */
export function settingsOf(config: Config, without: readonly (keyof Config)[] = []): Settings {
  const usual = loadConfig();
  const set = fields.filter(({ name }) => {
    const value = config[name];
    const isUsual = JSON.stringify(value) === JSON.stringify(usual[name]);
    return value !== undefined && !isUsual && !without.includes(name);
  });
  return {
    variables: set
      .filter(({ isSecret }) => !isSecret)
      .map(({ name, variable }) => [variable, valueText(variable, config[name])] as const),
    secrets: set.filter(({ isSecret }) => isSecret).map(({ variable }) => variable),
  };
}

function valueText(variable: string, value: unknown): string {
  const listed = Array.isArray(value) ? value.join(',') : value;
  const text = typeof listed === 'string' ? listed : JSON.stringify(listed);
  if (!CONTROL.test(text)) return text;
  throw new GenerateError(`The value of ${variable} has a line end or the like in it.`);
}

/** Keys that name files or folders, and are set. */
export function pathsOf(config: Config): readonly string[] {
  return fields.flatMap(({ name, isPath }) => {
    const value = config[name];
    return isPath && typeof value === 'string' ? [value] : [];
  });
}
