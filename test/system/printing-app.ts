/** An app that prints what clients ask for, and forgets to wait for answers. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';
import { type App, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

/** The ways to print. */
const WAYS: Readonly<Record<string, (text: string) => void>> = {
  console: (text) => console.log(text),
  error: (text) => console.error(text),
  stream: (text) => process.stdout.write(`${text}\n`),
  whole: (text) => process.stdout.write(text),
  descriptor: (text) => writeSync(1, `${text}\n`),
};

/** The descriptor of the worker's log. */
const LOG = 3;

/** The ways to use it as if it were the app's own. */
const SPOILS: Readonly<Record<string, () => unknown>> = {
  write: () => writeSync(LOG, 'x'.repeat(100)),
  close: () => closeSync(LOG),
  reuse: () => [closeSync(LOG), openSync(devNull, 'w')],
  bun: () => Bun.write(Bun.file(LOG), 'x'.repeat(100)),
};

const app: App = defineApp({
  request: (request) => new Response(new URL(request.url).pathname),
  on: {
    ...honestHandlers,
    print(_session, way: string, text: string, times: number) {
      for (let i = 0; i < times; i++) WAYS[way]?.(text);
      return 'printed';
    },
    async printByProcess(_session, text: string, times: number) {
      const script = `yes "$1" | head -n ${times}`;
      await Bun.spawn(['sh', '-c', script, 'sh', text], { stdio: ['ignore', 'inherit', 'inherit'] })
        .exited;
      return 'printed';
    },
    forget(session, times: number) {
      for (let i = 0; i < times; i++) void session.timeout(1).emitWithAck('nothing');
    },
    throwLater(_session, text: string, times: number) {
      for (let i = 0; i < times; i++) void Promise.reject(text);
    },
    async spoil(_session, way: string) {
      try {
        await SPOILS[way]?.();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
      return 'done';
    },
    echo: (_session, value: unknown) => value,
    block: () => {
      for (;;);
    },
  },
});

export default app;
