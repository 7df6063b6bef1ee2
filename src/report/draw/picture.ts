/**
 * SVG as PNG, by resvg: no browser, and no font of the system, since a bare server has none. The
 * face comes as a package and is looked up from here.
 */

import { createRequire } from 'node:module';

/** Sharp on a screen with two pixels for one, and in print. */
const PIXEL_RATIO = 2;

const FACE = 'IBM Plex Sans';
const FACE_FILES = [
  '@expo-google-fonts/ibm-plex-sans/400Regular/IBMPlexSans_400Regular.ttf',
  '@expo-google-fonts/ibm-plex-sans/600SemiBold/IBMPlexSans_600SemiBold.ttf',
];

/** Loads the library; what it returns makes PNG of SVG. */
export async function createPrinter(): Promise<(svg: string) => Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js');
  const { resolve } = createRequire(import.meta.url);
  const fontFiles = FACE_FILES.map((file) => resolve(file));
  const font = {
    loadSystemFonts: false,
    fontFiles,
    defaultFontFamily: FACE,
    sansSerifFamily: FACE,
  };
  return (svg) =>
    new Resvg(svg, { fitTo: { mode: 'zoom', value: PIXEL_RATIO }, font }).render().asPng();
}
