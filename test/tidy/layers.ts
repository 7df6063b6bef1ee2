/**
 * Which part of `src` may import which: the table of docs/ARCHITECTURE.md, and the check of it.
 *
 * Packages are free, save for a layer that is pure. The demo may import no other part at all: like
 * any app, it gets Holdfast as the package `holdfast`. Unit tests may import what they need.
 */

import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import type { SourceFile } from './source-files.ts';

/** How an import is written: `import type`, `import()`, or any other way. */
type Manner = 'type' | 'dynamic' | 'value';

interface Layer {
  /** The other layers it may import, and in which manners; `any` is all of them. */
  readonly imports: Readonly<Record<string, Manner | 'any'>>;
  /** Bytes in, values out: it imports nothing of Bun or Node either. */
  readonly pure?: true;
}

interface Import {
  readonly specifier: string;
  readonly manner: Manner;
  readonly line: number;
}

/** By folder of `src`, or by file name for what lies in `src` itself. Lowest first. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  protocol: { imports: {}, pure: true },
  config: { imports: {} },
  recording: { imports: {} },
  machine: { imports: { recording: 'type' } },
  figures: { imports: {} },
  agent: { imports: { protocol: 'any', machine: 'any' } },
  fleet: { imports: { agent: 'any', recording: 'any', machine: 'any' } },
  doctor: { imports: { machine: 'any', figures: 'any' } },
  report: { imports: { recording: 'any' } },
  core: { imports: { protocol: 'any' } },
  ipc: { imports: { protocol: 'any' } },
  bus: { imports: { ipc: 'any', core: 'any', protocol: 'any', config: 'type' } },
  peer: { imports: { ipc: 'any', core: 'any', protocol: 'any' } },
  socketio: { imports: { core: 'any', protocol: 'any' } },
  worker: {
    imports: {
      socketio: 'any',
      peer: 'any',
      bus: 'any',
      core: 'any',
      protocol: 'any',
      config: 'type',
      'index.ts': 'any',
    },
  },
  controller: {
    imports: {
      bus: 'any',
      config: 'any',
      core: 'any',
      protocol: 'any',
      recording: 'any',
      machine: 'any',
    },
  },
  cli: {
    imports: {
      controller: 'any',
      config: 'any',
      core: 'type',
      worker: 'dynamic',
      agent: 'any',
      fleet: 'any',
      doctor: 'any',
      report: 'any',
      figures: 'any',
      machine: 'any',
      recording: 'any',
    },
  },
  demo: { imports: {} },
  'index.ts': { imports: { core: 'any' } },
};

/** Sentences `file:line: …`, one for each import of the file that the table does not allow. */
export function findLayerProblems(file: SourceFile): readonly string[] {
  if (!/^src\/.*\.ts$/.test(file.path) || file.path.endsWith('.test.ts')) return [];
  const name = layerOf(file.path);
  const layer = LAYERS[name];
  if (layer === undefined) {
    return [`${file.path}:1: add ${name} to test/tidy/layers.ts and docs/ARCHITECTURE.md`];
  }
  return findImports(file.text)
    .filter((found) => !isAllowed(file.path, found, layer))
    .map(
      (found) =>
        `${file.path}:${found.line}: ${describeImport(found)}, but src/${name} may import ` +
        `${describeLayer(layer)} (test/tidy/layers.ts)`,
    );
}

function isAllowed(path: string, found: Import, layer: Layer): boolean {
  if (!found.specifier.startsWith('.')) return !(layer.pure && isRuntime(found.specifier));
  const target = posix.join(posix.dirname(path), found.specifier);
  if (target === 'package.json') return true;
  if (!target.startsWith('src/')) return false;
  if (layerOf(target) === layerOf(path)) return true;
  const manner = layer.imports[layerOf(target)];
  return manner === 'any' || manner === found.manner;
}

/** `core` for `src/core/room.ts`, `index.ts` for `src/index.ts`. */
function layerOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function isRuntime(name: string): boolean {
  return isBuiltin(name) || name === 'bun' || name.startsWith('bun:');
}

/** Finds imports in formatted code, where a statement starts its line and quotes are single. */
function findImports(text: string): readonly Import[] {
  const statements =
    /^(?:import|export)\s+(type\s+)?(?:[\w$*,\s]*(?:\{[^}]*\})?\s*from\s*)?'([^'\n]+)'/gm;
  const calls = /\bimport\(\s*'([^'\n]+)'/g;
  const lineAt = (index: number) => text.slice(0, index).split('\n').length;
  return [
    ...[...text.matchAll(statements)].map(
      ({ 1: type, 2: specifier = '', index }): Import => ({
        specifier,
        manner: type === undefined ? 'value' : 'type',
        line: lineAt(index),
      }),
    ),
    ...[...text.matchAll(calls)].map(
      ({ 1: specifier = '', index }): Import => ({
        specifier,
        manner: 'dynamic',
        line: lineAt(index),
      }),
    ),
  ];
}

function describeImport(found: Import): string {
  const how = { value: 'imports', type: 'imports types of', dynamic: 'loads' }[found.manner];
  return `${how} '${found.specifier}'`;
}

function describeLayer(layer: Layer): string {
  const words = {
    any: '',
    value: ' (import only)',
    type: ' (import type only)',
    dynamic: ' (import() only)',
  };
  const layers = Object.entries(layer.imports).map(([name, manner]) => name + words[manner]);
  const packages = layer.pure ? 'packages other than those of Bun and Node' : 'packages';
  return [...layers, 'itself', packages].join(', ');
}
