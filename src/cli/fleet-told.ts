/** Complaints of the fleet as those of a command. */
import { FleetError } from '../fleet/settings/fleet-error.ts';
import { CliError } from './cli-error.ts';

/** @throws CliError with the same sentence, whichever part of the fleet has it */
export async function told<T>(act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof FleetError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}
