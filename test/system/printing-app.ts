/** An app that prints what clients ask for, and forgets to wait for answers. */

import { writeSync } from 'node:fs';
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
    echo: (_session, value: unknown) => value,
    block: () => {
      for (;;);
    },
  },
});

export default app;
