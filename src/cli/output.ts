/**
 * The way out: what commands were asked for goes to stdout, complaints go to stderr, and nothing
 * that came from elsewhere reaches a terminal but by printable.ts. Beside it there are the log of a
 * node and the progress of a fleet, which do the same; a rule of test/tidy holds all others to it.
 */
import { printable, printableJson, printableLines } from '../host/foreign/printable.ts';
import { CliError } from './cli-error.ts';

/**
 * @param text may have lines; whoever puts them together makes each value `printable`
 * @throws CliError when it cannot be written, such as to a full disk
 */
export async function print(text: string): Promise<void> {
  await writeOut(`${printableLines(text)}\n`);
}

/** @throws CliError when it cannot be written */
export async function printJson(value: unknown, indent?: number): Promise<void> {
  await writeOut(`${printableJson(value, indent)}\n`);
}

/**
 * Waits until it is written: an exit before would cut it. Who has read enough and goes, as `head`
 * does, is no fault.
 *
 * @throws CliError when it cannot be written
 */
export async function writeOut(text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stdout.write(text, (error: NodeJS.ErrnoException | null | undefined) => {
    if (!error || error.code === 'EPIPE') resolve();
    else {
      const why = error.code ?? error.message;
      reject(new CliError(`The output cannot be written (${why}).`, { cause: error }));
    }
  });
  await promise;
}

/** @param sentence one, whatever a value in it holds */
export function complain(sentence: string): void {
  console.error(`holdfast: ${printable(sentence)}`);
}

/** What is to be read before the rest, and is no part of what was asked for. @param sentence one */
export function remark(sentence: string): void {
  process.stderr.write(`${printable(sentence)}\n`);
}

/** What nobody foresaw is a fault of ours, and its stack is what a report needs. */
export function complainOfFault(error: unknown): void {
  const text = printableLines(Bun.inspect(error, { colors: false }));
  console.error(`holdfast: unexpected fault: ${text}`);
}
