/** The command cannot do what was asked; the message is one sentence that says what to do. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
}
