/** The app of files.test.ts: answers in the ways that an app may. */

import { type App, defineApp, serveFiles } from 'holdfast';

const FILE = Bun.fileURLToPath(import.meta.resolve('socket.io-client/package.json')).replace(
  'package.json',
  'dist/socket.io.js',
);

const page = serveFiles({ '/page.js': FILE });

const app: App = defineApp({
  request(request) {
    switch (new URL(request.url).pathname) {
      case '/file':
        return new Response(Bun.file(FILE));
      case '/stream':
        return new Response(Bun.file(FILE).stream());
      case '/text':
        return new Response('x'.repeat(100_000));
      default:
        return page(request);
    }
  },
});

export default app;
