/** The kinds of client of a worker, put together over its table of sessions. */

import type { ForeignJson } from '../../host/runtime/foreign-json.ts';
import { PlainEndpoint } from '../clients/plain/plain-endpoint.ts';
import { PlainHome } from '../clients/plain/plain-home.ts';
import { PlainRouter } from '../clients/plain/plain-router.ts';
import { Admissions } from '../clients/session/admissions.ts';
import type { ClientTable } from '../clients/session/client-table.ts';
import type { Comebacks } from '../clients/session/comebacks.ts';
import { Entrance } from '../clients/session/entrance.ts';
import { Refreshing } from '../clients/session/refreshing.ts';
import { RoomVerbs } from '../clients/session/room-verbs.ts';
import { SessionRequests } from '../clients/session/session-requests.ts';
import type { WaitingPolls } from '../clients/session/waiting-polls.ts';
import { EngineEndpoint } from '../clients/socketio/endpoint.ts';
import { EngineHome } from '../clients/socketio/engine-home.ts';
import { PacketRouter } from '../clients/socketio/packet-router.ts';
import type { AddressCrowd } from '../clients/source/address-crowd.ts';
import type { ConnectionWatch } from '../clients/source/connection-watch.ts';
import { OriginPolicy } from '../clients/source/origin-policy.ts';
import type { RequestSources } from '../clients/source/request-sources.ts';
import type { App, NamespaceHandlers } from '../core/app/app.ts';
import { readOriginAnswer } from '../core/app/origin-answer.ts';
import type { SessionOwner } from '../core/contracts/client-connection.ts';
import type { ClientKind } from '../core/contracts/client-kind.ts';
import { describeError, type Log } from '../core/log/log.ts';
import type { WorkerCore } from '../core/worker-core.ts';
import type { WorkerSettings } from '../links/bus/worker-settings.ts';
import type { SessionAddress } from '../protocol/session-id.ts';
import { sendsHook } from './open-hooks.ts';
import { hasTokens } from './open-identity.ts';

export interface ClientKindsOptions {
  readonly settings: WorkerSettings;
  readonly app: App;
  readonly core: WorkerCore;
  readonly table: ClientTable;
  readonly json: ForeignJson;
  readonly sources: RequestSources;
  readonly crowd: AddressCrowd;
  readonly watch: ConnectionWatch;
  readonly waiting: WaitingPolls;
  readonly comebacks: Comebacks;
  readonly log: Log;
  /** The way to the sessions of this worker, and to those of any that is known. */
  readonly own: SessionOwner;
  ownerOf(address: SessionAddress): SessionOwner | undefined;
  isStopping(): boolean;
}

export interface ClientKinds {
  readonly all: readonly ClientKind[];
  /** Ends who is late; called at each heartbeat tick. */
  sweep(): void;
}

export function createClientKinds(options: ClientKindsOptions): ClientKinds {
  const { settings, app, core, table, json, log } = options;
  const { config, publicPort, ownPort } = settings;
  const origins = new OriginPolicy(config, [publicPort, ownPort], (origin) =>
    allowsOrigin(app, origin, log),
  );
  const refreshing = new Refreshing(core, config);
  const admissions = new Admissions(core, table, refreshing, options.comebacks);
  const common = {
    origins,
    entrance: new Entrance(options),
    requests: new SessionRequests(options),
  };
  const { budget, intake } = table;
  const isRuled = Object.values(config.rooms).some(({ join }) => join !== 'anyone');
  const hasRules = isRuled || sendsHook(config, 'join');
  const isOpen = config.plainClients || hasRules;
  const verbs = new RoomVerbs({ namespaces: core.namespaces, isOpen });
  const routing = { admissions, json, budget, intake, verbs, refreshing };
  const { maxPayloadBytes } = config;
  const router = new PacketRouter(core, { ...routing, maxPayloadBytes });
  const socketIo = new EngineEndpoint({
    ...common,
    home: new EngineHome(table, router),
    path: config.path,
  });
  const plain = new PlainEndpoint({
    ...common,
    json,
    admissions,
    own: options.own,
    home: new PlainHome(table, new PlainRouter(core, routing), config),
    path: config.plainPath,
  });
  const isLettingIn = hasTokens(config) || sendsHook(config, 'connect');
  if (isOpen && !hasRules && settings.worker === 0) warnOfOpenRooms(app, isLettingIn, log);
  const all = config.plainClients ? [socketIo, plain] : [socketIo];
  return {
    all,
    sweep: () => {
      admissions.sweep();
      refreshing.sweep();
      table.sweep();
      for (const kind of all) kind.sweep();
    },
  };
}

/**
 * Rooms of an app that was written for Socket.IO alone may be what its clients are allowed to see,
 * and plain clients ask for rooms themselves, as those of Socket.IO then may.
 */
function warnOfOpenRooms(app: App, isLettingIn: boolean, log: Log): void {
  const isOpen = (handlers: NamespaceHandlers): boolean =>
    (isLettingIn || handlers.authenticate !== undefined) && handlers.mayJoin === undefined;
  if (![app, ...Object.values(app.namespaces ?? {})].some(isOpen)) return;
  log.warn(
    'clients that a token, a hook or authenticate lets in may join any room: declare mayJoin, ' +
      'rules in the config key rooms, or a hook for join, which say who may join which, or set ' +
      'plainClients to false',
  );
}

/** Whether the app lets pages of an origin in; only a clear yes does. */
function allowsOrigin(app: App, origin: string, log: Log): boolean {
  try {
    return readOriginAnswer(app.allowOrigin?.(origin));
  } catch (error) {
    log.error('allowOrigin failed', { error: describeError(error) });
    return false;
  }
}
