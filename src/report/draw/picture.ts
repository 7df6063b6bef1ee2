/**
 * SVG as PNG, by resvg: no browser, and no font of the system, since a bare server has none. The
 * face comes as a package and is looked up from here. Both packages are optional: without them, as
 * in the executable, a report has its page and its SVG.
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

const WITHOUT_PACKAGES =
  'PNG is left out: @resvg/resvg-js or @expo-google-fonts/ibm-plex-sans cannot be loaded; ' +
  '`npm install` brings both, unless it is told to omit optional packages.';
const IN_EXECUTABLE =
  'PNG is left out: the executable has no library for it; make the report with the package from ' +
  'npm (`npx holdfast report`) where you need it.';

/** The packages cannot be loaded; its message is a sentence that says what to do. */
export class NoPrinterError extends Error {
  override readonly name = 'NoPrinterError';
}

/**
 * Loads the library and finds the face.
 *
 * @throws NoPrinterError without them
 */
export async function createPrinter(): Promise<Printer> {
  // What is not in the executable would be looked for in the working directory.
  if (Bun.isStandaloneExecutable) throw new NoPrinterError(IN_EXECUTABLE);
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
    throw new NoPrinterError(WITHOUT_PACKAGES, { cause });
  }
}
