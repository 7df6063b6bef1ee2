/** Finds what a module imports, in formatted code: statements start a line, quotes are single. */

import { posix } from 'node:path';
import type { Manner } from './rooms.ts';
import type { SourceFile } from './source-files.ts';

export interface Import {
  readonly specifier: string;
  readonly manner: Manner;
  readonly line: number;
}

export function findImports(text: string): readonly Import[] {
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

/** The path that a relative import leads to; `undefined` for a package. */
export function importedPath(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return posix.join(posix.dirname(from), specifier);
}

/**
 * Modules that import each other in a circle, types counted too: none of them can be read or
 * tested without the others.
 *
 * @returns each circle as its sorted paths
 */
export function findCircles(files: readonly SourceFile[]): readonly (readonly string[])[] {
  const paths = new Set(files.map(({ path }) => path));
  const targets = new Map(
    files.map(({ path, text }) => [
      path,
      findImports(text)
        .map(({ specifier }) => importedPath(path, specifier))
        .filter((target) => target !== undefined && paths.has(target)),
    ]),
  );
  return components([...paths], (path) => targets.get(path) as string[]);
}

/** Strongly connected components of more than one node. Source: Tarjan, 1972. */
export function components(
  nodes: readonly string[],
  targetsOf: (node: string) => readonly string[],
): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): number => {
    const number = order.size;
    order.set(node, number);
    lowest.set(node, number);
    open.push(node);
    for (const target of targetsOf(node)) {
      if (!order.has(target)) lowest.set(node, Math.min(low(node), visit(target)));
      else if (open.includes(target)) {
        lowest.set(node, Math.min(low(node), order.get(target) as number));
      }
    }
    if (low(node) === number) {
      const component = open.splice(open.indexOf(node)).toSorted();
      if (component.length > 1) found.push(component);
    }
    return low(node);
  };
  const low = (node: string): number => lowest.get(node) as number;
  for (const node of nodes) if (!order.has(node)) visit(node);
  return found;
}
