/** Checks the limits that an app puts on events, beside the events that it takes. */

import { nearest } from '../../../host/foreign/nearest.ts';
import { isPlainObject, kindOf } from './plain-object.ts';

/** Who has sent is remembered for as long, and timers of the runtime reach 24 days. */
const ONE_A_DAY = 1 / 86_400;

/**
 * @param given what stands in `limits`, each value read once
 * @param on the events of the same namespace
 * @param place names it in messages
 * @throws Error whose message is a clause to go after the name of the app file
 */
export function checkLimits(given: unknown, on: unknown, place: string): void {
  if (!isPlainObject(given)) {
    throw new Error(`declares ${place} as ${kindOf(given)}: it must be an object of numbers`);
  }
  const events = isPlainObject(on) ? Object.keys(on) : [];
  for (const [event, most] of Object.entries(given)) {
    if (typeof most !== 'number' || !Number.isFinite(most) || most < ONE_A_DAY) {
      const shown = typeof most === 'number' ? String(most) : kindOf(most);
      throw new Error(
        `declares '${event}' in ${place} as ${shown}: it must be a number above 0, of events a ` +
          'second from one client, and one a day (1 / 86_400) at the least',
      );
    }
    if (events.includes(event)) continue;
    const meant = nearest(event, events);
    const guess = meant === undefined ? '' : `; the nearest is '${meant}'`;
    throw new Error(`declares '${event}' in ${place}, which is no event in its 'on'${guess}`);
  }
}
