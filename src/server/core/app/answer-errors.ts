/**
 * Answers that are not whole. They reject, with what did come: an answer of some must not be taken
 * for the answer of all.
 */

/** Numbers from here on are those of other nodes: workers have lower ones. */
export const FIRST_NODE = 256;
/** Stands for all servers on the same broker that are not Holdfast. */
export const FOREIGN_SERVERS = 0xff_ff_ff_ff;
const NODE_DIGITS = 6;

/** Some workers gave no answer, or not all of it: they are stopped, died, or failed. */
export class PartialAnswerError<Answer = unknown> extends Error {
  override readonly name: string = 'PartialAnswerError';
  /** What the call would have given, of those that answered. */
  readonly partial: Answer;
  /** Numbers of the workers whose answer is missing, or not whole. */
  readonly workers: readonly number[];
  /** Ids of other nodes of which that is so; `socket.io` for servers that are not Holdfast. */
  readonly nodes: readonly string[];

  /** @param silent numbers of workers, and of nodes as `FIRST_NODE` says */
  constructor(partial: Answer, silent: readonly number[]) {
    super(`no whole answer from ${namesOf(silent)}`);
    this.partial = partial;
    this.workers = workersIn(silent);
    this.nodes = nodesIn(silent);
  }
}

/** Some of the sessions asked did not answer in time, or ended before they did. */
export class AckTimeoutError extends Error {
  override readonly name: string = 'AckTimeoutError';
  /** The values of those that did answer. */
  readonly values: readonly unknown[];
  /** Numbers of workers that did not say which of their sessions answered. */
  readonly workers: readonly number[];
  /** Ids of other nodes of which that is so; `socket.io` for servers that are not Holdfast. */
  readonly nodes: readonly string[];

  constructor(
    result: { readonly values: unknown[]; readonly missing: number },
    silent: readonly number[] = [],
  ) {
    const total = result.missing + result.values.length;
    const sessions = `no ack from ${result.missing} of ${total} session(s)`;
    super(silent.length === 0 ? sessions : `${sessions}, no answer from ${namesOf(silent)}`);
    this.values = result.values;
    this.workers = workersIn(silent);
    this.nodes = nodesIn(silent);
  }
}

function workersIn(silent: readonly number[]): readonly number[] {
  return silent.filter((number) => number < FIRST_NODE);
}

function nodesIn(silent: readonly number[]): readonly string[] {
  return silent.filter((number) => number >= FIRST_NODE).map(nodeName);
}

function nodeName(number: number): string {
  if (number === FOREIGN_SERVERS) return 'socket.io';
  return (number - FIRST_NODE).toString(16).padStart(NODE_DIGITS, '0');
}

function namesOf(silent: readonly number[]): string {
  const workers = workersIn(silent);
  const nodes = nodesIn(silent);
  const parts = [
    ...(workers.length === 0 ? [] : [`${plural('worker', workers)} ${workers.join(', ')}`]),
    ...(nodes.length === 0 ? [] : [`${plural('node', nodes)} ${nodes.join(', ')}`]),
  ];
  return parts.join(' and ');
}

function plural(word: string, { length }: readonly unknown[]): string {
  return length === 1 ? word : `${word}s`;
}
