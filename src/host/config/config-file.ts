/** Reads a config file: JSON, YAML or TOML, told apart by its extension, to keys with values. */

import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { readNamedFile, whyUnread } from '../foreign/named-file.ts';
import { parsed } from '../foreign/parsed.ts';

/** All keys with all their reasons take a hundredth of it. */
const FILE_BYTES_MAX = 1_048_576;
/** Editors of Windows write it first; JSON does not know it. */
const BYTE_ORDER_MARK = '\ufeff';

interface Language {
  parse(text: string): unknown;
  /** Finds keys, and brackets around deeper ones, where the parser lets a key stand twice. */
  readonly keys?: RegExp;
  /** Whether Bun says where a fault is when it loads such a file. */
  readonly isLocated: boolean;
}

const YAML: Language = {
  parse: Bun.YAML.parse,
  keys: /^["']?(\w+)["']?[ \t]*:/gm,
  isLocated: true,
};

const LANGUAGES: Readonly<Record<string, Language>> = {
  // A string whole, so that what stands in one is never taken for a key.
  '.json': {
    parse: parsed,
    keys: /"(\w+)"\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g,
    isLocated: false,
  },
  '.yaml': YAML,
  '.yml': YAML,
  '.toml': { parse: Bun.TOML.parse, isLocated: true },
};

/** @throws Error whose message is one sentence that names the file */
export function readConfigFile(file: string): object {
  const language = LANGUAGES[extname(file).toLowerCase()];
  if (!language) {
    const name = file.trim() === '' ? 'The config file ""' : file;
    throw new Error(`${name} must end in ${Object.keys(LANGUAGES).join(', ')}.`);
  }
  const text = textOf(file);
  const value = valueOf(file, text, language);
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Error(`${file} must hold config keys with their values, e.g. port: 8500.`);
  }
  const twice = language.keys && keyGivenTwice(text, language.keys);
  if (twice !== undefined) throw new Error(`${file} gives ${twice} twice: leave one of them.`);
  return value as object;
}

function textOf(file: string): string {
  let text: string;
  try {
    text = readNamedFile(file, FILE_BYTES_MAX).toString('utf8');
  } catch (error) {
    throw new Error(`${file} cannot be read (${whyUnread(error)}): name a readable file.`);
  }
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text;
}

function valueOf(file: string, text: string, language: Language): object {
  try {
    return (language.parse(text) ?? {}) as object;
  } catch (error) {
    const place = language.isLocated ? placeOfFault(file) : '';
    throw new Error(`${file}${place} cannot be parsed (${reason(error)}): correct its syntax.`);
  }
}

/** Parsers do not say where; Bun does when it loads the file as data, which runs nothing. */
function placeOfFault(file: string): string {
  try {
    createRequire(import.meta.url)(resolve(file));
  } catch (error) {
    const position = (error as { position?: { line: number; column: number } | null }).position;
    if (position) return `:${position.line}:${position.column}`;
  }
  return '';
}

/**
 * Of the outermost level. The last one counts for parsers, and whoever reads the file sees the
 * first.
 */
function keyGivenTwice(text: string, keys: RegExp): string | undefined {
  const seen = new Set<string>();
  const outermost = text.trimStart().startsWith('{') ? 1 : 0;
  let depth = 0;
  for (const [whole, key] of text.matchAll(keys)) {
    if (whole === '{' || whole === '[') depth++;
    else if (whole === '}' || whole === ']') depth--;
    if (key === undefined || depth !== outermost) continue;
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}

/** The first line of what went wrong. */
function reason(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}
