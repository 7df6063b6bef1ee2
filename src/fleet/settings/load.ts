/**
 * What sessions do while they are held, beside answering heartbeats: the scenarios by name, and
 * the single flags they stand for.
 */

import {
  CLIENT_PROTOCOLS,
  hasEchoes,
  type JitterOrder,
  type ProtocolWeight,
} from '../agent/contract.ts';
import { FleetError } from './fleet-error.ts';
import { fractionOf, wholeOf } from './numbers.ts';

export interface Load {
  /** Broadcasts a second during hold. */
  readonly broadcastRate: number;
  /** Broadcasts at the end of hold; each waits for its receipts. */
  readonly broadcasts: number;
  /** Messages a second that all sessions together send and want answered. */
  readonly echoRate: number;
  readonly echoEvent: string;
  /** Percent of the sessions that leave and come back in one minute. */
  readonly churnPercent: number;
  readonly jitter: JitterOrder | undefined;
  /** All sessions reconnect at once each so many seconds; 0 for never. */
  readonly stormSeconds: number;
  /** Bytes that pad broadcasts and echoes. */
  readonly payloadBytes: number;
}

/** The flags as given on the command line. */
export interface LoadFlags {
  readonly scenario?: string | undefined;
  readonly broadcastRate?: string | undefined;
  readonly broadcasts?: string | undefined;
  readonly echoRate?: string | undefined;
  readonly echoEvent: string;
  readonly churn?: string | undefined;
  /** `true` when the flag has no value. */
  readonly jitter?: string | boolean | undefined;
  readonly storm?: string | undefined;
  readonly payload: string;
}

export const SCENARIOS = ['idle', 'broadcast', 'echo', 'churn', 'jitter', 'storm'] as const;
type Scenario = (typeof SCENARIOS)[number];

export const DEFAULT_JITTER: JitterOrder = { everyMs: 15_000, awayMs: 2_000 };

/** Receipts of 24 broadcasts can be under way at once, and agents are asked once a second. */
export const BROADCAST_RATE_MAX = 20;
export const PAYLOAD_BYTES_MAX = 32_768;
const BROADCASTS_MAX = 10_000;

/** @throws FleetError with one sentence about the first flag that is wrong */
export function parseLoad(flags: LoadFlags, connections: number, holdSeconds: number): Load {
  const preset = presetOf(flags.scenario, connections, holdSeconds);
  const load: Load = {
    broadcastRate: given(flags.broadcastRate, preset.broadcastRate ?? 0, (text) =>
      fractionOf('--broadcast-rate', text, 0, BROADCAST_RATE_MAX),
    ),
    broadcasts: given(flags.broadcasts, 0, (text) =>
      wholeOf('--broadcasts', text, 0, BROADCASTS_MAX),
    ),
    echoRate: given(flags.echoRate, preset.echoRate ?? 0, (text) =>
      fractionOf('--echo-rate', text, 0, 1e7),
    ),
    echoEvent: flags.echoEvent,
    churnPercent: given(flags.churn, preset.churnPercent ?? 0, (text) =>
      fractionOf('--churn', text, 0, 6_000),
    ),
    jitter: jitterOf(flags.jitter) ?? preset.jitter,
    stormSeconds: given(flags.storm, preset.stormSeconds ?? 0, (text) =>
      fractionOf('--storm', text, 0, 86_400),
    ),
    payloadBytes: wholeOf('--payload', flags.payload, 0, PAYLOAD_BYTES_MAX),
  };
  if (load.stormSeconds >= holdSeconds && load.stormSeconds > 0) {
    throw new FleetError(
      `The first storm would come after ${load.stormSeconds} s, but hold lasts ${holdSeconds} s; ` +
        'give a longer --hold or a shorter --storm.',
    );
  }
  return load;
}

/** Whether sessions come and go by themselves, so that nobody can say how many hear a broadcast. */
export function isRestless({ churnPercent, jitter, stormSeconds }: Load): boolean {
  return churnPercent > 0 || jitter !== undefined || stormSeconds > 0;
}

/** One protocol, or several by weight: `socket-io=50,sse=30,poll=20`. */
export function parseMix(text: string): readonly ProtocolWeight[] {
  const mix = text.split(',').map((part) => {
    const [name = '', weight = '1', ...rest] = part.trim().split('=');
    const protocol = CLIENT_PROTOCOLS.find((known) => known === name);
    if (protocol === undefined || rest.length > 0) {
      throw new FleetError(
        `--protocol is "${text}"; write one of ${CLIENT_PROTOCOLS.join(', ')}, or several by ` +
          'weight like socket-io=50,sse=30,poll=20.',
      );
    }
    return { protocol, weight: fractionOf(`The weight of ${name}`, weight, 1e-6, 1e6) };
  });
  if (new Set(mix.map(({ protocol }) => protocol)).size === mix.length) return mix;
  throw new FleetError(`--protocol is "${text}"; name each protocol once, with its weight.`);
}

/** As it may be given: `socket-io`, or `socket-io=50` and `sse=30`. */
export function mixTexts(mix: readonly ProtocolWeight[]): readonly string[] {
  return mix.map(({ protocol, weight }) => (mix.length === 1 ? protocol : `${protocol}=${weight}`));
}

/** @throws FleetError when sessions are to send that cannot */
export function checkEchoes({ echoRate }: Load, mix: readonly ProtocolWeight[]): void {
  const mute = mix.filter(({ protocol }) => !hasEchoes(protocol)).map(({ protocol }) => protocol);
  if (echoRate === 0 || mute.length === 0) return;
  throw new FleetError(
    `Sessions of ${mute.join(', ')} only listen: leave echoes out, or use --protocol socket-io ` +
      'or websocket.',
  );
}

function presetOf(
  scenario: string | undefined,
  connections: number,
  holdSeconds: number,
): Partial<Load> {
  if (scenario === undefined) return {};
  if (!isScenario(scenario)) {
    throw new FleetError(
      `The scenario "${scenario}" is not known; choose one of ${SCENARIOS.join(', ')}.`,
    );
  }
  switch (scenario) {
    case 'idle':
      return {};
    case 'broadcast':
      return { broadcastRate: 1 };
    case 'echo':
      // Each session says something once in half a minute.
      return { echoRate: Math.max(1, connections / 30) };
    case 'churn':
      return { churnPercent: 10 };
    case 'jitter':
      return { jitter: DEFAULT_JITTER };
    case 'storm':
      return { stormSeconds: holdSeconds / 2 };
  }
}

function isScenario(text: string): text is Scenario {
  return (SCENARIOS as readonly string[]).includes(text);
}

function jitterOf(value: string | boolean | undefined): JitterOrder | undefined {
  if (value === undefined || value === false) return undefined;
  if (value === true) return DEFAULT_JITTER;
  const [every = '', away = '', ...rest] = value.split('/');
  if (rest.length > 0 || away === '') {
    throw new FleetError(`--jitter is "${value}"; write EVERY/AWAY in seconds, like 15/2.`);
  }
  return {
    everyMs: fractionOf('EVERY of --jitter', every, 0.1, 86_400) * 1000,
    awayMs: fractionOf('AWAY of --jitter', away, 0.1, 86_400) * 1000,
  };
}

function given(
  text: string | undefined,
  otherwise: number,
  parse: (text: string) => number,
): number {
  return text === undefined ? otherwise : parse(text);
}
