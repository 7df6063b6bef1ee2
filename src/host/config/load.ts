/**
 * Puts the configuration together: flags over environment over file over defaults.
 *
 * It reads the config file and nothing else; environment and flags come in as values. Whatever is
 * wrong ends as one ConfigError with one sentence per problem, each saying where the value stands,
 * what was found and what is allowed.
 */
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { nearest } from '../foreign/nearest.ts';
import { readConfigFile } from './config-file.ts';
import { ENVIRONMENT_PREFIX, type Field, fields, fieldsByName, otherVariables } from './fields.ts';
import { type Relation, relations } from './relations.ts';
import { type Config, configSchema } from './schema.ts';

export interface ConfigSources {
  /** A JSON, YAML or TOML file, told apart by its extension. */
  readonly file?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By key, as the command line parser gives them: text, or `true` for a flag without a value. */
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>;
}

/** The configuration cannot be used; the message holds one sentence per problem, one a line. */
export class ConfigError extends Error {
  override readonly name: string = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

const PROBLEMS_SHOWN = 10;

/** A value and the place it came from, as messages name it. */
interface Setting {
  readonly field: Field;
  readonly value: unknown;
  readonly place: string;
}

/** What one source gave: its settings, and sentences about keys that do not exist. */
interface Layer {
  readonly settings: readonly Setting[];
  readonly problems: readonly string[];
}

export function loadConfig(sources: ConfigSources = {}): Config {
  const layers = [
    fromFile(sources.file),
    fromEnvironment(sources.env ?? {}),
    fromFlags(sources.flags ?? {}),
  ];
  const settings = new Map<string, Setting>();
  for (const setting of layers.flatMap((layer) => layer.settings)) {
    settings.set(setting.field.name, setting);
  }
  const values = [...settings].map(([name, setting]) => [name, setting.value] as const);
  const checked = configSchema.safeParse(Object.fromEntries(values));
  const issues = Map.groupBy(checked.error?.issues ?? [], (issue) => String(issue.path[0]));
  const problems = [
    ...layers.flatMap((layer) => layer.problems),
    ...[...issues].flatMap(([name, faults]) => badValues(settings.get(name), faults)),
    ...relations
      .filter((relation) => checked.success && !relation.holds(checked.data))
      .map((relation) => brokenRelation(relation, checked.data, settings)),
  ];
  if (problems.length > 0 || !checked.success) throw new ConfigError(atMost(problems));
  return checked.data;
}

function fromFile(file: string | undefined): Layer {
  if (file === undefined) return { settings: [], problems: [] };
  const directory = dirname(resolve(file));
  return layerOf(Object.entries(keysOf(file)), (name, value) => {
    const field = fieldsByName.get(name);
    const place = `${name} in ${file}`;
    if (!field) return `${place} is no config key${guess(name, fieldsByName.keys())}.`;
    return { field, place, value: resolvePath(field, value, directory) };
  });
}

function keysOf(file: string): object {
  try {
    return readConfigFile(file);
  } catch (error) {
    throw new ConfigError([error instanceof Error ? error.message : String(error)]);
  }
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Layer {
  const byVariable = new Map(fields.map((field) => [field.variable, field]));
  // An empty variable counts as unset: that is how container tools pass on what nobody gave.
  const ours = Object.entries(env).filter(
    ([name, text]) =>
      name.startsWith(ENVIRONMENT_PREFIX) && text && !Object.hasOwn(otherVariables, name),
  );
  return layerOf(ours, (name, text = '') => {
    const field = byVariable.get(name);
    if (!field) return `${name} is no variable of Holdfast${guess(name, byVariable.keys())}.`;
    return { field, place: name, value: resolvePath(field, field.fromText(text), '.') };
  });
}

function fromFlags(flags: Readonly<Record<string, string | boolean | undefined>>): Layer {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return layerOf(given, (name, raw) => {
    const field = fieldsByName.get(name);
    if (!field) return `The flag for ${name} does not exist${guess(name, fieldsByName.keys())}.`;
    const value = typeof raw === 'string' ? field.fromText(raw) : raw;
    return { field, place: field.flag, value: resolvePath(field, value, '.') };
  });
}

function layerOf<T>(
  entries: readonly (readonly [string, T])[],
  read: (name: string, value: T) => Setting | string,
): Layer {
  const results = entries.map(([name, value]) => read(name, value));
  return {
    settings: results.filter((result) => typeof result !== 'string'),
    problems: results.filter((result) => typeof result === 'string'),
  };
}

function resolvePath(field: Field, value: unknown, directory: string): unknown {
  return field.isPath && typeof value === 'string' && value ? resolve(directory, value) : value;
}

/** A file of another program would otherwise get a sentence for each of its lines. */
function atMost(problems: readonly string[]): readonly string[] {
  const more = problems.length - PROBLEMS_SHOWN;
  if (more <= 0) return problems;
  return [...problems.slice(0, PROBLEMS_SHOWN), `So it goes on: ${more} more like these.`];
}

function badValue(setting: Setting | undefined): string {
  if (!setting) return 'A required config key is missing.';
  return (
    `${setting.place} is ${shown(setting.field, setting.value)}; ` +
    `it must be ${setting.field.allowed}.`
  );
}

/** What is wrong within an object is said of its members. */
function badValues(
  setting: Setting | undefined,
  issues: readonly z.core.$ZodIssue[],
): readonly string[] {
  const within = issues.filter(({ path }) => path.length > 1);
  const isObject = setting?.value !== null && !Array.isArray(setting?.value);
  if (setting === undefined || !isObject || within.length === 0) return [badValue(setting)];
  return within.map(
    ({ path, message }) => `${setting.place}: ${path.slice(1).join('.')}: ${message}.`,
  );
}

function brokenRelation(
  { keys, rule }: Relation,
  config: Config | undefined,
  settings: ReadonlyMap<string, Setting>,
): string {
  const found = fields
    .filter((field) => keys.includes(field.name))
    .map((field) => {
      const value = shown(field, config?.[field.name]);
      return `${field.name} is ${value} (${settings.get(field.name)?.place ?? 'default'})`;
    });
  return `${rule.replaceAll('`', '')}; ${found.join(', ')}.`;
}

function shown(field: Field, value: unknown): string {
  if (value === undefined) return 'not set';
  if (field.isSecret) return 'a secret that is not shown';
  // As JSON these would be null.
  const isOdd = typeof value === 'number' && !Number.isFinite(value);
  const text = isOdd ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function guess(written: string, known: Iterable<string>): string {
  const name = nearest(written, known);
  return name ? `; the nearest is ${name}` : '';
}
