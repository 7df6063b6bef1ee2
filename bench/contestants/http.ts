/** Node's `http` alone: what people write who want streams or polls, and no library for them. */

import type { Contestant } from './contract.ts';
import { launch } from './launch.ts';

type Way = 'sse' | 'stream' | 'poll';

export function http(protocol: Way): Contestant {
  return {
    name: `http-${protocol}`,
    title: `http (Node), ${protocol}`,
    protocol,
    expectedSeconds: protocol === 'poll' ? 55 : 35,
    start: (children) =>
      launch({ runtime: 'node', file: 'http.mjs', path: `/${protocol}` }, children),
  };
}
