/** An app that lets in pages of one more origin, and whose answer about others is of no use. */

import { type App, defineApp } from 'holdfast';

const app: App = defineApp({
  allowOrigin(origin) {
    if (origin === 'https://asked.example') return true;
    if (origin === 'https://throws.example') throw new Error('thrown on purpose');
    return 'yes' as unknown as boolean;
  },
});

export default app;
