/** The queue to the other workers is full: the message was not sent to them, and may be later. */
export class BusFullError extends Error {
  override readonly name: string = 'BusFullError';

  constructor() {
    super('the bus is full: the message did not reach all workers; send less, or again later');
  }
}
