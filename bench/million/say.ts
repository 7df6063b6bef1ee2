/** Says on standard error what the run is doing, with the time (UTC). */
export function say(text: string): void {
  console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);
}
