/**
 * The rules of style that neither the formatter, the linter nor the compiler checks, as data.
 *
 * Each rule says which files it looks at, finds the lines at fault, tells what to do about them, and
 * carries a sample that it must reject, so that a rule cannot die unnoticed. The samples are why
 * this file is exempt from the rules. The length of functions is checked by the linter, which has a
 * parser (`max-lines-per-function` in `.oxlintrc.json`); imports by `layers.ts`, rooms by `rooms.ts`.
 */

import { type SourceFile, sourceFile } from './source-files.ts';

export interface Rule {
  readonly name: string;
  /** What to do about a finding; ends the sentence `file:line: …`. */
  readonly advice: string;
  appliesTo(path: string): boolean;
  /** The numbers of the lines at fault, from 1. */
  find(file: SourceFile): readonly number[];
  readonly rejects: SourceFile;
}

export const EXEMPT = 'test/tidy/rules.ts';

const isCode = (path: string): boolean =>
  /^(src|test|bench|scripts|examples|bin)\/.*\.(ts|js|mjs|css|html|lua)$/.test(path);
const isTest = (path: string): boolean => isCode(path) && /^test\/|\.test\.ts$/.test(path);
const isScript = (path: string): boolean => isCode(path) && /\.(ts|js|mjs)$/.test(path);
const isSourceModule = (path: string): boolean => /^src\/.*\.ts$/.test(path) && !isTest(path);

const isKebabCase = (word: string): boolean => /^[a-z0-9]+(-[a-z0-9]+)*$/.test(word);

/** The app file of src; an app file is where a default export is the contract. */
const APP_FILE = 'src/pages/demo/app.ts';

/** Where commands reach a terminal, and where their ends are listened for. */
const PRINTERS: ReadonlySet<string> = new Set([
  'src/cli/output.ts',
  'src/cli/table.ts',
  'src/cli/main.ts',
]);

/** Where JSON is parsed without a look: its own text, one looked through before, or in pages. */
const JSON_PARSERS: ReadonlySet<string> = new Set([
  'src/client/wire.ts',
  'src/host/runtime/foreign-json.ts',
  'src/server/protocol/socketio-packet.ts',
  'src/server/protocol/plain/client-message.ts',
  'src/server/protocol/plain/server-message.ts',
  'src/server/core/app/handler-runner.ts',
  'src/server/links/bus/worker-settings.ts',
]);

const CODE_LINES_MAX = 400;
const TEST_LINES_MAX = 800;
const COLUMNS_MAX = 100;

