/**
 * The demo as people meet it: the real command with four workers, two real browsers, an operator.
 *
 * With SCREENSHOT_DIR set, the pages are also saved there, in both sizes, light and dark.
 */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { requirement } from '../support/requires.ts';
import { eventually } from './eventually.ts';

const WAIT_MS = 15_000;
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1440, height: 900 };
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const program = requirement('chromium');
const problems: string[] = [];
let node: HoldfastProcess;
let browser: Browser | undefined;

beforeAll(async () => {
  if (!program.available) return;
  browser = await chromium.launch({ executablePath: program.path, args: ARGUMENTS });
}, 60_000);

afterAll(() => browser?.close(), 60_000);

// Each test has a node of its own: one that polls counts for a while after its page was closed.
beforeEach(async () => {
  problems.length = 0;
  if (program.available) node = await HoldfastProcess.start();
}, 60_000);

afterEach(async () => {
  for (const context of browser?.contexts() ?? []) await context.close();
  if (program.available) await node.stop();
}, 60_000);

test.skipIf(!program.available)(
  program.title('two browsers vote, see each other and hear the operator'),
  async () => {
    const phone = await open(PHONE, 'light');
    const desktop = await open(DESKTOP, 'dark');
    for (const page of [phone, desktop]) {
      await shows(page, '#line', 'Live');
      await shows(page, '#watching', '2');
      await page.waitForSelector('[data-transport="websocket"][data-current]', {
        timeout: WAIT_MS,
      });
      expect(await page.textContent('#served')).toMatch(/^Served by worker \d of Holdfast$/);
      await shows(page, '#node', `node ${(await node.process()).nodes[0]?.id}`);
      await shows(page, '#workers', ', one of 4');
    }

    await phone.click('[data-choice="quill"]');
    await desktop.click('[data-choice="brandt"]');
    for (const page of [phone, desktop]) {
      await shows(page, '[data-choice="quill"] .count', '1 vote');
      await shows(page, '[data-choice="brandt"] .share', '50%');
      await shows(page, '#voters', '2');
    }

    await desktop.focus('[data-choice="quill"]');
    await desktop.keyboard.press('Enter');
    for (const page of [phone, desktop]) {
      await shows(page, '[data-choice="quill"] .count', '2 votes');
      await shows(page, '[data-choice="brandt"] .count', '0 votes');
    }

    // A voter who comes back is known, and is not counted again.
    await phone.reload();
    await phone.waitForSelector('[data-choice="quill"][aria-pressed="true"]', { timeout: WAIT_MS });
    await shows(phone, '#line', 'Live');
    await shows(phone, '#voters', '2');
    await shows(phone, '#watching', '2');
    await save({ phone, desktop }, 'voted');

    await node.send('Half time');
    for (const page of [phone, desktop]) await shows(page, '#announcement-text', 'Half time');
    await save({ phone, desktop }, 'announced');
    await phone.click('#announcement-close');
    await phone.waitForSelector('#announcement', { state: 'hidden', timeout: WAIT_MS });

    for (const page of [phone, desktop]) {
      const width = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(width).toBeLessThanOrEqual(0);
    }
    expect(problems).toEqual([]);
  },
  90_000,
);

const PANELS = ['socket-io', 'websocket', 'sse', 'stream', 'polling'] as const;
/** As the server says, once Socket.IO has upgraded. */
const TRANSPORTS = ['websocket', 'websocket', 'sse', 'stream', 'polling'];

test.skipIf(!program.available)(
  program.title('five clients of one page hear the same, once, and are heard'),
  async () => {
    const page = await open(DESKTOP, 'light', '/transports');
    try {
      for (const [index, name] of PANELS.entries()) {
        await shows(page, part(name, 'state'), 'Live');
        const where = new RegExp(`^${TRANSPORTS[index]}, worker \\d$`);
        await matches(page, part(name, 'where'), where);
        await matches(page, part(name, 'waiting-unit'), /^(bytes of memory|not measured yet)$/);
      }
      await heardOnce(page, 'tr[data-message^="comment-"]', PANELS);

      for (const name of PANELS) {
        await page.click(part(name, 'shout'));
        await matches(page, part(name, 'note'), /^Sent\. Ack after [\d.]+ ms\.$/);
        const title = await page.textContent(part(name, 'title'));
        const shout = `tr:has-text("A shout from ${title}.")`;
        await heardOnce(page, shout, PANELS);
      }
      await node.send('Half time');
      await heardOnce(page, 'tr:has-text("Operator: Half time")', PANELS);
      for (const name of PANELS) {
        const bytes = Number(await page.textContent(part(name, 'bytes')));
        // The text alone has more than this; with what is around it even a poll has less than 2 KB.
        expect(bytes).toBeGreaterThan(60);
        expect(bytes).toBeLessThan(2000);
      }
      await save({ desktop: page }, 'transports');
      expect(problems).toEqual([]);
    } finally {
      await page.context().close();
    }
  },
  90_000,
);

