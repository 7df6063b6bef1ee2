/** HTML from templates in which every value is escaped, unless it is HTML itself. */

import { printableLines } from '../../host/foreign/printable.ts';

/** Text that is HTML already. */
export interface Html {
  readonly html: string;
}

type Value = string | number | Html | undefined | readonly (string | Html | undefined)[];

/** A template; undefined leaves nothing, and lists are put together without anything between. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { html: String.raw({ raw: parts }, ...values.map(textOf)) };
}

/** HTML that was made elsewhere; the caller MUST know that it is whole and harmless. */
export function trusted(text: string): Html {
  return { html: text };
}

/** What a browser obeys unseen, such as a change of direction, is shown by its number. */
export function escapeHtml(text: string): string {
  return printableLines(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function textOf(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  if ('html' in value) return value.html;
  return value.map(textOf).join('');
}
