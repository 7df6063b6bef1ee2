/**
 * The way out: what commands were asked for goes to stdout, complaints go to stderr, and nothing
 * that came from elsewhere reaches a terminal but by printable.ts. Beside it there are the log of a
 * node and the progress of a fleet, which do the same; a rule of test/tidy holds all others to it.
 */
import { printable, printableJson, printableLines } from '../host/foreign/printable.ts';

/** @param text may have lines; whoever puts them together makes each value `printable` */
export function print(text: string): void {
  console.log(printableLines(text));
}

export function printJson(value: unknown, indent?: number): void {
  console.log(printableJson(value, indent));
}

/** @param sentence one, whatever a value in it holds */
export function complain(sentence: string): void {
  console.error(`holdfast: ${printable(sentence)}`);
}

/** What nobody foresaw is a fault of ours, and its stack is what a report needs. */
export function complainOfFault(error: unknown): void {
  const text = printableLines(Bun.inspect(error, { colors: false }));
  console.error(`holdfast: unexpected fault: ${text}`);
}
