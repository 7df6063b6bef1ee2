/**
 * What rented hosts cost, told before they are started. The table is a help and no offer: the
 * prices that AWS charges are on its page, differ by region and change.
 */

import { FleetError } from '../../settings/fleet-error.ts';

/** US dollars an hour: on demand, Linux, us-east-1; as this project knew them. */
export const ON_DEMAND_USD: Readonly<Record<string, number>> = {
  't3.micro': 0.0104,
  't3.small': 0.0208,
  't3.medium': 0.0416,
  't3.large': 0.0832,
  't3.xlarge': 0.1664,
  't4g.small': 0.0168,
  't4g.medium': 0.0336,
  'm5.large': 0.096,
  'm6i.large': 0.096,
  'm6i.xlarge': 0.192,
  'm7g.large': 0.0816,
  'c5.large': 0.085,
  'c5.xlarge': 0.17,
  'c6i.large': 0.085,
  'c6i.xlarge': 0.17,
  'c6i.2xlarge': 0.34,
};

const PRICE_MAX_USD = 1_000;

export interface Price {
  /** Of one host. */
  readonly usdPerHour: number;
  /** Where the figure is from, as a sentence says it. */
  readonly source: string;
}

/**
 * @param given by the user, who knows better
 * @throws FleetError when nothing is known of this type
 */
export function priceOf(type: string, given: string | undefined): Price {
  if (given !== undefined) {
    const usdPerHour = /^\d{1,4}(\.\d{1,6})?$/.test(given) ? Number(given) : Number.NaN;
    if (usdPerHour <= PRICE_MAX_USD) return { usdPerHour, source: 'as given with --price' };
    throw new FleetError(`--price is "${given}"; it must be US dollars an hour, such as 0.0208.`);
  }
  const usdPerHour = ON_DEMAND_USD[type];
  if (usdPerHour !== undefined) {
    const source =
      "by Holdfast's own table of on-demand prices for Linux in us-east-1; other regions cost " +
      'more, and aws.amazon.com/ec2/pricing/on-demand has what counts';
    return { usdPerHour, source };
  }
  throw new FleetError(
    `What ${type} costs is not known here: look it up at aws.amazon.com/ec2/pricing/on-demand, ` +
      'and give it with --price, in US dollars an hour.',
  );
}

/** Told before anything is started. */
export function priceText(
  { usdPerHour, source }: Price,
  { count, type, minutes }: { readonly count: number; type: string; readonly minutes: number },
): string {
  const hourly = usdPerHour * count;
  return (
    `${count} × ${type} cost ${dollars(hourly)} an hour, ${dollars((hourly * minutes) / 60)} for ` +
    `${minutes} minutes (${source}). Disks, public addresses and traffic come on top.`
  );
}

function dollars(usd: number): string {
  return `${usd.toFixed(usd < 1 ? 4 : 2)} USD`;
}
