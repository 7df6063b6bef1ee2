/**
 * Loads the app file, with `holdfast` resolving to this very program wherever the file lies.
 *
 * What it exports is checked by `core/app/app-shape.ts`.
 */

import * as publicSurface from '../../index.ts';
import type { App, Server } from '../core/app/app.ts';
import { checkApp, HOOK_NAMES } from '../core/app/app-shape.ts';
import type { Log } from '../core/log/log.ts';

/**
 * @param path empty for an app of nothing
 * @throws Error whose message says what is wrong with the app file
 */
export async function loadApp(path: string, log: Log): Promise<App> {
  if (path === '') return {};
  Bun.plugin({
    name: 'holdfast',
    setup(build) {
      build.module('holdfast', () => ({ exports: { ...publicSurface }, loader: 'object' }));
    },
  });
  const module = await importApp(path);
  try {
    checkExports(module);
    const { app, doubts } = checkApp(module.default);
    for (const doubt of doubts) log.warn(`the app file ${path} ${doubt}`);
    return app;
  } catch (error) {
    throw new Error(`the app file ${path} ${reasonOf(error)}`, { cause: error });
  }
}

/** @throws Error that says what became of the app's own start */
export async function runStarted(app: App, server: Server): Promise<void> {
  try {
    await app.started?.(server);
  } catch (error) {
    const reason = error instanceof Error ? error.message : Bun.inspect(error);
    throw new Error(`the app's started() failed: ${reason}`, { cause: error });
  }
}

/**
 * Hooks are read from the default export alone; one beside it would be an open door.
 *
 * @throws Error that completes "the app file …"
 */
function checkExports(module: { readonly default?: unknown }): void {
  const whole = Object(module.default) as Record<string, unknown>;
  // CommonJS shows the parts of what it exports as exports of their own, too.
  const stray = Object.entries(module).find(
    ([name, value]) => HOOK_NAMES.includes(name) && whole[name] !== value,
  )?.[0];
  if (stray === undefined) return;
  throw new Error(`exports '${stray}' beside its default export: put it into defineApp({ … })`);
}

/** The module and not what it exports: that may be a promise, and would be waited for. */
async function importApp(path: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(path)) as { default?: unknown };
  } catch (error) {
    const where = placeOf(error);
    const place = where === undefined ? '' : ` (${where})`;
    const fault = `the app file ${path} cannot be loaded: ${reasonOf(error)}${place}`;
    throw new Error(fault, { cause: error });
  }
}

/** File, line and column: those of the parser, else where the error was made. */
function placeOf(error: unknown): string | undefined {
  const { position, stack } = Object(error) as {
    position?: { file: string; line: number; column: number } | null;
    stack?: unknown;
  };
  if (position) return `${position.file}:${position.line}:${position.column}`;
  return /^ +at (?:.*\()?(\/.*?:\d+:\d+)\)?$/m.exec(String(stack))?.[1];
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
