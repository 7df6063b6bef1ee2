/**
 * The colours of charts and page, for a light and a dark ground.
 *
 * The hues that stand beside each other (blue, amber, grey; blue and vermilion) stay apart for
 * readers who do not tell red from green, and differ in lightness for those who see no hue at all.
 */

export type ColorName =
  | 'ground'
  | 'raised'
  | 'ink'
  | 'quiet'
  | 'rule'
  | 'grid'
  | 'heap'
  | 'other'
  | 'kernel'
  | 'onHeap'
  | 'onOther'
  | 'onKernel'
  | 'accent'
  | 'band'
  | 'fleet'
  | 'bad'
  | 'good'
  | 'first'
  | 'second'
  | `worker${WorkerNumber}`;

type WorkerNumber = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** Any CSS colour by name; a picture has those of one scheme, the page has variables. */
export type Palette = Readonly<Record<ColorName, string>>;

export type Scheme = 'light' | 'dark';

export const PALETTES: Readonly<Record<Scheme, Palette>> = {
  light: {
    ground: '#f4f8f6',
    raised: '#ffffff',
    ink: '#0e272e',
    quiet: '#4d666c',
    rule: '#cddbd7',
    grid: '#e6edeb',
    heap: '#17607c',
    other: '#e9a741',
    kernel: '#b4c3c8',
    onHeap: '#ffffff',
    onOther: '#3a2500',
    onKernel: '#14282d',
    accent: '#17607c',
    band: '#a9cbd8',
    fleet: '#b3541e',
    bad: '#b0301f',
    good: '#17734f',
    first: '#17607c',
    second: '#c4581a',
    worker0: '#17607c',
    worker1: '#d98a1c',
    worker2: '#2f8f6b',
    worker3: '#b0446f',
    worker4: '#6a5fb8',
    worker5: '#7c7a1e',
    worker6: '#4fa3c4',
    worker7: '#5d6b6e',
  },
  dark: {
    ground: '#07171c',
    raised: '#0c2128',
    ink: '#e6f1ee',
    quiet: '#9ab3b6',
    rule: '#294851',
    grid: '#17323a',
    heap: '#4ba6c9',
    other: '#dc9d3d',
    kernel: '#5c757d',
    onHeap: '#04151b',
    onOther: '#2a1a00',
    onKernel: '#f2f8f8',
    accent: '#74c2de',
    band: '#285a6d',
    fleet: '#f0a070',
    bad: '#f28b78',
    good: '#58c89c',
    first: '#6fc0de',
    second: '#f29a62',
    worker0: '#6fc0de',
    worker1: '#f0b04e',
    worker2: '#5ccb9f',
    worker3: '#ee8fb4',
    worker4: '#b0a6f2',
    worker5: '#d3cf6a',
    worker6: '#3f86a3',
    worker7: '#a9bdc0',
  },
};

/** Colours that follow the scheme of who looks: `var(--ink)` and so on. */
export const PAGE_PALETTE: Palette = Object.fromEntries(
  Object.keys(PALETTES.light).map((name) => [name, `var(--${name})`]),
) as Palette;

/** The custom properties of one scheme, for the page's style. */
export function cssVariables(scheme: Scheme): string {
  return Object.entries(PALETTES[scheme])
    .map(([name, color]) => `--${name}:${color};`)
    .join('');
}
