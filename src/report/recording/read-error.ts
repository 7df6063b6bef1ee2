/** What makes a recording unreadable, as one sentence for the person who named it. */

/** The recording cannot be read; the message is one sentence that says what to do. */
export class RecordingError extends Error {
  override readonly name: string = 'RecordingError';
}
