/**
 * Checks the imports of `src` against the plan of `rooms.ts`.
 *
 * Packages are free, save for a room that is pure. The demo may import no other room at all: like
 * any app, it gets Holdfast as the package `holdfast`. Unit tests may import what they need.
 */

import { isBuiltin } from 'node:module';
import { findImports, type Import, importedPath } from './imports.ts';
import { ROOMS, type Room } from './rooms.ts';
import type { SourceFile } from './source-files.ts';

const ROOM_NAMES = Object.keys(ROOMS).toSorted((a, b) => b.length - a.length);

/** Sentences `file:line: …`, one for each import of the file that the plan does not allow. */
export function findLayerProblems(file: SourceFile): readonly string[] {
  if (!/^src\/.*\.ts$/.test(file.path) || file.path.endsWith('.test.ts')) return [];
  const name = roomOf(file.path);
  const room = name === undefined ? undefined : ROOMS[name];
  if (name === undefined || room === undefined) {
    return [`${file.path}:1: add its folder to test/tidy/rooms.ts and docs/ARCHITECTURE.md`];
  }
  return findImports(file.text).flatMap((found) => {
    const fault = faultOf(file.path, found, name, room);
    return fault === undefined ? [] : [`${file.path}:${found.line}: ${fault} (test/tidy/rooms.ts)`];
  });
}

/** The room of `src` that a path lies in; the deepest one. */
export function roomOf(path: string): string | undefined {
  return ROOM_NAMES.find((room) => path === room || path.startsWith(`${room}/`));
}

/** The rooms that a room may import, by their whole names. */
export function importsOf(room: Room): readonly string[] {
  return Object.keys(room.imports ?? {}).map((name) => `src/${name}`);
}

function faultOf(path: string, found: Import, name: string, room: Room): string | undefined {
  const target = importedPath(path, found.specifier);
  if (target === undefined) {
    const allowed = room.pure === true ? [] : room.pure;
    const isFault = isRuntime(found.specifier) && allowed?.includes(found.specifier) === false;
    return isFault ? `${describe(found)}, but ${name} is pure` : undefined;
  }
  if (target === 'package.json') return undefined;
  const other = roomOf(target);
  if (other === name) return undefined;
  const manner = room.imports?.[other?.slice('src/'.length) ?? ''];
  if (other === undefined || (manner !== 'any' && manner !== found.manner)) {
    return `${describe(found)}, but ${name} may import ${describeRoom(room)}`;
  }
  const { entries } = ROOMS[other] as Room;
  const entry = target.slice(other.length + 1);
  if (entries === undefined || entry === '' || entries.includes(entry)) return undefined;
  return `${describe(found)}, but of ${other} others may import ${entries.join(', ')}`;
}

function isRuntime(name: string): boolean {
  return isBuiltin(name) || name === 'bun' || name.startsWith('bun:');
}

function describe(found: Import): string {
  const how = { value: 'imports', type: 'imports types of', dynamic: 'loads' }[found.manner];
  return `${how} '${found.specifier}'`;
}

function describeRoom(room: Room): string {
  const words = {
    any: '',
    value: ' (import only)',
    type: ' (import type only)',
    dynamic: ' (import() only)',
  };
  const rooms = Object.entries(room.imports ?? {}).map(([name, manner]) => name + words[manner]);
  return [...rooms, 'itself', 'packages'].join(', ');
}
