/**
 * `holdfast report` as its user meets it: the real command, its page in a real browser.
 *
 * With SCREENSHOT_DIR set, the page is also saved there, light and dark.
 */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Ended, runHoldfast } from '../support/holdfast-process.ts';
import { START_MS, writeMadeRun } from '../support/made-run.ts';
import { requirement } from '../support/requires.ts';

const CHARTS = ['connections-memory', 'cpu', 'pauses', 'connect-rate', 'latency', 'spread'];
const PICTURES = CHARTS.flatMap((id) => [id, `${id}-dark`])
  .flatMap((name) => [`${name}.png`, `${name}.svg`])
  .sort();
const PAGE_BYTES_MAX = 1.5e6;
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];

/** As the million run reads it, of one worker. */
const MEMORY = [
  {
    phase: 'held',
    atMs: START_MS + 800_000,
    processes: [
      { role: 'worker', pid: 1, rssBytes: 3e9, pssBytes: 2e9, anonymousBytes: 1e9 },
      { role: 'agent', pid: 2, rssBytes: 2e9, pssBytes: 1e9, anonymousBytes: 1e9 },
    ],
  },
];

const program = requirement('chromium');
/** Reports that several tests look at, each made once. */
const made: Map<string, Promise<Ended>> = new Map();
let folder: string;
let first: string;
let second: string;
let browser: Browser | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-report-'));
  first = join(folder, 'first');
  second = join(folder, 'second');
  // As long as `npm run million` takes: some 1,200 samples of 53 workers.
  writeMadeRun(first, { climbSeconds: 700, holdSeconds: 400, leaveSeconds: 100 });
  writeMadeRun(second, { workers: 4, failsOneOf: 400 });
  writeFileSync(join(first, 'memory.json'), JSON.stringify(MEMORY));
  if (!program.available) return;
  browser = await chromium.launch({ executablePath: program.path, args: ARGUMENTS });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

