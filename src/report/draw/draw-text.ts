/** Words as elements, each on one line whose middle is given. */

import { widthOfWords } from './letter-widths.ts';
import { at, textElement } from './svg.ts';

/** In pixels, of all words that name no other; it is set for the whole picture. */
export const WORD_SIZE = 13;

export interface TextStyle {
  readonly fill: string;
  readonly size?: number;
  readonly weight?: 400 | 600;
  /** Which end of the words, or their middle, is at the place named. */
  readonly align?: 'left' | 'center' | 'right';
}

const ANCHORS = { left: undefined, center: 'middle', right: 'end' } as const;

export function text(words: string, x: number, y: number, style: TextStyle): string {
  return textElement(words, {
    x: at(x),
    y: at(y),
    fill: style.fill,
    'font-size': style.size,
    'font-weight': style.weight,
    'text-anchor': ANCHORS[style.align ?? 'left'],
    'dominant-baseline': 'central',
  });
}

/** About how many pixels words of the usual size are wide. */
export function widthOf(words: string): number {
  return widthOfWords(words, WORD_SIZE);
}
