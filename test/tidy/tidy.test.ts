/** Holds the whole repository to the rules of `rules.ts` and the table of `layers.ts`. */

import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { findLayerProblems, LAYERS } from './layers.ts';
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

describe('layers', () => {
  test('each part of src imports only what the table allows', () => {
    expectNone(files.flatMap(findLayerProblems));
  });

  test('docs/ARCHITECTURE.md describes each layer', () => {
    const page = readFileSync('docs/ARCHITECTURE.md', 'utf8');
    const folders = Object.keys(LAYERS).filter((name) => !name.includes('.'));
    expectNone(
      folders
        .filter((name) => !page.includes(`\`src/${name}/\``))
        .map((name) => `docs/ARCHITECTURE.md:1: describe src/${name}/ in the table`),
    );
  });

  test.each([
    ['src/protocol/frame.ts', "import { a } from '../core/a.ts';"],
    ['src/protocol/frame.ts', "import { readFileSync } from 'node:fs';"],
    ['src/protocol/frame.ts', "import { serve } from 'bun';"],
    ['src/core/room.ts', "import type {\n  Config,\n} from '../config/schema.ts';"],
    ['src/core/room.ts', "export { a } from '../worker/a.ts';"],
    ['src/core/room.ts', "import '../../test/support/a.ts';"],
    ['src/worker/main.ts', "import { schema } from '../config/schema.ts';"],
    ['src/controller/hub.ts', "import { Peers } from '../peer/peers.ts';"],
    ['src/cli/start.ts', "import { main } from '../worker/main.ts';"],
    ['src/demo/app.ts', "import { defineApp } from '../index.ts';"],
    ['src/elsewhere/a.ts', ''],
  ])('%s must not contain %j', (path, text) => {
    expect(findLayerProblems(sourceFile(path, text))).toHaveLength(1);
  });

  test.each([
    ['src/protocol/frame.ts', "import { a } from './a.ts';"],
    ['src/core/room.ts', "/** Taken from '../worker/a.ts'. */\nexport const a = 1;"],
    ['src/worker/main.ts', "import type { Config } from '../config/schema.ts';"],
    ['src/cli/start.ts', "const { main } = await import('../worker/main.ts');"],
    ['src/cli/version.ts', "import { version } from '../../package.json';"],
    ['src/demo/app.ts', "import { defineApp } from 'holdfast';"],
    ['src/protocol/frame.test.ts', "import { test } from 'bun:test';"],
  ])('%s may contain %j', (path, text) => {
    expectNone(findLayerProblems(sourceFile(path, text)));
  });
});

/** Fails with the problems themselves as the message, one a line. */
function expectNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`\n${problems.join('\n')}`);
}
