/** CPU that this process has used, which a busy machine does not lengthen as it does a wait. */

/** @returns milliseconds since the process began */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
