/**
 * The keys of the schema as a table: names for the environment and the command line, and in words
 * what each key takes. Derived from the schema, so there is nothing here to keep in step with it.
 */
import { z } from 'zod';
import { parsedOrNothing } from '../foreign/parsed.ts';
import type { KeyFacts } from './keys.ts';
import { type Config, configSchema } from './schema.ts';

export interface Field extends KeyFacts {
  readonly name: keyof Config;
  /** `adminPort` is `HOLDFAST_ADMIN_PORT`. */
  readonly variable: string;
  /** `adminPort` is `--admin-port`. */
  readonly flag: string;
  /** Completes "it must be …". */
  readonly allowed: string;
  readonly description: string;
  readonly isBoolean: boolean;
  readonly default: unknown;
  /** Reads what the environment or the command line gave; the schema then judges the value. */
  fromText(text: string): unknown;
}

export const ENVIRONMENT_PREFIX = 'HOLDFAST_';

/** Variables with our prefix that are no config keys. */
export const otherVariables: Readonly<Record<string, string>> = {
  HOLDFAST_CONFIG: 'The config file, where `--config` is not given.',
  HOLDFAST_FLEET_TOKEN: 'Of `holdfast fleet`: the token of agents.',
  HOLDFAST_FLEET_CONTROL_TOKEN: 'Of `holdfast fleet`: what whoever controls a run presents.',
  HOLDFAST_LAUNCHER: 'Internal: the process that started the command.',
  HOLDFAST_WORKER: 'Internal: what the controller tells a worker process.',
};

/** The part of JSON Schema that zod writes for our keys. */
interface Shape extends KeyFacts {
  readonly description?: string;
  readonly type?: 'string' | 'integer' | 'boolean' | 'array' | 'object';
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Shape[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

export const fields: readonly Field[] = Object.entries(
  z.toJSONSchema(configSchema, { io: 'input' }).properties as Record<string, Shape>,
).map(([name, shape]) => fieldOf(name as keyof Config, shape));

export const fieldsByName: ReadonlyMap<string, Field> = new Map(
  fields.map((field) => [field.name, field]),
);

function fieldOf(name: keyof Config, shape: Shape): Field {
  return {
    name,
    variable: ENVIRONMENT_PREFIX + name.replace(/[A-Z]/g, '_$&').toUpperCase(),
    flag: `--${name.replace(/[A-Z]/g, '-$&').toLowerCase()}`,
    description: shape.description ?? '',
    allowed: shape.allowed ?? allowedOf(shape),
    isPath: shape.isPath ?? false,
    isSecret: shape.isSecret ?? false,
    ...(shape.limit === undefined ? {} : { limit: shape.limit }),
    isBoolean: shape.type === 'boolean',
    default: shape.default,
    fromText: (text) => readText(shape, text.trim()),
  };
}

function allowedOf(shape: Shape): string {
  if (shape.anyOf) return shape.anyOf.map(allowedOf).join(' or ');
  if (shape.const !== undefined) return JSON.stringify(shape.const);
  if (shape.enum) return shape.enum.map((value) => JSON.stringify(value)).join(', ');
  if (shape.type === 'boolean') return 'true or false';
  if (shape.type === 'integer') return `a whole number from ${shape.minimum} to ${shape.maximum}`;
  return 'text that is not empty';
}

function readText(shape: Shape, text: string): unknown {
  const types = [shape, ...(shape.anyOf ?? [])].map((one) => one.type);
  if (types.includes('array')) return listOf(text);
  if (types.includes('object')) return objectOf(text);
  if (types.includes('integer') && /^-?\d+$/.test(text)) return Number(text);
  if (types.includes('boolean') && /^(true|1)$/.test(text)) return true;
  if (types.includes('boolean') && /^(false|0)$/.test(text)) return false;
  return text;
}

/** As JSON; what is none is judged, and shown, as the text that it is. */
function objectOf(text: string): unknown {
  return parsedOrNothing(text) ?? text;
}

function listOf(text: string): readonly string[] {
  const items = text.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
}
