/**
 * SVG as PNG, by resvg: no browser, and no font of the system, since a bare server has none. The
 * face comes as a package and is looked up from here. Both packages are optional: without them a
 * report has its page and its SVG.
 */

import { createRequire } from 'node:module';

/** Sharp on a screen with two pixels for one, and in print. */
const PIXEL_RATIO = 2;

const FACE = 'IBM Plex Sans';
const FACE_FILES = [
  '@expo-google-fonts/ibm-plex-sans/400Regular/IBMPlexSans_400Regular.ttf',
  '@expo-google-fonts/ibm-plex-sans/600SemiBold/IBMPlexSans_600SemiBold.ttf',
];

/** Makes PNG of SVG. */
export type Printer = (svg: string) => Uint8Array;

/** The packages cannot be loaded, as on a platform for which there is no build of them. */
export class NoPrinterError extends Error {
  override readonly name = 'NoPrinterError';
}

/**
 * Loads the library and finds the face.
 *
 * @throws NoPrinterError without them
 */
export async function createPrinter(): Promise<Printer> {
  try {
    const { Resvg } = await import('@resvg/resvg-js');
    const { resolve } = createRequire(import.meta.url);
    const font = {
      loadSystemFonts: false,
      fontFiles: FACE_FILES.map((file) => resolve(file)),
      defaultFontFamily: FACE,
      sansSerifFamily: FACE,
    };
    return (svg) =>
      new Resvg(svg, { fitTo: { mode: 'zoom', value: PIXEL_RATIO }, font }).render().asPng();
  } catch (cause) {
    throw new NoPrinterError('the packages that make PNG cannot be loaded', { cause });
  }
}
