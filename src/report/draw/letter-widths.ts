/**
 * About how wide words are, without a font at hand: the widths of the letters of the pictures'
 * face, IBM Plex Sans, to a hundredth of their size. On the page, whose face is another, it is an
 * estimate.
 */

/** Widths in hundredths of the size, and the letters that have them. */
const LETTERS: readonly (readonly [number, string])[] = [
  [24, " '"],
  [26, 'ij,.l'],
  [29, '!:;'],
  [32, '[]f|'],
  [34, '(){}t'],
  [38, 'r/\\'],
  [41, '-I"'],
  [46, 'z*'],
  [49, '?sv'],
  [51, 'LcyJx'],
  [54, 'agke'],
  [57, 'FoT_hnuµ'],
  [59, 'ESZbdpqY'],
  [60, '$+0123456789<=>^`~'],
  [62, 'PVXCK'],
  [65, 'ARB'],
  [68, 'DU&'],
  [71, 'G#HNOQ'],
  [77, 'w'],
  [81, 'M'],
  [88, 'm@W'],
  [93, '%'],
];

/** A letter that is not in the table may be one of those that fill a square. */
const OTHER_LETTER_WIDTH = 100;

const WIDTHS: ReadonlyMap<string, number> = new Map(
  LETTERS.flatMap(([width, letters]) =>
    Array.from(letters).map((letter) => [letter, width] as const),
  ),
);

/** @param size of the letters, in pixels */
export function widthOfWords(words: string, size: number): number {
  let hundredths = 0;
  for (const letter of words) hundredths += WIDTHS.get(letter) ?? OTHER_LETTER_WIDTH;
  return (hundredths * size) / 100;
}
