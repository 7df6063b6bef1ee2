/**
 * Who says who clients are, by the config: the sources, in the order in which they are asked. What
 * is not configured is not loaded.
 */

import type { IdentityConfig } from '../../host/config/identity.ts';
import type { ForeignJson } from '../../host/runtime/foreign-json.ts';
import type { App } from '../core/app/app.ts';
import type { Identity, IdentitySource } from '../core/contracts/identity.ts';
import type { Log } from '../core/log/log.ts';
import { IdentityChain } from '../identity/identity-chain.ts';
import type { WorkerSettings } from '../links/bus/worker-settings.ts';

export interface IdentityNeeds {
  readonly settings: Pick<WorkerSettings, 'config' | 'worker'>;
  readonly app: App;
  readonly log: Log;
  /** Judges what clients present before it is parsed. */
  readonly json: ForeignJson;
  /** What hooks say of clients; they are asked after tokens. */
  readonly hooks: readonly IdentitySource[];
}

/** @throws Error whose message is a sentence, when a source cannot be made */
export async function openIdentity(needs: IdentityNeeds): Promise<Identity> {
  const { settings, app, log } = needs;
  const { config, worker } = settings;
  const sources: IdentitySource[] = [];
  if (hasTokens(config)) {
    const { openTokens } = await import('../identity/tokens/open-tokens.ts');
    sources.push(await openTokens(config, needs));
  }
  sources.push(...needs.hooks);
  if (worker === 0 && sources.length === 0 && !asks(app)) {
    log.info(
      'everyone is anonymous: no tokens or hook are configured, and the app has no authenticate',
    );
  }
  return new IdentityChain({ sources, allowAnonymous: config.allowAnonymous });
}

/** Whether clients come in by tokens. */
export function hasTokens(config: IdentityConfig): boolean {
  return (config.tokenSecret ?? config.tokenKeyFile ?? config.tokenKeysUrl) !== undefined;
}

/** Whether the app asks who its clients are, in any of its namespaces. */
function asks(app: App): boolean {
  const all = [app, ...Object.values(app.namespaces ?? {})];
  return all.some((handlers) => handlers.authenticate !== undefined);
}
