/**
 * Checks what an app file exports, and reads it once into an app that is known to be whole.
 *
 * A hook that is misspelt or stands in the wrong place is never called, and the app seems to work:
 * without its `authenticate` everybody comes in. So each level has known keys, and what else stands
 * there is refused in one clause that says where it stands and what was probably meant. The caller
 * puts the name of the file in front.
 */

import { nearest } from '../../../host/foreign/nearest.ts';
import { MAIN_NAMESPACE, RESERVED_EVENTS } from '../../protocol/socketio-packet.ts';
import { LIMITS } from '../limits/limits.ts';
import type { App, NamespaceHandlers } from './app.ts';
import { checkLimits } from './limits-shape.ts';
import { isPlainObject, kindOf } from './plain-object.ts';

type Part = 'function' | 'atOnce' | 'events' | 'serverEvents' | 'limits' | 'namespaces';

const NAMESPACE_PARTS: Readonly<Record<keyof NamespaceHandlers, Part>> = {
  authenticate: 'function',
  mayJoin: 'atOnce',
  connected: 'function',
  unrecovered: 'function',
  disconnecting: 'function',
  disconnected: 'function',
  on: 'events',
  onServer: 'serverEvents',
  limits: 'limits',
};

const APP_PARTS: Readonly<Record<keyof App, Part>> = {
  ...NAMESPACE_PARTS,
  namespaces: 'namespaces',
  started: 'function',
  allowOrigin: 'atOnce',
  request: 'function',
};

const HOOKS = Object.entries(NAMESPACE_PARTS).flatMap(([name, part]) =>
  part === 'function' ? [name] : [],
);

/** Names that no event of a client may have; `connection` is what Socket.IO calls the hook. */
const NO_EVENTS: ReadonlySet<string> = new Set([...RESERVED_EVENTS, ...HOOKS, 'connection']);
const NO_SERVER_EVENTS: ReadonlySet<string> = new Set(HOOKS);

/** Hooks of the app as a whole; an event may well have their name, so that is only doubtful. */
const DOUBTFUL_EVENTS: ReadonlySet<string> = new Set(['started', 'request']);

/** Names that mean something in an app. */
export const HOOK_NAMES: readonly string[] = Object.keys(APP_PARTS);

export interface CheckedApp {
  readonly app: App;
  /** Clauses about what is allowed and yet probably not meant. */
  readonly doubts: readonly string[];
}

/**
 * @param exported the default export of the app file
 * @throws Error whose message is a clause to go after the name of the app file
 */
export function checkApp(exported: unknown): CheckedApp {
  const given = withoutWrapper(exported);
  if (!isPlainObject(given)) {
    throw new Error(`must \`export default defineApp({ … })\`, but exports ${howExported(given)}`);
  }
  const doubts: string[] = [];
  const app: App = readParts(given, APP_PARTS, MAIN_NAMESPACE, doubts);
  return { app, doubts };
}

/** A module that was compiled to CommonJS may come with its default export wrapped once more. */
function withoutWrapper(exported: unknown): unknown {
  if (!isPlainObject(exported) || !Object.hasOwn(exported, 'default')) return exported;
  const isWrapper = Object.keys(exported).every((key) => /^(default|__esModule)$/.test(key));
  return isWrapper ? exported['default'] : exported;
}

function howExported(value: unknown): string {
  const kind = kindOf(value);
  if (kind === 'undefined') return 'no default';
  if (kind === 'a promise') return 'a promise: await it there';
  if (kind === 'a function' || kind === 'a class') return `${kind}: export what it makes`;
  return kind;
}

function readParts(
  given: Record<string, unknown>,
  parts: Readonly<Record<string, Part>>,
  namespace: string,
  doubts: string[],
): Readonly<Record<string, unknown>> {
  const read = mapValues(given, (name, value) => {
    const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (part === undefined) throw unknownPart(name, value, parts, namespace);
    if (part === 'namespaces') return readNamespaces(value, doubts);
    if (part === 'atOnce') return readFunctionAtOnce(value, `'${name}'${inNamespace(namespace)}`);
    if (part === 'function') return readFunction(value, `'${name}'${inNamespace(namespace)}`);
    if (part === 'limits') return readValues(value);
    const noEvents = part === 'events' ? NO_EVENTS : NO_SERVER_EVENTS;
    return readEvents(value, `'${name}'${inNamespace(namespace)}`, noEvents, doubts);
  });
  if (Object.hasOwn(read, 'limits')) {
    checkLimits(read['limits'], read['on'], `'limits'${inNamespace(namespace)}`);
  }
  return read;
}