test.skipIf(!program.available)(
  program.title('a client of any kind leaves the room, hears nothing of it, and joins again'),
  async () => {
    const page = await open(PHONE, 'dark', '/transports');
    try {
      for (const [index, name] of PANELS.entries()) {
        await shows(page, part(name, 'state'), 'Live');
        await page.click(part(name, 'membership'));
        await shows(page, part(name, 'membership'), 'Join');
        const others = PANELS.filter((other) => other !== name);
        // Another one each time, so that its shout is the only one of its name.
        const other = PANELS[(index + 1) % PANELS.length]!;
        await shows(page, part(other, 'state'), 'Live');
        const title = await page.textContent(part(other, 'title'));
        const shouted = `tr:has-text("A shout from ${title}.")`;
        await page.click(part(other, 'shout'));
        await heardOnce(page, shouted, others);
        expect(await page.textContent(`${shouted} [data-of="${name}"]`)).toBe('–');
        await page.click(part(name, 'membership'));
        await shows(page, part(name, 'membership'), 'Leave');
      }
      await heardOnce(page, '#said tr', PANELS);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
      await page.click(`${part('sse', 'source')} summary`);
      await matches(page, part('sse', 'code'), /new EventSource\(/);
      await save({ phone: page }, 'code');
      await page.click('text=The match');
      await shows(page, 'h1', 'Who scores next?');
      await page.click('text=The same room over every transport');
      await shows(page, 'h1', 'Five ways into one room');
      expect(problems).toEqual([]);
    } finally {
      await page.context().close();
    }
  },
  90_000,
);

test.skipIf(!program.available)(
  program.title(
    'clients of any kind come back when their workers die, and when they are seen again',
  ),
  async () => {
    await using other = await HoldfastProcess.start({ workers: 2 });
    if (browser === undefined) throw new Error('the browser did not start');
    const context = await browser.newContext({ viewport: DESKTOP });
    // What it says of lost connections is no fault here.
    const page = await context.newPage();
    try {
      await page.goto(`${other.url}/transports`);
      await panelsAre(page, 'live');
      // Some are back before others have seen that they are lost.
      await page.evaluate(NOTE_THE_LOST);
      for (const pid of await other.workerPids()) {
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      }
      await eventually(
        'all panels were lost',
        () => page.evaluate('lost.size'),
        (count) => count === PANELS.length,
      );
      await panelsAre(page, 'live');
      await setHidden(page, true);
      await panelsAre(page, 'paused');
      await setHidden(page, false);
      await panelsAre(page, 'live');
      await page.evaluate("document.getElementById('said').replaceChildren()");
      await heardOnce(page, '#said tr', PANELS);
    } finally {
      await context.close();
    }
  },
  90_000,
);

/** Keeps the panels that are seen to be no longer live. */
const NOTE_THE_LOST = `
  globalThis.lost = new Set();
  const note = (changes) => changes.forEach(({ target }) => {
    if (target.dataset.line !== 'live') lost.add(target);
  });
  for (const panel of document.querySelectorAll('.panel')) {
    new MutationObserver(note).observe(panel, { attributeFilter: ['data-line'] });
  }
`;

async function panelsAre(page: Page, state: string): Promise<void> {
  const panels = page.locator(`.panel[data-line="${state}"]`);
  await eventually(
    `all panels are ${state}`,
    () => panels.count(),
    (count) => count === PANELS.length,
  );
}

/** As a browser does when its page is put behind another, which one without a screen does not. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  const property = `{ value: ${isHidden}, configurable: true }`;
  await page.evaluate(`Object.defineProperty(document, 'hidden', ${property})`);
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
}

function part(panel: string, name: string): string {
  return `[data-panel="${panel}"] [data-part="${name}"]`;
}

/** Waits until a row is shown that each of the panels has marked, and none of them twice. */
async function heardOnce(page: Page, row: string, panels: readonly string[]): Promise<void> {
  const marks = panels.map((name) => `:has([data-of="${name}"][data-times="1"])`).join('');
  await page.waitForSelector(`${row}${marks}`, { timeout: WAIT_MS });
  expect(await page.locator('[data-times]:not([data-times="1"])').count()).toBe(0);
}

/** Opens the demo as a new visitor; whatever the page complains about is kept. */
async function open(
  viewport: { width: number; height: number },
  colorScheme: 'light' | 'dark',
  path = '/',
): Promise<Page> {
  if (browser === undefined) throw new Error('the browser did not start');
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  await page.goto(`${node.url}${path}`);
  return page;
}

async function matches(page: Page, selector: string, pattern: RegExp): Promise<void> {
  const element = page.locator(selector);
  await eventually(
    `${selector} shows ${pattern}`,
    () => element.textContent(),
    (shown) => pattern.test(shown ?? ''),
  );
}

async function shows(page: Page, selector: string, text: string): Promise<void> {
  const element = page.locator(selector);
  await eventually(
    `${selector} shows ${text}`,
    () => element.textContent(),
    (shown) => shown === text,
  );
}

async function save(pages: Readonly<Record<string, Page>>, moment: string): Promise<void> {
  const folder = process.env['SCREENSHOT_DIR'];
  if (folder === undefined) return;
  for (const [name, page] of Object.entries(pages)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.screenshot({
        path: join(folder, `demo-${moment}-${name}-${colorScheme}.png`),
        fullPage: true,
      });
    }
  }
}
