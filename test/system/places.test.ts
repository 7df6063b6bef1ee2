/** The folder that a command is typed in may be anybody's: nothing in it is run or believed. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLOSED_FLAGS } from '../../src/host/foreign/bun-command.ts';
import { ROOT } from '../support/holdfast-process.ts';

setDefaultTimeout(60_000);

const BIN = join(ROOT, 'bin', 'holdfast.js');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-places-'));
const trace = join(folder, 'ran');
const TOKEN = 'of-somebody-else-altogether';

beforeAll(() => {
  writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./evil.js"]\n');
  writeFileSync(
    join(folder, 'evil.js'),
    `require('node:fs').appendFileSync(${JSON.stringify(trace)}, process.argv.join(' ') + '\\n');`,
  );
  writeFileSync(
    join(folder, '.env'),
    `HOLDFAST_ADMIN_TOKEN=${TOKEN}\nHOLDFAST_WORKERS=nonsense\nHOLDFAST_PORT=1\nPLANTED=1\n`,
  );
  const paths = { commander: ['./evil.js'], '*': ['./evil.js'] };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { baseUrl: '.', paths } }),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

function spawn(...args: readonly string[]): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  return Bun.spawn(['node', BIN, ...args], {
    cwd: folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
}

const COMMANDS = [['--version'], ['start', '--help'], ['doctor', '--connections', '10']];

for (const args of COMMANDS) {
  test(`holdfast ${args.join(' ')}`, async () => {
    const child = spawn(...args);
    const [out] = await Promise.all([child.stdout.text(), child.exited]);
    expect(out).not.toBe('');
    expect(existsSync(trace)).toBeFalse();
  });
}

test('a node, its workers and its app, whose own tsconfig counts', async () => {
  const home = join(folder, 'app');
  mkdirSync(home);
  writeFileSync(
    join(home, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { paths: { '#own': ['./own.ts'] } } }),
  );
  writeFileSync(join(home, 'own.ts'), 'export const answer = "from its own folder";');
  writeFileSync(
    join(home, 'app.ts'),
    "import { defineApp } from 'holdfast';\nimport { answer } from '#own';\n" +
      'export default defineApp({\n' +
      '  request: () => Response.json([answer, process.env.PLANTED ?? null]),\n});\n',
  );
  const ports = ['--port', '0', '--admin-port', '0', '--workers', '1', '--json'];
  const node = spawn('start', ...ports, '--app', join(home, 'app.ts'));
  try {
    const reader = node.stdout.getReader();
    const { value } = await reader.read();
    const { publicPort, adminPort } = JSON.parse(new TextDecoder().decode(value)) as {
      publicPort: number;
      adminPort: number;
    };
    const answer = await fetch(`http://127.0.0.1:${publicPort}/app`);
    expect(await answer.json()).toEqual(['from its own folder', null]);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(`http://127.0.0.1:${adminPort}/load`)).status).toBe(200);
    const send = { method: 'POST', headers, body: '{"event":"e"}' };
    expect((await fetch(`http://127.0.0.1:${adminPort}/send`, send)).status).toBe(401);
  } finally {
    node.kill('SIGTERM');
    await node.exited;
  }
  expect(existsSync(trace)).toBeFalse();
});

test('the launcher and the processes that a node starts are closed in the same way', () => {
  const launcher = readFileSync(BIN, 'utf8').replaceAll(`\${devNull}`, '/dev/null');
  for (const flag of CLOSED_FLAGS) expect(launcher).toContain(flag);
});
