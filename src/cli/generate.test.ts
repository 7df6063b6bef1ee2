/** The command `generate`, as users run it. */
import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runHere } from '../../test/support/command-here.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-generate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const generate = (...args: readonly string[]) => runHere(['generate', ...args]);

describe('a file', () => {
  test('is printed, from file and flags', async () => {
    const config = join(folder, 'holdfast.yaml');
    writeFileSync(config, 'workerPorts: true\nworkers: 2\n');
    const { code, out, err } = await generate(
      ...['haproxy', '--config', config, '--worker-port-base', '9001', '--listen', '8080'],
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('    server n0w1 127.0.0.1:9002\n');
    expect(out).not.toContain('n0w2');
    expect(out).toContain('    bind :::8080 v4v6\n');
  });

  test('is written', async () => {
    const file = join(folder, 'haproxy.cfg');
    const { code, out } = await generate('haproxy', '--out', file);
    expect({ code, out }).toEqual({ code: 0, out: `${file} is written.\n` });
    expect(readFileSync(file, 'utf8')).toContain('\nfrontend clients\n');
  });

  test('is JSON', async () => {
    const { out } = await generate('haproxy', '--json');
    expect(JSON.parse(out)).toEqual({ kind: 'haproxy', text: expect.stringContaining('backend') });
    const file = join(folder, 'haproxy.cfg');
    const written = await generate('haproxy', '--json', '--out', file);
    expect(JSON.parse(written.out)).toEqual({ kind: 'haproxy', file });
  });
});

describe('it is refused in one sentence', () => {
  test.each([
    ['with a config that is none', ['haproxy', '--port', 'x'], '--port is "x"; it must be'],
    ['with any port', ['haproxy', '--port', '0'], '`port` is 0, which is another port at each'],
    ['with an unknown choice', ['haproxy', '--sticky', 'glue'], "'glue' is invalid"],
    ['where nothing can be written', ['haproxy', '--out', '/'], '/ cannot be written (EISDIR).'],
    ['for no kind', ['apache'], "unknown command 'apache'"],
  ])('%s', async (_how, args, sentence) => {
    const { code, out, err } = await generate(...args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(sentence);
    expect(err.trim()).not.toContain('\n');
  });
});

// A service does not see a program among temporary files, and is refused there.
const isSeen = !/^\/(var\/)?tmp\//.test(import.meta.dir);
const KINDS = [
  ...['haproxy', 'nginx', 'sysctl', 'kubernetes', 'dockerfile', 'compose', 'prometheus', 'grafana'],
  ...(isSeen ? ['systemd'] : []),
];

describe.each(KINDS)('%s', (kind) => {
  test('is written of a usual config', async () => {
    const { code, out, err } = await generate(kind, '--connections', '1000', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toEqual({ kind, text: expect.stringMatching(/holdfast/i) });
  });

  test('has a help with an example', async () => {
    const { code, out } = await generate(kind, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Examples:\n  holdfast generate ${kind} `);
  });
});
