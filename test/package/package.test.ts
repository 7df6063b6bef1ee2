import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { io } from 'socket.io-client';
import { ROOT, ServerProcess } from '../support/holdfast-process.ts';
import { writeMadeRun } from '../support/made-run.ts';
import { within } from '../support/raw-deadline.ts';
import { findImports } from '../tidy/imports.ts';
import { CloneRegistry } from './clone-registry.ts';
import { install, type Packed, pack, run, succeed } from './packed.ts';

/** Every path that the package may have. */
const KINDS = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^bin\/holdfast\.js$/,
  /^examples\/hooks\/(node\/backend\.mjs|python\/backend\.py)$/,
  /^docs\/(CLIENT|CONFIG|DEPLOYMENT|FAILURES|FLEET|HOOKS|IDENTITY|LIMITS|METRICS)\.md$/,
  /^docs\/(CLUSTER|PRESENCE|PROTOCOL|RECOVERY)\.md$/,
  /^src\/server\/(state|links)\/[\w/-]+\.(lua|d\.ts)$/,
  /^dist\/[\w/-]+(\.js|\.d\.ts)$/,
  /^src\/[\w/-]+\.ts$/,
  /^src\/pages\/[\w/-]+\.(css|html|js|svg)$/,
  /^src\/report\/page\/[\w-]+\.(css|js)$/,
];
const FILE_BYTES_MAX = 64 * 1024;
const PACKAGE_BYTES_MAX = 4 * 1024 * 1024;
const TARBALL_BYTES_MAX = 1024 * 1024;

/** Beyond Bun itself, whose binary has a hundred megabytes; 12 are the types of node-redis. */
const INSTALLED_KIB_MAX = 50 * 1024;

const APP = `import { ack, defineApp, type Session } from 'holdfast';

function cheer(session: Session, team: string): string {
  session.to('match').emit('cheer', session.user, team);
  return \`\${session.user} cheers \${team}\`;
}

export default defineApp({
  authenticate(handshake) {
    return { user: String(handshake.auth['name']), rooms: ['match'] };
  },
  on: {
    cheer,
    async watching(session) {
      return ack(await session.server.in('match').count(), 'in the match');
    },
  },
  request: (request) => new Response(request.url),
});
`;

/** A client for whom nothing of a browser, of Node.js or of Bun is known. */
const CLIENT = `import { connect, HoldfastError, type StateChange } from 'holdfast/client';

interface Listen {
  goal(team: string): void;
}

interface Emit {
  cheer(team: string): Promise<number>;
}

const states: StateChange[] = [];
const client = connect<Listen, Emit>('http://localhost:8500', {
  onState: (change) => states.push(change),
});
client.on('goal', (team) => team.toUpperCase());
client.emitWithAck('cheer', 'home').then(
  (count) => count.toFixed(),
  (error: unknown) => error instanceof HoldfastError && error.code === 'timeout',
);
client.on('foul', () => {});
`;

const WRONG_APP = `import { defineApp } from 'holdfast';

export default defineApp({
  connected(session) {
    session.shout('hello');
  },
});
`;

const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext', skipLibCheck: false },
  { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: false },
  { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: true },
];

const folder = mkdtempSync(join(tmpdir(), 'holdfast-package-'));
const project = join(folder, 'project');
const registry = new CloneRegistry();
let packed: Packed;

beforeAll(async () => {
  packed = await pack(folder);
  await install(project, packed.tarball, registry);
  writeFileSync(join(project, 'app.ts'), APP);
  writeFileSync(join(project, 'wrong.ts'), WRONG_APP);
  writeFileSync(join(project, 'client.ts'), CLIENT);
}, 120_000);

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** The project once more, to take something out of it. */
function anotherProject(name: string): string {
  const other = join(folder, name);
  const { success } = Bun.spawnSync(['cp', '--archive', '--link', project, other]);
  if (!success) throw new Error('the project could not be copied');
  return other;
}

const commandOf = (home: string): string => join(home, 'node_modules', '.bin', 'holdfast');

describe('the package', () => {
  test('has what running needs, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    const strange = paths.filter(
      (path) => path.endsWith('.test.ts') || !KINDS.some((kind) => kind.test(path)),
    );
    expect(strange).toEqual([]);
    expect(paths).toContain('CHANGELOG.md');
    expect(paths).toContain('dist/index.d.ts');
  });

  test('is small', () => {
    expect(packed.files.filter(({ size }) => size > FILE_BYTES_MAX)).toEqual([]);
    const bytes = packed.files.reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(PACKAGE_BYTES_MAX);
    expect(packed.tarballBytes).toBeLessThan(TARBALL_BYTES_MAX);
  });

  test('names its dependencies: those that it imports, no fewer and no more', () => {
    const paths = packed.files.map(({ path }) => path);
    const named = new Set<string>();
    const lost: string[] = [];
    for (const path of paths.filter((one) => /(?<!\.d)\.(ts|js)$/.test(one))) {
      const text = readFileSync(join(project, 'node_modules', 'holdfast', path), 'utf8');
      for (const specifier of specifiersOf(text)) {
        if (!specifier.startsWith('.')) named.add(packageOf(specifier));
        else if (!resolvesIn(paths, path, specifier)) lost.push(`${path}: ${specifier}`);
      }
    }
    expect(lost).toEqual([]);
    const own = [...named].filter((name) => !/^(node:|bun:)|^holdfast$/.test(name));
    const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
      readFileSync(join(ROOT, 'package.json'), 'utf8'),
    );
    const told = { ...dependencies, ...optionalDependencies, ...peerDependencies };
    expect(own.sort()).toEqual(Object.keys(told).sort());
  });
});

