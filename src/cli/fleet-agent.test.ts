/** `holdfast fleet agent` as users run it: who may give it orders. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';

setDefaultTimeout(30_000);

const MAIN = new URL('./main.ts', import.meta.url).pathname;

interface Announced {
  readonly port: number;
  readonly pid: number;
  readonly token?: string;
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
  test('one is made up, told, and wanted', async () => {
    await using command = new Command([...here, '--json']);
    const { port, token = '' } = await command.announced();
    expect(token).toMatch(/^[0-9a-f-]{36}$/);
    expect(await statusFor(port, token)).toBe(200);
    expect(await statusFor(port, 'loopback')).toBe(401);
    expect(await statusFor(port, '')).toBe(401);
  });

  test('the sentence names it as the flag to give', async () => {
    await using command = new Command(here, '');
    const line = await command.line();
    const [, port = '', token = ''] =
      /at 127\.0\.0\.1:(\d+) with --token (\S+)\. Ctrl-C/.exec(line) ?? [];
    expect(await statusFor(Number(port), token)).toBe(200);
  });
});

test('a token that was given is not repeated', async () => {
  await using command = new Command([...here, '--json'], 'a-secret');
  const { port, token } = await command.announced();
  expect(token).toBeUndefined();
  expect(await statusFor(port, 'a-secret')).toBe(200);
});

test('an empty token is none: others could give orders', async () => {
  await using command = new Command(['--listen', '0.0.0.0:0'], '');
  expect(await command.child.exited).toBe(1);
  expect(await command.child.stderr.text()).toStartWith(
    'holdfast: Everyone who reaches this port could give orders',
  );
});

test('an agent that ends by itself is an error that says how', async () => {
  await using command = new Command([...here, '--json']);
  const { pid } = await command.announced();
  process.kill(pid, 'SIGKILL');
  expect(await command.child.exited).toBe(1);
  expect(await command.child.stderr.text()).toContain('The agent ended by itself (SIGKILL).');
});