function unknownPart(
  name: string,
  value: unknown,
  parts: Readonly<Record<string, Part>>,
  namespace: string,
): Error {
  const place = `declares '${name}'${inNamespace(namespace)}`;
  if (name.startsWith('/')) {
    return new Error(`${place} beside its hooks: put it into 'namespaces'`);
  }
  if (Object.hasOwn(APP_PARTS, name)) {
    return new Error(`${place}, but it belongs to the app itself, beside 'namespaces'`);
  }
  const meant = nearest(name, Object.keys(parts));
  const guess = meant === undefined ? '' : `; the nearest is '${meant}'`;
  const events = typeof value === 'function' ? ', while events stand in `on`' : '';
  return new Error(`${place}, which is no part of it${guess}${events}`);
}

function readNamespaces(given: unknown, doubts: string[]): Readonly<Record<string, unknown>> {
  if (!isPlainObject(given)) {
    throw new Error(`declares 'namespaces' as ${kindOf(given)}: it must be an object by name`);
  }
  return mapValues(given, (name, handlers) => {
    checkNamespace(name);
    if (PATTERN_CHARACTERS.test(name)) {
      doubts.push(`declares the namespace '${name}', which is taken as it stands: no pattern is`);
    } else if (name.endsWith('/')) {
      doubts.push(`declares the namespace '${name}': without / at its end it is another one`);
    }
    if (!isPlainObject(handlers)) {
      throw new Error(
        `declares the namespace '${name}' as ${kindOf(handlers)}: it must be an object of hooks`,
      );
    }
    return readParts(handlers, NAMESPACE_PARTS, name, doubts);
  });
}

/** What routers of paths make patterns of; clients cannot name what stands behind a ? or #. */
const PATTERN_CHARACTERS = /[*:?#()[\]{}^$|+\\]/;

function checkNamespace(name: string): void {
  const place = `declares the namespace '${name}'`;
  if (name === MAIN_NAMESPACE) {
    throw new Error(`${place} in 'namespaces': its hooks stand in the app itself`);
  }
  if (!name.startsWith('/')) throw new Error(`${place}, which must begin with /: '/${name}'`);
  const isSendable = !/[,\0]/.test(name) && name.isWellFormed();
  if (!isSendable || name.length > LIMITS.keyLength) {
    throw new Error(
      `${place}, which clients cannot name: it may have no comma and ` +
        `${LIMITS.keyLength} characters`,
    );
  }
}

function readEvents(
  given: unknown,
  place: string,
  noEvents: ReadonlySet<string>,
  doubts: string[],
): Readonly<Record<string, unknown>> {
  if (!isPlainObject(given)) {
    throw new Error(
      `declares ${place} as ${kindOf(given)}: it must be an object of functions by event`,
    );
  }
  return mapValues(given, (name, handler) => {
    if (!name.isWellFormed()) {
      throw new Error(`declares ${JSON.stringify(name)} in ${place}, which no message can name`);
    }
    if (noEvents.has(name)) {
      const hook = nearest(name, HOOKS);
      const guess = hook === undefined ? '' : `; the hook '${hook}' stands beside it`;
      throw new Error(`declares '${name}' in ${place}, which is no event's name${guess}`);
    }
    if (DOUBTFUL_EVENTS.has(name)) {
      doubts.push(`declares the event '${name}' in ${place}: the hook would stand beside it`);
    }
    return readFunction(handler, `'${name}' in ${place}`);
  });
}

/** Numbers are judged once all that they belong to is known. */
function readValues(given: unknown): unknown {
  return isPlainObject(given) ? mapValues(given, (_name, value) => value) : given;
}

function readFunction(value: unknown, place: string): unknown {
  const kind = kindOf(value);
  if (kind === 'a function') return value;
  throw new Error(`declares ${place} as ${kind}: it must be a function`);
}

/** One that is not waited for. */
function readFunctionAtOnce(value: unknown, place: string): unknown {
  if (Object.prototype.toString.call(value) !== '[object AsyncFunction]') {
    return readFunction(value, place);
  }
  throw new Error(`declares ${place} as an async function, which is not waited for here`);
}

/** A copy of an object, each value read once and given over to be read further. */
function mapValues(
  given: Record<string, unknown>,
  read: (name: string, value: unknown) => unknown,
): Record<string, unknown> {
  const keys = Reflect.ownKeys(given);
  // Modules have that one.
  const stray = keys.find((key) => typeof key === 'symbol' && key !== Symbol.toStringTag);
  if (stray !== undefined) throw new Error(`declares ${String(stray)}, which is no part of it`);
  const names = keys.filter((name) => typeof name === 'string');
  return Object.fromEntries(names.map((name) => [name, read(name, valueOf(given, name))]));
}

function valueOf(given: Record<string, unknown>, name: string): unknown {
  try {
    return given[name];
  } catch (error) {
    const reason = error instanceof Error ? error.message : kindOf(error);
    throw new Error(`declares '${name}' by a getter that throws: ${reason}`, { cause: error });
  }
}

function inNamespace(namespace: string): string {
  return namespace === MAIN_NAMESPACE ? '' : ` in the namespace '${namespace}'`;
}
