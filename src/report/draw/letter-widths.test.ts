import { expect, test } from 'bun:test';
import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import { widthOfWords } from './letter-widths.ts';

const face = createRequire(import.meta.url).resolve(
  '@expo-google-fonts/ibm-plex-sans/400Regular/IBMPlexSans_400Regular.ttf',
);

test('words are as wide as the face draws them, to a fiftieth', () => {
  for (const words of ['median to 99 %', 'JavaScript heap', '1,000,000 connections', 'WIDE @ µs']) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="200"><text x="0" y="100"
      font-family="IBM Plex Sans" font-size="50">|${words}|</text></svg>`;
    const box = new Resvg(svg, { font: { loadSystemFonts: false, fontFiles: [face] } }).getBBox();
    const drawn = box?.width ?? 0;
    expect(Math.abs(drawn / widthOfWords(`|${words}|`, 50) - 1)).toBeLessThan(0.02 + 20 / drawn);
  }
});
