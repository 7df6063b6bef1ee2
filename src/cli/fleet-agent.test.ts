/** `holdfast fleet agent` as users run it: who may give it orders. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readFileSync, statSync } from 'node:fs';

setDefaultTimeout(60_000);

const MAIN = new URL('./main.ts', import.meta.url).pathname;

interface Announced {
  readonly port: number;
  readonly pid: number;
  readonly tokenFile?: string;
}

class Command implements AsyncDisposable {
  readonly child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;

  constructor(args: readonly string[], token?: string) {
    const { HOLDFAST_FLEET_TOKEN: _own, ...env } = process.env;
    this.child = Bun.spawn([process.execPath, MAIN, 'fleet', 'agent', ...args], {
      env: token === undefined ? env : { ...env, HOLDFAST_FLEET_TOKEN: token },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async line(): Promise<string> {
    const reader = this.child.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    return new TextDecoder().decode(value);
  }

  async announced(): Promise<Announced> {
    return JSON.parse(await this.line()) as Announced;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGTERM');
    await this.child.exited;
  }
}

const here = ['--listen', '127.0.0.1:0'];

function statusFor(port: number, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return fetch(`http://127.0.0.1:${port}/sample`, { headers }).then(({ status }) => status);
}

describe('without a token, on loopback', () => {
  test('one is made, left where only this user reads it, and wanted', async () => {
    let left = '';
    {
      await using command = new Command([...here, '--json']);
      const { port, tokenFile = '' } = await command.announced();
      left = tokenFile;
      expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
      const token = readFileSync(tokenFile, 'utf8').trim();
      expect(token).toMatch(/^[0-9a-f]{48}$/);
      expect(await statusFor(port, token)).toBe(200);
      expect(await statusFor(port, 'loopback')).toBe(401);
      expect(await statusFor(port, '')).toBe(401);
    }
    expect(existsSync(left)).toBe(false);
  });

  test('the sentence names the file, and not the token', async () => {
    await using command = new Command(here, '');
    const line = await command.line();
    const [, port = '', tokenFile = ''] =
      /at 127\.0\.0\.1:(\d+)\. Its token is in (\S+)\. Ctrl-C/.exec(line) ?? [];
    const token = readFileSync(tokenFile, 'utf8').trim();
    expect(line).not.toContain(token);
    expect(await statusFor(Number(port), token)).toBe(200);
  });
});

test('a token that was given is not repeated, nor left in a file', async () => {
  await using command = new Command([...here, '--json'], 'a-secret-of-a-test');
  const { port, tokenFile } = await command.announced();
  expect(tokenFile).toBeUndefined();
  expect(await statusFor(port, 'a-secret-of-a-test')).toBe(200);
});

test.each([
  ['', 'Everyone who reaches this port could give orders'],
  ['x', 'HOLDFAST_FLEET_TOKEN holds no token (what it holds is not shown): it must be 16 or more'],
  ['fifteen letters', 'HOLDFAST_FLEET_TOKEN holds no token'],
  ['sixteen letters, and a space', 'HOLDFAST_FLEET_TOKEN holds no token'],
])('%p is no token: others could give orders', async (token, sentence) => {
  await using command = new Command(['--listen', '0.0.0.0:0'], token);
  expect(await command.child.exited).toBe(1);
  const err = await command.child.stderr.text();
  expect(err).toStartWith(`holdfast: ${sentence}`);
  if (token.length > 1) expect(err).not.toContain(token);
});

test('an agent that ends by itself is an error that says how', async () => {
  await using command = new Command([...here, '--json']);
  const { pid } = await command.announced();
  process.kill(pid, 'SIGKILL');
  expect(await command.child.exited).toBe(1);
  expect(await command.child.stderr.text()).toContain('The agent ended by itself (SIGKILL).');
});
