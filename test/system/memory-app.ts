/** An app that answers at length, beside what honest clients ask. */

import { type App, defineApp } from 'holdfast';
import { honestHandlers } from '../support/honest-app.ts';

const LARGE = 'x'.repeat(1_000_000);

const app: App = defineApp({
  on: {
    ...honestHandlers,
    large: () => LARGE,
    echo: (_session, value: unknown) => value,
  },
});

export default app;
