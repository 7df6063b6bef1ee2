/** The clients that docs/PROTOCOL.md shows, taken from the page and run as they stand there. */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { HoldfastProcess, ROOT } from '../support/holdfast-process.ts';
import { within } from '../support/raw-deadline.ts';
import { requirement } from '../support/requires.ts';
import { eventually } from './eventually.ts';

const program = requirement('chromium');
const curl = Bun.which('curl');
const ROOM = 'match:42';
const PORT_ON_PAGE = '8500';
const WAIT_MS = 60_000;

let node: HoldfastProcess;

beforeAll(async () => {
  // The page of the demo allows no scripts but its own.
  const app = join(import.meta.dir, 'one-room-app.ts');
  node = await HoldfastProcess.start({ app, workers: 2 });
}, WAIT_MS);
afterAll(() => node.stop());

/** The first block of a language on the page. */
async function blockOf(language: string): Promise<string> {
  const page = await Bun.file(join(ROOT, 'docs', 'PROTOCOL.md')).text();
  const [, block] = page.split(`\n\`\`\`${language}\n`);
  if (block === undefined) throw new Error(`the page shows nothing in ${language}`);
  return block.slice(0, block.indexOf('\n```'));
}

/** Until a client has been told; it joins when it likes, so it is told again and again. */
async function tellUntil(told: () => boolean): Promise<void> {
  const message = { event: 'goal', args: [2, 'ü'], room: [ROOM] };
  await eventually(
    'the client has the message',
    () => node.publish(message),
    () => told(),
    WAIT_MS / 2,
  );
}

test.skipIf(!program.available)(
  program.title('the client in a browser hears its room'),
  async () => {
    const browser = await chromium.launch({
      executablePath: program.path,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
    });
    try {
      const page = await browser.newPage();
      const printed: string[] = [];
      page.on('console', (message) => printed.push(message.text()));
      await page.goto(`${node.url}/page`);
      await page.addScriptTag({ content: await blockOf('js') });
      await tellUntil(() => printed.includes('goal 2 ü'));
    } finally {
      await browser.close();
    }
  },
  WAIT_MS,
);

test.skipIf(curl === null)(
  curl === null ? 'the client in a terminal (curl is not installed)' : 'the client in a terminal',
  async () => {
    const command = await blockOf('sh');
    expect(command).toContain(`:${PORT_ON_PAGE}/`);
    const child = Bun.spawn(
      ['bash', '-c', `exec ${command.replace(PORT_ON_PAGE, String(node.publicPort))}`],
      { stdout: 'pipe', stderr: 'ignore', stdin: 'ignore' },
    );
    try {
      let text = '';
      const reading = (async () => {
        const decoder = new TextDecoder();
        for await (const bytes of child.stdout) text += decoder.decode(bytes, { stream: true });
      })();
      await tellUntil(() => text.includes('{"type":"event","event":"goal","args":[2,"ü"]}\n'));
      const [first = ''] = text.split('\n');
      expect(JSON.parse(first)).toMatchObject({ type: 'connect', rooms: [ROOM] });
      child.kill();
      await within('curl ends', reading);
    } finally {
      child.kill('SIGKILL');
    }
  },
  WAIT_MS,
);
