/**
 * SVG as text: elements whose attributes are escaped, and coordinates in tenths of a pixel, since
 * more digits are not seen and make the files larger.
 */

import { printable } from '../../host/foreign/printable.ts';

/** Values by name; those that are undefined are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** @param content elements that were made here already */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) =>
    value === undefined ? '' : ` ${key}="${escapeXml(String(value))}"`,
  );
  const start = `<${name}${written.join('')}`;
  return content === '' ? `${start}/>` : `${start}>${content}</${name}>`;
}

/** An element of words. */
export function textElement(words: string, attributes: Attributes): string {
  return element('text', attributes, escapeXml(words));
}

/** The path from point to point. */
export function pathThrough(points: readonly Point[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${at(x)} ${at(y)}`).join('');
}

/** A coordinate as it is written. */
export function at(pixels: number): number {
  // Adding 0 turns the minus zero that rounding leaves into zero.
  return Math.round(pixels * 10) / 10 + 0;
}

/** XML may not hold control characters, not even escaped: one of them, and nothing is drawn. */
function escapeXml(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
