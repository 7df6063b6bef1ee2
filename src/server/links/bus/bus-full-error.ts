/** The queue to other workers is full: the message was not sent to them, and may be later. */
export class BusFullError extends Error {
  override readonly name: string = 'BusFullError';
  /** Those that would miss it, where that is known. */
  readonly workers: readonly number[];

  constructor(workers: readonly number[] = []) {
    const whose = workers.length === 0 ? '' : ` of worker ${workers.join(', ')}`;
    super(
      `the bus${whose} is full: the message did not reach all workers; send less, or again later`,
    );
    this.workers = workers;
  }
}
