/**
 * Takes over what the app prints: `console`, `process.stdout`, `process.stderr`, and what libraries
 * write to these descriptors by `node:fs`, as pino does.
 *
 * Bun writes to a pipe from the event loop. While it is full, `console.log` waits and `writeSync`
 * throws, so that with a controller that stands still an app that prints would stand still too. So
 * what is printed becomes lines that go the way of the log, which never waits. What takes another
 * way to the descriptors, such as a crash of the runtime or a process that the app starts, comes to
 * the controller through pipes.
 */

import type { Writable } from 'node:stream';
import { AppText, type TextBounds } from '../core/log/app-text.ts';
import { describeError } from '../core/log/log.ts';
import { LOG_FD, OUTPUTS, type Output } from '../links/bus/log-line.ts';

export interface AppOutputSink {
  /** MUST NOT throw, and MUST NOT wait. */
  line(output: Output, text: string): void;
  dropped(output: Output, characters: number): void;
}

/** What is replaced of this process. */
export interface Outputs {
  readonly console: Console;
  readonly process: Pick<NodeJS.Process, Output>;
  readonly fs: FileWrites;
}

/** The functions of `node:fs` that write to a descriptor, or close it. */
export interface FileWrites {
  write: (fd: number, data: string | Uint8Array, ...rest: unknown[]) => void;
  writeSync: (fd: number, data: string | Uint8Array, ...rest: unknown[]) => number;
  writev: (fd: number, ...rest: unknown[]) => void;
  writevSync: (fd: number, ...rest: unknown[]) => number;
  close: (fd: number, done?: (error: Error | null) => void) => void;
  closeSync: (fd: number) => void;
}

/** Methods of `console` that print, and what they print to. */
const METHODS = {
  log: 'stdout',
  info: 'stdout',
  debug: 'stdout',
  dir: 'stdout',
  dirxml: 'stdout',
  table: 'stdout',
  count: 'stdout',
  timeEnd: 'stdout',
  timeLog: 'stdout',
  group: 'stdout',
  groupCollapsed: 'stdout',
  error: 'stderr',
  warn: 'stderr',
  trace: 'stderr',
  assert: 'stderr',
} as const;

/** These print nothing, but belong to those that do. */
const SILENT_METHODS = ['countReset', 'groupEnd', 'time'] as const;

type Formatter = Pick<Console, keyof typeof METHODS | (typeof SILENT_METHODS)[number]>;
type Texts = Readonly<Record<Output, AppText>>;

export function takeOverOutput(outputs: Outputs, sink: AppOutputSink, bounds: TextBounds): void {
  const texts = Object.fromEntries(
    OUTPUTS.map((output) => [output, new AppText(sinkOf(output, sink), bounds)]),
  ) as Record<Output, AppText>;
  replaceConsole(outputs.console, texts);
  for (const output of OUTPUTS) replaceStream(outputs.process, output, texts[output]);
  replaceWrites(outputs.fs, texts);
  keepLog(outputs.fs);
}

function sinkOf(output: Output, sink: AppOutputSink): ConstructorParameters<typeof AppText>[0] {
  return {
    line: (text) => sink.line(output, text),
    dropped: (characters) => sink.dropped(output, characters),
  };
}

function replaceConsole(console: Console, texts: Texts): void {
  let formatter: Formatter | undefined;
  const format = (name: keyof Formatter, args: unknown[]): void => {
    // It loads some 0.7 MB of the runtime as soon as it is named, so it waits for the first word.
    formatter ??= new console.Console(plainStream(texts.stdout), plainStream(texts.stderr));
    (formatter[name] as (...args: unknown[]) => void)(...args);
  };
  for (const [name, output] of Object.entries(METHODS) as [keyof typeof METHODS, Output][]) {
    console[name] = (...args: unknown[]) => {
      // Who prints more than is logged does not pay for its looks.
      if (texts[output].isSpent) texts[output].drop(1);
      else contain(texts[output], () => format(name, args));
    };
  }
  for (const name of SILENT_METHODS) {
    console[name] = (...args: unknown[]) => contain(texts.stdout, () => format(name, args));
  }
}

