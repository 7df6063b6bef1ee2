/**
 * Loads the app file, with `holdfast` resolving to this very program wherever the file lies.
 */

import * as publicSurface from '../../index.ts';
import { type App, defineApp } from '../core/app/app.ts';

/** @throws Error whose message says what is wrong with the app file */
export async function loadApp(path: string): Promise<App> {
  Bun.plugin({
    name: 'holdfast',
    setup(build) {
      build.module('holdfast', () => ({ exports: { ...publicSurface }, loader: 'object' }));
    },
  });
  const module = await importApp(path);
  const app: unknown = module.default;
  if (typeof app !== 'object' || app === null) {
    throw new Error(`the app file ${path} must \`export default defineApp({ … })\``);
  }
  checkHandlers(path, '/', app as App);
  for (const [name, handlers] of Object.entries((app as App).namespaces ?? {})) {
    if (!/^\/[^,\0]+$/.test(name)) {
      throw new Error(
        `the app file ${path} declares the namespace '${name}': it must begin with /`,
      );
    }
    checkHandlers(path, name, handlers);
  }
  return defineApp(app as App);
}

async function importApp(path: string): Promise<{ default?: unknown }> {
  try {
    return (await import(path)) as { default?: unknown };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the app file ${path} cannot be loaded: ${reason}`, { cause: error });
  }
}

function checkHandlers(path: string, namespace: string, handlers: object): void {
  const tables = handlers as { on?: object; onServer?: object };
  const all = { ...tables.on, ...tables.onServer };
  for (const [event, handler] of Object.entries(all)) {
    if (typeof handler === 'function') continue;
    throw new Error(
      `the app file ${path} declares '${event}' in namespace '${namespace}' as something that ` +
        'is not a function',
    );
  }
}
