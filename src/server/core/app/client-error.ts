/**
 * Which words of an error reach a client: only those that the app threw on purpose.
 *
 * That is a `ClientError`, and a plain `Error` made in a file of the app. Systems, drivers and the
 * runtime throw plain ones as well, with paths and queries in them, so that it has to have nothing
 * they add (a code, a system call) and to come from a file of the app by its first stack frame;
 * where that cannot be seen it is not told. Whoever is told nothing reads "internal error".
 */

/** An error whose text, and data, the client is told. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError';
  /** Sent along as JSON. */
  readonly data: unknown;

  constructor(message: string, options: { data?: unknown; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.data = options.data;
  }
}

/** What a hook has a client told of its event; it is counted where it comes from. */
export class HookRefusal extends ClientError {
  override readonly name: string = 'HookRefusal';
}

/** A backend that was asked is not there, or does not answer: the client may ask again. */
export class NotNow extends HookRefusal {
  override readonly name: string = 'NotNow';

  constructor() {
    super('this cannot be answered now');
  }
}

/** What a client may be told of an error. */
export interface Told {
  readonly message: string;
  readonly data: unknown;
}

/** What the language and its runtime put on every error, and what an app may put on one. */
const HARMLESS_KEYS: ReadonlySet<string | symbol> = new Set([
  'message',
  'stack',
  'line',
  'column',
  'sourceURL',
  'originalLine',
  'originalColumn',
  'cause',
  'data',
]);

/** A frame in a file; those of the runtime name a module or nothing. */
const FILE_FRAME = /^ {4}at (?!async )(?:.* \()?(\/.+|[A-Za-z]:\\.+):\d+:\d+\)?$/;

/** @returns `undefined` when the client is told nothing of it */
export function tellable(error: unknown): Told | undefined {
  try {
    if (!(error instanceof ClientError) && !isOfApp(error)) return undefined;
    const { message, data } = error as { message: unknown; data?: unknown };
    return typeof message === 'string' ? { message, data } : undefined;
  } catch {
    // It is the app's object: looking at it may throw as well.
    return undefined;
  }
}

function isOfApp(error: unknown): error is Error {
  if (!(error instanceof Error) || Object.getPrototypeOf(error) !== Error.prototype) return false;
  const keys = Reflect.ownKeys(error);
  if (!keys.every((key) => HARMLESS_KEYS.has(key))) return false;
  // Drivers take their callers' trace for their own errors: then it was there before the place, or
  // is that of another file.
  if (keys.indexOf('stack') < keys.indexOf('sourceURL')) return false;
  const file = madeIn(error);
  if (file === undefined || (error as { sourceURL?: unknown }).sourceURL !== file) return false;
  return !/[/\\]node_modules[/\\]/.test(file);
}

/** The file in which an error was made. */
function madeIn({ message, stack }: Error): string | undefined {
  // Clients may have chosen the message, and with it lines that look like frames.
  const head = message === '' ? 'Error\n' : `Error: ${message}\n`;
  if (stack?.startsWith(head) !== true) return undefined;
  const [first = ''] = stack.slice(head.length).split('\n', 1);
  return FILE_FRAME.exec(first)?.[1];
}