/** What cannot be shown, such as an object whose getters throw, is no fault of who prints it. */
function contain(text: AppText, print: () => void): void {
  try {
    print();
  } catch (error) {
    text.write(`(cannot be shown: ${describeError(error)})\n`);
  }
}

/** As much of a stream as a `Console` asks for. */
function plainStream(text: AppText): NodeJS.WritableStream {
  const stream = {
    write(chunk: string): boolean {
      text.write(chunk);
      return true;
    },
    on: () => stream,
    once: () => stream,
    removeListener: () => stream,
    listenerCount: () => 0,
  };
  return stream as unknown as NodeJS.WritableStream;
}

function replaceStream(process: Outputs['process'], output: Output, text: AppText): void {
  let stream: Writable | undefined;
  // What is assigned to takes the place of Bun's own stream, which a definition alone would make
  // first, to look at it: 1 MB that nobody writes to.
  Object.assign(process, { [output]: undefined });
  Object.defineProperty(process, output, {
    configurable: true,
    enumerable: true,
    get: () => {
      stream ??= createStream(OUTPUTS.indexOf(output) + 1, text);
      return stream;
    },
  });
}

function createStream(fd: number, text: AppText): Writable {
  const { Writable: Stream } = globalThis.process.getBuiltinModule('node:stream');
  const stream = new Stream({
    decodeStrings: false,
    write(chunk: string | Uint8Array, _encoding, done) {
      take(text, chunk);
      done();
    },
  });
  return Object.assign(stream, { fd, isTTY: false });
}

/**
 * The descriptor of the log is not the app's, whatever it takes it for: one that it closed would be
 * given to the next file that it opens, and the log would be written into that.
 */
function keepLog(fs: FileWrites): void {
  for (const name of [
    'write',
    'writeSync',
    'writev',
    'writevSync',
    'close',
    'closeSync',
  ] as const) {
    const original = fs[name] as (fd: number, ...rest: unknown[]) => unknown;
    const kept = (fd: number, ...rest: unknown[]): unknown => {
      if (fd !== LOG_FD) return original(fd, ...rest);
      const error = Object.assign(new Error('EBADF: bad file descriptor'), { code: 'EBADF' });
      const done = rest.at(-1);
      if (name.endsWith('Sync') || typeof done !== 'function') throw error;
      queueMicrotask(() => done(error));
      return undefined;
    };
    Object.assign(fs, { [name]: kept });
  }
}

function replaceWrites(fs: FileWrites, texts: Texts): void {
  const { write, writeSync } = fs;
  const textOf = (fd: number): AppText | undefined => {
    const output = OUTPUTS[fd - 1];
    return output && texts[output];
  };
  fs.writeSync = (fd, data, ...rest) => {
    const text = textOf(fd);
    return text === undefined ? writeSync(fd, data, ...rest) : take(text, part(data, rest));
  };
  fs.write = (fd, data, ...rest) => {
    const text = textOf(fd);
    if (text === undefined) {
      write(fd, data, ...rest);
      return;
    }
    const done = rest.at(-1) as (error: null, written: number, data: unknown) => void;
    const written = take(text, part(data, rest));
    queueMicrotask(() => done(null, written, data));
  };
}

/** Bytes may come with an offset and a length, one by one or as an object. */
function part(data: string | Uint8Array, rest: readonly unknown[]): string | Uint8Array {
  if (typeof data === 'string') return data;
  const [first, second] = rest;
  const named = (typeof first === 'object' ? first : undefined) as Slice | null | undefined;
  const offset = named?.offset ?? (typeof first === 'number' ? first : 0);
  const length = named?.length ?? (typeof second === 'number' ? second : undefined);
  return data.subarray(offset, length === undefined ? undefined : offset + length);
}

interface Slice {
  readonly offset?: number;
  readonly length?: number;
}

/** @returns its bytes, as who writes expects it */
function take(text: AppText, data: string | Uint8Array): number {
  if (typeof data === 'string') text.write(data);
  else text.writeBytes(data);
  return Buffer.byteLength(data);
}
