/** Holds the whole repository to the rules of `rules.ts` and the plan of `rooms.ts`. */

import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { findCircles } from './imports.ts';
import { findLayerProblems, importsOf, roomOf } from './layers.ts';
import { ROOMS, ROOMS_PER_LEVEL_MAX } from './rooms.ts';
import { EXEMPT, RULES } from './rules.ts';
import { listSourceFiles, sourceFile } from './source-files.ts';

const files = listSourceFiles();

describe('rules', () => {
  for (const rule of RULES) {
    test(rule.name, () => {
      const problems = files
        .filter((file) => file.path !== EXEMPT && rule.appliesTo(file.path))
        .flatMap((file) => rule.find(file).map((line) => `${file.path}:${line}: ${rule.advice}`));
      expectNone(problems);
    });

    test(`${rule.name}: rejects its sample`, () => {
      expect(rule.appliesTo(rule.rejects.path)).toBe(true);
      expect(rule.find(rule.rejects)).not.toBeEmpty();
    });
  }
});

describe('rooms', () => {
  const page = readFileSync('docs/ARCHITECTURE.md', 'utf8');
  const folders = foldersOf(files.map(({ path }) => path));

  test('each folder of code is a room, and each room is there', () => {
    const unplanned = folders
      .filter((folder) => /^(src|bench|test)\//.test(folder) && roomOf(folder) === undefined)
      .map((folder) => `${folder}: add it to test/tidy/rooms.ts with the sentence it is for`);
    const missing = Object.keys(ROOMS)
      .filter((room) => !folders.includes(room) && !files.some(({ path }) => path === room))
      .map((room) => `${room}: it is not there, remove it from test/tidy/rooms.ts`);
    expectNone([...unplanned, ...missing]);
  });

  test('docs/ARCHITECTURE.md says of each room what it is for', () => {
    const words = page.replaceAll(/\s+/g, ' ');
    expectNone(
      Object.entries(ROOMS)
        .filter(([room, { purpose }]) => !words.includes(`\`${shownAs(room)}\` | ${purpose} |`))
        .map(
          ([room, { purpose }]) => `docs/ARCHITECTURE.md:1: \`${shownAs(room)}\` | ${purpose} |`,
        ),
    );
  });

  test(`there are at most ${ROOMS_PER_LEVEL_MAX} rooms at a level`, () => {
    const levels = Map.groupBy(Object.keys(ROOMS).filter(isFolder), (room) => dirname(room));
    const crowded = [...levels].filter(([, rooms]) => rooms.length > ROOMS_PER_LEVEL_MAX);
    expectNone(crowded.map(([level, rooms]) => `${level} has ${rooms.length}: group them`));
  });

  test('arrows between rooms lead down', () => {
    const order = Object.keys(ROOMS);
    expectNone(
      Object.entries(ROOMS).flatMap(([room, plan]) =>
        importsOf(plan)
          .filter((other) => order.indexOf(other) > order.indexOf(room) || !order.includes(other))
          .map((other) => `${room} imports ${other}, which stands below it in test/tidy/rooms.ts`),
      ),
    );
  });
});

describe('imports', () => {
  test('each room of src imports only what the plan allows', () => {
    expectNone(files.flatMap(findLayerProblems));
  });

  test('no modules import each other in a circle, types counted too', () => {
    const modules = files.filter(
      ({ path }) => /^(src|bench|scripts)\/.*\.ts$/.test(path) && !path.endsWith('.test.ts'),
    );
    expectNone(findCircles(modules).map((circle) => `${circle.join(' ⇄ ')}: cut it by a contract`));
  });

  test('a circle of types is found', () => {
    const circle = [
      sourceFile('src/a/one.ts', "import type { Two } from './two.ts';"),
      sourceFile('src/a/two.ts', "import type { Three } from '../b/three.ts';"),
      sourceFile('src/b/three.ts', "import { one } from '../a/one.ts';"),
      sourceFile('src/b/four.ts', "import { one } from '../a/one.ts';"),
    ];
    expect(findCircles(circle)).toEqual([['src/a/one.ts', 'src/a/two.ts', 'src/b/three.ts']]);
  });

  test.each([
    ['src/server/protocol/frame.ts', "import { a } from '../core/heartbeat.ts';"],
    ['src/server/protocol/frame.ts', "import { readFileSync } from 'node:fs';"],
    ['src/server/protocol/frame.ts', "import { serve } from 'bun';"],
    ['src/server/protocol/websocket/opcode.ts', "import { connect } from 'node:net';"],
    ['src/server/protocol/websocket/opcode.ts', "import { serve } from 'bun';"],
    [
      'src/server/core/delivery/handout.ts',
      "import type {\n  Config,\n} from '../../../host/config/schema.ts';",
    ],
    ['src/server/core/rooms/room.ts', "export { a } from '../../worker/main.ts';"],
    ['src/server/core/rooms/room.ts', "import type { A } from '../sessions/namespace.ts';"],
    ['src/server/core/rooms/room.ts', "import '../../../../test/support/a.ts';"],
    ['src/server/worker/main.ts', "import { schema } from '../../host/config/schema.ts';"],
    ['src/server/worker/main.ts', "import { a } from '../clients/socketio/cors.ts';"],
    ['src/server/controller/node.ts', "import { Peers } from '../links/peer/peers.ts';"],
    ['src/cli/start.ts', "import { main } from '../server/worker/main.ts';"],
    ['src/pages/demo/app.ts', "import { defineApp } from '../../index.ts';"],
    ['src/elsewhere/a.ts', ''],
  ])('%s must not contain %j', (path, text) => {
    expect(findLayerProblems(sourceFile(path, text))).toHaveLength(1);
  });

  test.each([
    ['src/server/protocol/frame.ts', "import { a } from './a.ts';"],
    ['src/server/protocol/websocket/opcode.ts', "import { isUtf8 } from 'node:buffer';"],
    ['src/server/core/rooms/room.ts', "/** From '../../worker/main.ts'. */\nexport const a = 1;"],
    ['src/server/worker/main.ts', "import type { Config } from '../../host/config/schema.ts';"],
    ['src/cli/start.ts', "const { main } = await import('../server/worker/main.ts');"],
    ['src/cli/version.ts', "import { version } from '../../package.json';"],
    ['src/pages/demo/app.ts', "import { defineApp } from 'holdfast';"],
    ['src/server/protocol/frame.test.ts', "import { test } from 'bun:test';"],
  ])('%s may contain %j', (path, text) => {
    expectNone(findLayerProblems(sourceFile(path, text)));
  });
});

/** All folders around files, without `src`, `bench` and `test` themselves. */
function foldersOf(paths: readonly string[]): readonly string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let folder = dirname(path); folder.includes('/'); folder = dirname(folder)) {
      folders.add(folder);
    }
  }
  return [...folders];
}

function isFolder(room: string): boolean {
  return !room.endsWith('.ts');
}

function shownAs(room: string): string {
  return isFolder(room) ? `${room}/` : room;
}

/** Fails with the problems themselves as the message, one a line. */
function expectNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`\n${problems.join('\n')}`);
}
