/** What a worker holds at this moment, read from its parts for a sample. */

import type { ClientTable } from '../clients/session/client-table.ts';
import type { AddressCrowd } from '../clients/source/address-crowd.ts';
import { NO_HOOK_GAUGES } from '../core/limits/hook-counters.ts';
import type { MemoryBudget } from '../core/limits/memory-budget.ts';
import type { Places } from '../core/limits/places/places.ts';
import type { WorkerCore } from '../core/worker-core.ts';
import type { HttpHooks } from '../identity/hooks/http-hooks.ts';
import type { BusClient } from '../links/bus/bus-client.ts';
import type { Door } from './door/door.ts';
import type { OpenFiles } from './door/open-files.ts';
import type { SamplerOptions } from './sampler.ts';
import type { SessionOwners } from './session-owners.ts';

export interface GaugedParts {
  readonly core: WorkerCore;
  readonly table: ClientTable;
  readonly crowd: AddressCrowd;
  readonly owners: Pick<SessionOwners, 'socketCount'>;
  readonly places: Places;
  readonly files: OpenFiles;
  readonly door: Door;
  readonly bus: BusClient;
  readonly budget: MemoryBudget;
  readonly hooks: HttpHooks | undefined;
}

export function readGauges(parts: GaugedParts): ReturnType<SamplerOptions['gauges']> {
  const { core, table, crowd, owners, places, files, door, bus, budget, hooks } = parts;
  const namespaces = [...core.namespaces.values()];
  const { topOne, topTen } = crowd.shares();
  const { present } = table;
  return {
    pollingSessions: present.polling,
    websocketSessions: present.websocket,
    sseSessions: present.sse,
    streamSessions: present.stream,
    rooms: namespaces.reduce((sum, { roomCount }) => sum + roomCount, 0),
    users: namespaces.reduce((sum, { users }) => sum + users.size, 0),
    edgeSockets: owners.socketCount,
    capacity: places.capacity,
    freePlaces: places.free,
    openFiles: files.count() ?? 0,
    strangers: door.strangers,
    topAddressShare: topOne,
    topTenAddressesShare: topTen,
    busQueueBytes: bus.queuedBytes,
    heldBytes: budget.heldBytes,
    memoryBudgetBytes: budget.limitBytes,
    ...(hooks?.gauges() ?? NO_HOOK_GAUGES),
  };
}
