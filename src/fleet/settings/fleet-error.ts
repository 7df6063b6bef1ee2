/** What the user of the fleet can put right; the message is one sentence that says how. */
export class FleetError extends Error {
  override readonly name: string = 'FleetError';
}
