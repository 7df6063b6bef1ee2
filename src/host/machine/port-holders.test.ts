import { afterAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostFiles } from './host-files.ts';
import { portHolder } from './port-holders.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-holders-'));
afterAll(() => rmSync(root, { recursive: true }));

const line = (address: string, state: string, uid: number, inode: number): string =>
  `   0: ${address} 00000000:0000 ${state} 0:0 00:0 00000000 ${uid} 0 ${inode} 1 0`;

function put(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

function addProcess(pid: number, name: string, commandLine: string, inode: number): void {
  put(`proc/${pid}/comm`, `${name}\n`);
  put(`proc/${pid}/cmdline`, commandLine);
  mkdirSync(join(root, `proc/${pid}/fd`));
  symlinkSync(`socket:[${inode}]`, join(root, `proc/${pid}/fd/7`));
}

put(
  'proc/net/tcp',
  [
    '  sl  local_address',
    line('0100007F:2134', '0A', 33, 11),
    line('0100007F:2135', '01', 0, 12),
  ].join('\n'),
);
put(
  'proc/net/tcp6',
  [21, 22, 23, 24].map((inode) => line(`${'0'.repeat(32)}:2136`, '0A', 0, inode)).join('\n'),
);

test('a process that can be looked into is named', () => {
  addProcess(812, 'nginx', 'nginx: master', 11);
  expect(portHolder(new HostFiles(root), 8500)).toBe('nginx listens there (process 812)');
});

test('workers are told as what they are, and are not all listed', () => {
  for (const [at, inode] of [21, 22, 23, 24].entries()) {
    addProcess(100 + at, 'bun', 'bun\0/srv/src/cli/main.ts\0worker\0', inode);
  }
  expect(portHolder(new HostFiles(root), 8502)).toBe(
    'another Holdfast listens there (processes 100, 101, 102 and 1 more)',
  );
});

test('of the process of another user only the user is known, at times nothing', () => {
  rmSync(join(root, 'proc/812'), { recursive: true, force: true });
  expect(portHolder(new HostFiles(root), 8500)).toBe('a process of user 33 listens there');
  // A connection on the port is nobody who listens.
  expect(portHolder(new HostFiles(root), 8501)).toBe('something else listens there');
  expect(portHolder(new HostFiles(join(root, 'none')), 8500)).toBe('something else listens there');
});
