/** Hooks of a worker, where the config has them: their code is loaded only then. */

import type { Config } from '../../host/config/schema.ts';
import type { HttpHooks, HttpHooksOptions } from '../identity/hooks/http-hooks.ts';

/** Whether the backend of hooks is asked, or told, something. */
export function sendsHook(config: Config, call: Config['hookCalls'][number]): boolean {
  return config.hookUrl !== undefined && config.hookCalls.includes(call);
}

export async function openHooks(
  config: Config,
  options: Pick<HttpHooksOptions, 'json' | 'counters' | 'refusals' | 'log'>,
): Promise<HttpHooks | undefined> {
  const { hookUrl: url, hookSecret: secret } = config;
  if (url === undefined || secret === undefined) return undefined;
  const { HttpHooks } = await import('../identity/hooks/http-hooks.ts');
  return new HttpHooks({ ...options, url, secret, settings: config });
}
