/** docs/CLIENT.md is true: each of its examples is run, and prints what it says that it prints. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { HoldfastProcess, ROOT } from '../support/holdfast-process.ts';
import { InstalledClient } from '../support/installed-client.ts';
import { requirement } from '../support/requires.ts';
import { eventually } from './eventually.ts';

const RUN_MS = 20_000;
const RUNTIMES = ['node', 'bun'] as const;
/** Where the examples connect. */
const ADDRESS = 'http://localhost:8500';

const page = readFileSync(join(ROOT, 'docs', 'CLIENT.md'), 'utf8');
/** Blocks of code with the heading above each. */
const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ({ 1: kind, 2: code, index }) => ({
    kind,
    code: String(code),
    heading:
      page
        .slice(0, index)
        .match(/^#+ .*$/gm)
        ?.at(-1) ?? '',
  }),
);
const app = blocks.find(({ code }) => code.includes('defineApp'));
const examples = blocks.filter(({ code }) => code.includes("from 'holdfast/client'"));
const typed = examples.filter(({ kind }) => kind === 'ts');
const plain = examples.filter(({ kind }) => kind === 'js');

const browserProgram = requirement('chromium');
const installed = new InstalledClient();
let node: HoldfastProcess;

setDefaultTimeout(60_000);

beforeAll(async () => {
  const path = join(installed.folder, 'app.ts');
  await Bun.write(path, app?.code ?? '');
  node = await HoldfastProcess.start({ app: path, workers: 2 });
}, 60_000);

afterAll(async () => {
  installed[Symbol.dispose]();
  await node.stop();
}, 60_000);

/** What an example says that it prints. */
function promised(code: string): readonly string[] {
  return [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => String(line));
}

async function run(runtime: 'node' | 'bun', name: string, code: string): Promise<void> {
  const ended = await installed.run(runtime, name, code.replaceAll(ADDRESS, node.url), RUN_MS);
  expect([ended.err, ended.code]).toEqual(['', 0]);
  expect(ended.out.trim().split(/ *\n/)).toEqual([...promised(code)]);
}

test('there is an example for each verb', () => {
  const all = plain.map(({ code }) => code).join('');
  for (const verb of ['on', 'once', 'off', 'emit', 'emitWithAck', 'timeout', 'join', 'leave']) {
    expect(all).toContain(`.${verb}(`);
  }
  for (const option of ['auth', 'rooms', 'onState', 'transports', 'WebSocket']) {
    expect(all).toMatch(new RegExp(`\\b${option}\\b`));
  }
  expect(plain.length).toBeGreaterThanOrEqual(9);
  expect(plain.filter(({ code }) => promised(code).length === 0)).toEqual([]);
});

describe.each(RUNTIMES)('in %s', (runtime) => {
  test.each(plain.map(({ heading, code }) => [heading, code] as const))(
    '%s',
    async (heading, code) => {
      await run(runtime, `${heading.replaceAll(/\W+/g, '-')}.mjs`, code);
    },
  );
});

test.each(typed.map(({ heading, code }) => [heading, code] as const))('%s', async (_, code) => {
  await run('bun', 'typed.ts', code);
});

test.skipIf(!browserProgram.available)(
  browserProgram.title('the page loads the client from the node'),
  async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--no-first-run'];
    const browser = await chromium.launch({ executablePath: browserProgram.path, args });
    try {
      const page = await browser.newPage();
      await page.goto(`${node.url}/health`);
      const heard = page.waitForEvent('console', (message) => message.text() === 'home 42');
      const html = blocks.find(({ kind }) => kind === 'html')?.code ?? '';
      await page.setContent(html.replaceAll('https://live.example.com', node.url));
      const isIn = async (): Promise<boolean> => (await node.load()).connections > 0;
      await eventually('the page is connected', isIn, (connected) => connected);
      await node.publish({ event: 'goal', args: ['home', 42], room: 'match:42' });
      await heard;
    } finally {
      await browser.close();
    }
  },
);
