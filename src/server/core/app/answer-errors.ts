/**
 * Answers that are not whole. They reject, with what did come: an answer of some must not be taken
 * for the answer of all.
 */

/** Some workers gave no answer, or not all of it: they are stopped, died, or failed. */
export class PartialAnswerError<Answer = unknown> extends Error {
  override readonly name: string = 'PartialAnswerError';
  /** What the call would have given, of the workers that answered. */
  readonly partial: Answer;
  /** Numbers of the workers whose answer is missing, or not whole. */
  readonly workers: readonly number[];

  constructor(partial: Answer, workers: readonly number[]) {
    super(`no whole answer from ${namesOf(workers)}`);
    this.partial = partial;
    this.workers = workers;
  }
}

/** Some of the sessions asked did not answer in time, or ended before they did. */
export class AckTimeoutError extends Error {
  override readonly name: string = 'AckTimeoutError';
  /** The values of those that did answer. */
  readonly values: readonly unknown[];
  /** Numbers of workers that did not say which of their sessions answered. */
  readonly workers: readonly number[];

  constructor(
    result: { readonly values: unknown[]; readonly missing: number },
    workers: readonly number[] = [],
  ) {
    const total = result.missing + result.values.length;
    const sessions = `no ack from ${result.missing} of ${total} session(s)`;
    super(workers.length === 0 ? sessions : `${sessions}, no answer from ${namesOf(workers)}`);
    this.values = result.values;
    this.workers = workers;
  }
}

function namesOf(workers: readonly number[]): string {
  return workers.length === 1 ? `worker ${workers[0]}` : `workers ${workers.join(', ')}`;
}