describe('an installed package', () => {
  test('takes little beside Bun', async () => {
    const modules = join(project, 'node_modules');
    const du = ['du', '-sk', '--exclude=./bun', '--exclude=./@oven', '.'];
    const { out } = await succeed(modules, du);
    expect(Number.parseInt(out, 10)).toBeLessThan(INSTALLED_KIB_MAX);
  });

  test('runs, also once the install script of Bun has run', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect((await succeed(project, ['npx', 'holdfast', '--version'])).out).toBe(`${version}\n`);
    const other = anotherProject('with-scripts');
    await succeed(join(other, 'node_modules', 'bun'), ['node', 'install.js']);
    expect((await succeed(other, [commandOf(other), '--version'])).out).toBe(`${version}\n`);
  });

  test('without Bun it says what to do', async () => {
    const other = anotherProject('without-bun');
    rmSync(join(other, 'node_modules', '@oven'), { recursive: true });
    const { code, err } = await run(other, [commandOf(other), '--version']);
    expect([code, err]).toEqual([1, expect.stringMatching(/run `npm install` again/)]);
  });

  test.each(RESOLUTIONS)('types an app file and a client: %p', async (options) => {
    const name = `tsconfig.${Object.values(options).join('-')}.json`;
    const compilerOptions = { strict: true, noEmit: true, target: 'esnext', types: [], ...options };
    const config = { compilerOptions, files: ['app.ts', 'wrong.ts', 'client.ts'] };
    writeFileSync(join(project, name), JSON.stringify(config));
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    const { out } = await run(project, [tsc, '--pretty', 'false', '--project', name]);
    expect(out.trim().split('\n')).toEqual([
      expect.stringMatching(/^client.ts\(20,11\): error TS2345: Argument of type '"foul"' is not /),
      "wrong.ts(5,13): error TS2339: Property 'shout' does not exist on type 'Session'.",
    ]);
  });

  test.each([
    ['in the project', project],
    ['elsewhere', join(folder, 'elsewhere')],
  ])('starts an app file that lies %s', async (_where, home) => {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'app.ts'), APP);
    const flags = ['--json', '--port', '0', '--admin-port', '0', '--workers', '2'];
    await using node = await ServerProcess.launch(
      [commandOf(project), 'start', ...flags, '--app', join(home, 'app.ts')],
      { cwd: project },
    );
    const socket = io(node.url, { auth: { name: 'ada' }, forceNew: true });
    try {
      const cheered = await within('an ack', socket.emitWithAck('cheer', 'home'), 15_000);
      expect(cheered).toBe('ada cheers home');
      const { promise, resolve } = Promise.withResolvers<readonly unknown[]>();
      socket.emit('watching', (...values: unknown[]) => resolve(values));
      expect(await within('an ack of two values', promise)).toEqual([1, 'in the match']);
    } finally {
      socket.disconnect();
    }
    const page = await (await fetch(`${node.url}/holdfast.js`)).text();
    expect(page).toMatch(/export\{.*\bconnect\b/);
    await node.stop();
  });

  test('gives apps and clients what they import under Node.js too, and keeps a place', async () => {
    const script = `
      const { ack, defineApp } = await import('holdfast');
      const refused = (name) => import(name).then(() => 'there', ({ code }) => code);
      const { connect, HoldfastError } = await import('holdfast/client');
      const client = connect('http://127.0.0.1:1');
      client.close();
      const here = [client.state, new HoldfastError('closed', '').code];
      const place = await refused('holdfast/socket.io');
      console.log(JSON.stringify([defineApp({ on: {} }), ack(1, 2).values, here, place]));`;
    const { out } = await succeed(project, ['node', '--input-type=module', '--eval', script]);
    const isReserved = 'ERR_PACKAGE_PATH_NOT_EXPORTED';
    expect(JSON.parse(out)).toEqual([{ on: {} }, [1, 2], ['closed', 'closed'], isReserved]);
  });

  test('reports on a run, without PNG where the packages for it are left out', async () => {
    const other = anotherProject('without-pictures');
    writeMadeRun(join(folder, 'run'), { workers: 2, climbSeconds: 30, holdSeconds: 20 });
    cpSync(join(folder, 'run'), join(folder, 'run-2'), { recursive: true });
    const whole = await succeed(project, [commandOf(project), 'report', join(folder, 'run')]);
    expect(whole.out).toContain('and 24 pictures beside it.\n');
    rmSync(join(other, 'node_modules', '@resvg'), { recursive: true });
    const { out } = await succeed(other, [commandOf(other), 'report', join(folder, 'run-2')]);
    expect(out).toContain('and 12 pictures beside it.\nPNG is left out: @resvg/resvg-js');
  });
});

/** Modules named as text anywhere, since some are looked up without being imported. */
function specifiersOf(text: string): readonly string[] {
  const imported = findImports(text)
    .filter(({ manner }) => manner !== 'type')
    .map(({ specifier }) => specifier);
  const lookedUp = /\bresolve\(\s*'([^']+)'|\bresolveFrom\([^,]+, '([^']+)'|'(@[^'\s]+\.ttf)'/g;
  const others = [...text.matchAll(lookedUp)].map(([, a, b, c]) => a ?? b ?? c ?? '');
  return [...imported, ...others];
}

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

function resolvesIn(paths: readonly string[], from: string, specifier: string): boolean {
  return paths.includes(posix.join(posix.dirname(from), specifier));
}
