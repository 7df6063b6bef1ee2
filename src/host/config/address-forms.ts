/** Addresses and origins, as texts of the config have them. */
import { isIP } from 'node:net';

/** Whether pages of such origins can be let in; a `*` stands for whole labels, or for all. */
export function isOriginOrStar(origin: string): boolean {
  if (origin === '*' || origin === 'null') return true;
  // A page's origin has no path; what stands for a part of a name is one whole label.
  const form = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/;
  const [, scheme, wildcard, host = ''] = form.exec(origin) ?? [];
  if (scheme === undefined || (wildcard !== undefined && !host.includes('.'))) return false;
  const isWeb = scheme === 'http' || scheme === 'https';
  const whole = origin.replace('*.', '');
  return !isWeb || URL.parse(whole)?.origin === whole;
}

/** Whether it is an address, or a range of them with the length of its prefix. */
export function isAddressRange(range: string): boolean {
  const [address = '', length, ...rest] = range.split('/');
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 0 || rest.length > 0) return false;
  const bits = version === 4 ? 32 : 128;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits);
}