describe('the command', () => {
  test('writes a page and pictures, and leaves all other files alone', async () => {
    const logs = ['server.jsonl', 'fleet.jsonl'].map((name) => join(second, name));
    const before = logs.map((path) => readFileSync(path, 'utf8'));
    writeFileSync(join(second, 'notes.txt'), 'keep me');
    for (const round of ['first', 'again']) {
      const { code, out, err } = await runHoldfast(['report', second]);
      expect([round, code, err]).toEqual([round, 0, '']);
      expect(out).toContain('second: failed');
      expect(out).toContain(`Wrote ${join(second, 'report.html')} and 24 pictures beside it.`);
    }
    expect(readdirSync(join(second, 'pictures')).sort()).toEqual(PICTURES);
    expect(logs.map((path) => readFileSync(path, 'utf8'))).toEqual(before);
    expect(readFileSync(join(second, 'notes.txt'), 'utf8')).toBe('keep me');
  }, 60_000);

  test('prints the figures as JSON', async () => {
    const out = join(folder, 'two');
    const run = await reportTo(out, first, second);
    const report = JSON.parse(run.out);
    expect(report.page).toBe(join(out, 'report.html'));
    expect(report.pictures).toHaveLength(24);
    expect(report.runs.map(({ name, verdict }: never) => [name, verdict])).toEqual([
      ['first', 'passed'],
      ['second', 'failed'],
    ]);
    expect(report.runs[0].figures.workerBytesPerSession).toEqual({
      value: 2_400,
      unit: 'bytes',
      how: expect.stringContaining('401 samples of the hold'),
    });
  }, 60_000);

  test('reports on what a cut-off log still holds, and says what is missing', async () => {
    const cut = join(folder, 'cut');
    writeMadeRun(cut, { workers: 2 });
    const fleet = readFileSync(join(cut, 'fleet.jsonl'), 'utf8').slice(0, 60_000);
    writeFileSync(join(cut, 'fleet.jsonl'), fleet);
    const { code, out } = await runHoldfast(['report', cut]);
    expect(code).toBe(0);
    expect(out).toContain('cut: no verdict');
    expect(out).toContain('fleet.jsonl ends within a line, which is left out.');
    expect(readFileSync(join(cut, 'report.html'), 'utf8')).toContain('ends within a line');
    expect(readFileSync(join(cut, 'fleet.jsonl'), 'utf8')).toBe(fleet);
  }, 60_000);

  test('refuses what is no recording in one sentence, and writes nothing', async () => {
    const empty = join(folder, 'empty');
    writeMadeRun(empty);
    for (const name of ['server.jsonl', 'fleet.jsonl']) writeFileSync(join(empty, name), '');
    const { code, out, err } = await runHoldfast(['report', empty]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^holdfast: .* are empty: not one sample was recorded; .*\.\n$/);
    expect(existsSync(join(empty, 'report.html'))).toBe(false);

    const nowhere = await runHoldfast(['report', join(folder, 'nowhere')]);
    expect(nowhere.err).toEndWith(
      'nowhere is not a folder; name the one that holds a recorded run.\n',
    );
    const file = join(folder, 'file');
    writeFileSync(file, 'no folder');
    const locked = await runHoldfast(['report', second, '--out', file]);
    expect(locked.err).toMatch(/^holdfast: The report cannot be written to .*; name another --out/);
  }, 60_000);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.skipIf(!program.available)(
    program.title(`the page has all charts on a ${colorScheme} screen, and asks for nothing`),
    async () => {
      const out = join(folder, 'page');
      await reportTo(out, first);
      expect(statSync(join(out, 'report.html')).size).toBeLessThan(PAGE_BYTES_MAX);
      const { page, problems, requests } = await open(join(out, 'report.html'), colorScheme);

      expect(await page.textContent('h1')).toBe('1,000,000 connections, held for 6 min 40 s');
      expect(await page.textContent('.verdict .word')).toBe('✓ Passed');
      expect(await chartsSeen(page)).toEqual(CHARTS);
      const memory = page.locator('tr', { hasText: /^held/ }).locator('td');
      expect(await memory.allInnerTexts()).toEqual([
        '1,000,000',
        '1.86 GiB\n2,000 bytes',
        '2.79 GiB\n3,000 bytes',
        '954 MiB\n1,000 bytes',
        '–',
      ]);
      // Words and ground are those of the scheme, in the page and in the charts.
      const brightness = await page.evaluate(brightnessOf);
      if (colorScheme === 'dark') expect(brightness.words).toBeGreaterThan(brightness.ground + 120);
      else expect(brightness.ground).toBeGreaterThan(brightness.words + 120);

      await page.hover('figure[data-chart="connections-memory"] svg');
      const tip = await page.textContent('figure[data-chart="connections-memory"] .tip');
      expect(tip).toMatch(/^\d+:\d\dJavaScript heap[\d.]+ MiB.*connections[\d,]+$/);
      await page.focus('figure[data-chart="spread"]');
      await page.keyboard.press('ArrowRight');
      expect(await page.textContent('figure[data-chart="spread"] .tip b')).toBe('worker 26');

      expect(await page.evaluate(isTooWide)).toBe(false);
      // The tip, still beside its worker, goes with the event of the new size, a frame later.
      await page.setViewportSize({ width: 390, height: 844 });
      await page.waitForFunction(`!(${isTooWide})`);
      expect([problems, requests]).toEqual([[], []]);
    },
    60_000,
  );
}

test.skipIf(!program.available)(
  program.title('the page of two runs has both in each chart, and their ratio'),
  async () => {
    const out = join(folder, 'two');
    await reportTo(out, first, second);
    const { page, problems } = await open(join(out, 'report.html'), 'light');
    expect(await page.textContent('h1')).toBe('first beside second');
    expect(await chartsSeen(page)).toEqual(CHARTS);
    for (const id of CHARTS) {
      const text = await page.textContent(`figure[data-chart="${id}"] svg`);
      expect([id, text]).toEqual([id, expect.stringMatching(/first[\s\S]*second/)]);
    }
    const row = page.locator('tr', { hasText: 'Memory, everything of the server' });
    expect(await row.locator('.number').allTextContents()).toEqual([
      '5,782 bytes',
      '2,744 bytes',
      '0.475',
    ]);
    expect(problems).toEqual([]);
  },
  60_000,
);

function reportTo(out: string, ...runs: readonly string[]): Promise<Ended> {
  const report = made.get(out) ?? runHoldfast(['report', ...runs, '--out', out, '--json']);
  made.set(out, report);
  return report;
}

async function open(
  path: string,
  colorScheme: 'light' | 'dark',
): Promise<{ page: Page; problems: string[]; requests: string[] }> {
  if (browser === undefined) throw new Error('the browser did not start');
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme });
  const page = await context.newPage();
  const problems: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => problems.push(message.text()));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(`file://${path}`);
  requests.shift();
  const screenshots = process.env['SCREENSHOT_DIR'];
  if (screenshots !== undefined) {
    const name = `report-${path.split('/').at(-2)}-${colorScheme}.png`;
    await page.screenshot({ path: join(screenshots, name), fullPage: true });
  }
  return { page, problems, requests };
}

/** The charts that take up room and have lines or bars drawn in them, in their order. */
async function chartsSeen(page: Page): Promise<readonly string[]> {
  return page.evaluate(`
    [...document.querySelectorAll('figure[data-chart]')]
      .filter((figure) => {
        const svg = figure.querySelector('svg');
        const box = svg.getBoundingClientRect();
        return box.width > 600 && box.height > 200 && svg.querySelectorAll('path, rect').length > 5;
      })
      .map((figure) => figure.dataset.chart)
  `);
}

const isTooWide = 'document.documentElement.scrollWidth > innerWidth';

/** How bright the ground of the page is, and the words in its first chart, from 0 to 255. */
const brightnessOf = `(() => {
  const of = (color) => color.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + +part / 3, 0);
  return {
    ground: of(getComputedStyle(document.body).backgroundColor),
    words: of(getComputedStyle(document.querySelector('figure svg text')).fill),
  };
})()` as unknown as () => { readonly ground: number; readonly words: number };