export const RULES: readonly Rule[] = [
  {
    name: `code files have at most ${CODE_LINES_MAX} lines`,
    advice: 'split it by concept, one file each',
    appliesTo: (path) => isCode(path) && !isTest(path),
    find: linesBeyond(CODE_LINES_MAX),
    rejects: sourceFile('src/server/core/long.ts', '\n'.repeat(CODE_LINES_MAX + 1)),
  },
  {
    name: `test files have at most ${TEST_LINES_MAX} lines`,
    advice: 'split it by what is tested',
    appliesTo: isTest,
    find: linesBeyond(TEST_LINES_MAX),
    rejects: sourceFile('src/server/core/long.test.ts', '\n'.repeat(TEST_LINES_MAX + 1)),
  },
  {
    name: `lines have at most ${COLUMNS_MAX} columns, unless a URL needs more`,
    advice: 'break the line, or the string in it',
    appliesTo: isCode,
    find: linesWhere((line) => line.length > COLUMNS_MAX && !/https?:\/\//.test(line)),
    rejects: sourceFile('src/server/core/wide.ts', `// ${'x'.repeat(COLUMNS_MAX)}`),
  },
  {
    name: 'files and folders are named in kebab-case',
    advice: 'rename it: lower case, words joined by hyphens',
    appliesTo: isCode,
    find: pathWhere((path) => !path.split(/[./]/).every(isKebabCase)),
    rejects: sourceFile('src/server/core/roomIndex.ts', ''),
  },
  {
    name: 'names say the concept',
    advice: 'name the file or folder after what it is about',
    appliesTo: isCode,
    find: pathWhere((path) => /(^|\/)(utils?|helpers?|common|misc)(\.|\/)/.test(path)),
    rejects: sourceFile('src/utils/text.ts', ''),
  },
  {
    name: 'modules of src open with a block comment',
    advice: 'open with /** … */: what the module owns, what it does not, how data flows through',
    appliesTo: isSourceModule,
    find: (file) => (/^(#!.*\n)?\/\*\*\s/.test(file.text) ? [] : [1]),
    rejects: sourceFile('src/server/core/bare.ts', "import { a } from './a.ts';"),
  },
  {
    name: 'nothing is left for later in comments',
    advice: 'do it now, or open an issue and describe the limit in words',
    appliesTo: isCode,
    find: linesMatching(/\b(TODO|FIXME|XXX|HACK)\b/),
    rejects: sourceFile('src/server/core/later.ts', '// TODO: bound this queue'),
  },
  {
    name: 'a test that is skipped, alone or still to write says why',
    advice: 'say why in a // comment on the line above, or use skipIf with the reason in the name',
    appliesTo: isTest,
    find: (file) =>
      linesMatching(/\b(test|it|describe)(\.\w+)*\.(skip|only|todo)\b/)(file).filter(
        (line) => !/\/\/ ?\w+ \w+/.test(`${file.lines[line - 2]}\n${file.lines[line - 1]}`),
      ),
    rejects: sourceFile('test/protocol/a.test.ts', "\ntest.skip('closes', () => {});"),
  },
  {
    name: 'there are no enums',
    advice: 'use a union of literals, or `const Kind = { … } as const`',
    appliesTo: isScript,
    find: linesMatching(/^\s*(export )?(declare )?(const )?enum \w/),
    rejects: sourceFile('src/server/core/kind.ts', 'export const enum Kind {}'),
  },
  {
    name: 'there are no star exports',
    advice: 'name what is exported',
    appliesTo: isScript,
    find: linesMatching(/^export (type )?\*/),
    rejects: sourceFile('src/server/core/all.ts', "export * from './room.ts';"),
  },
  {
    name: 'commands print through one module',
    advice: 'use print, printJson, complain (src/cli/output.ts) or tableText (src/cli/table.ts)',
    appliesTo: (path) => isSourceModule(path) && path.startsWith('src/cli/') && !PRINTERS.has(path),
    find: linesMatching(/\bconsole\.\w|\bprocess\.std(out|err)\.write\(|'cli-table3'/),
    rejects: sourceFile('src/cli/talk.ts', 'console.log(name);'),
  },
  {
    name: 'JSON from elsewhere is looked through before it is parsed',
    advice: 'use parsed, foreignJson (src/host/foreign/parsed.ts) or ForeignJson.parse',
    appliesTo: (path) => isSourceModule(path) && !JSON_PARSERS.has(path),
    find: linesMatching(/\bJSON\.parse\b(?!`)|\.json\(\)|\bBun\.(JSON5|JSONL)\b/),
    rejects: sourceFile('src/cli/read.ts', 'const answer = await response.json();'),
  },
  {
    name: 'modules of src have no default export',
    advice: 'export it by name',
    appliesTo: (path) => isSourceModule(path) && path !== APP_FILE,
    find: linesMatching(/^export default\b|^export \{.*\bas default\b/),
    rejects: sourceFile('src/server/core/room.ts', 'export default class Room {}'),
  },
  {
    name: 'no file names a path of one machine',
    advice: 'make it relative, or take it from the configuration',
    appliesTo: () => true,
    find: linesMatching(/(?<![\w.~$}-])\/(root|work|(home|Users)\/\w+)(\/|\b(?![\w.-]))/),
    rejects: sourceFile('docs/OPERATIONS.md', 'cd /home/someone/holdfast'),
  },
  {
    name: 'no file names a package registry',
    advice: 'remove it: each user has their own',
    appliesTo: () => true,
    find: linesMatching(
      /https?:\/\/[\w.-]*(registry|npmjs\.org|npmmirror)|^\s*(@[\w-]+:)?registry\s*=/,
    ),
    rejects: sourceFile('.npmrc', 'registry=https://packages.example.com/'),
  },
  {
    name: 'the lockfile leaves open where packages come from',
    advice:
      'run `npm install` with the .npmrc of this project; it writes the file without addresses',
    appliesTo: (path) => path.endsWith('package-lock.json'),
    find: linesMatching(/^\s*"resolved":/),
    rejects: sourceFile('package-lock.json', '  "resolved": "https://packages.example.com/ws.tgz"'),
  },
];

function linesBeyond(max: number): Rule['find'] {
  return (file) => (file.lines.length > max ? [max + 1] : []);
}

function linesMatching(pattern: RegExp): Rule['find'] {
  return linesWhere((line) => pattern.test(line));
}

function linesWhere(isAtFault: (line: string) => boolean): Rule['find'] {
  return (file) => file.lines.flatMap((line, index) => (isAtFault(line) ? [index + 1] : []));
}

function pathWhere(isAtFault: (path: string) => boolean): Rule['find'] {
  return (file) => (isAtFault(file.path) ? [1] : []);
}
