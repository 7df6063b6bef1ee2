/** What is counted of hooks, by the kind of call, and of the moment. */

/** What a backend may be asked or told; each is one kind of call. */
export type HookCall = 'connect' | 'event' | 'join' | 'disconnect';

/** Only grow. */
export interface HookCounters {
  /** Requests sent, second tries included. */
  hookConnectCalls: number;
  hookEventCalls: number;
  hookJoinCalls: number;
  hookDisconnectCalls: number;
  /** How long these took until their answer, or their failure. */
  hookMicroseconds: number;
}

/** Of the moment. */
export interface HookGauges {
  readonly hookCallsInFlight: number;
  readonly hookCallsWaiting: number;
  /** 1 while the backend is left alone, since it failed time after time, otherwise 0. */
  readonly hookCircuitOpen: number;
}

/** Where the requests of a kind of call are counted. */
export const HOOK_COUNTERS: Readonly<Record<HookCall, keyof HookCounters>> = {
  connect: 'hookConnectCalls',
  event: 'hookEventCalls',
  join: 'hookJoinCalls',
  disconnect: 'hookDisconnectCalls',
};

export const NO_HOOK_GAUGES: HookGauges = {
  hookCallsInFlight: 0,
  hookCallsWaiting: 0,
  hookCircuitOpen: 0,
};

export function createHookCounters(): HookCounters {
  return {
    hookConnectCalls: 0,
    hookEventCalls: 0,
    hookJoinCalls: 0,
    hookDisconnectCalls: 0,
    hookMicroseconds: 0,
  };
}
