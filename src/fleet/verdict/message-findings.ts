/** Findings about broadcasts and echoes: what was sent and did not arrive as it should. */

import type { BroadcastResult } from '../../report/recording/record.ts';
import { sumOf } from '../agent-group/totals.ts';
import { counted, grouped } from '../settings/numbers.ts';
import type { BroadcastSums } from '../target/broadcaster.ts';
import type { RunFacts } from './facts.ts';
import type { Judged } from './judged.ts';

type Results = readonly BroadcastResult[];

const SLOW_CLIENTS = "Look at the server's log for slow clients, and at the bounds of its queues.";

export function messageFindings(facts: RunFacts): readonly Judged[] {
  return [...broadcastFindings(facts), ...echoFindings(facts)];
}

function broadcastFindings({ broadcasts }: RunFacts): readonly Judged[] {
  const { results, duplicates, putOff, refused, restless, omitted, omittedRestless } = broadcasts;
  const findings: Judged[] = [];
  const steady = results.filter(({ sequence }) => !restless.has(sequence));
  const short = steady.filter(({ received, sessions }) => received < sessions);
  const all = steady.length + omitted.count;
  if (short.length > 0) findings.push(shortFinding(short, omitted.short, all));
  else if (steady.length > 0) findings.push(completeFinding(steady, omitted));
  const uncertain = results.filter(({ sequence }) => restless.has(sequence));
  if (uncertain.length > 0) findings.push(restlessFinding(uncertain, omittedRestless));
  if (duplicates > 0) {
    const text = `${counted(duplicates, 'receipt')} came twice or after a later broadcast.`;
    findings.push({ name: 'duplicates', text, atBest: 'failed' });
  }
  if (putOff > 0) {
    const text =
      `${counted(putOff, 'broadcast')} of the rate were not sent, since the ones before had not ` +
      'arrived yet.';
    const advice = 'Lower --broadcast-rate to what the server keeps up with.';
    findings.push({ name: 'broadcasts put off', text, advice, atBest: 'passed' });
  }
  if (refused > 0) {
    const text = `The server did not take ${counted(refused, 'broadcast')}.`;
    const advice = 'The events in the record say why.';
    findings.push({ name: 'broadcasts refused', text, advice, atBest: 'failed' });
  }
  return findings;
}

/** @param omitted further ones that did not reach all, but are not among the results */
function shortFinding(short: Results, omitted: number, all: number): Judged {
  const [first] = short as [BroadcastResult];
  const text =
    `${grouped(short.length + omitted)} of ${counted(all, 'broadcast')} did not reach all: ` +
    `number ${first.sequence} had ${grouped(first.received)} of ` +
    `${counted(first.sessions, 'receipt')}.`;
  return { name: 'broadcasts', text, advice: SLOW_CLIENTS, atBest: 'failed' };
}

function completeFinding(all: Results, omitted: BroadcastSums): Judged {
  const count = all.length + omitted.count;
  const receipts = all.reduce((sum, { received }) => sum + received, omitted.receipts);
  const [first] = all;
  const text =
    count === 1 && first !== undefined
      ? `The broadcast was received by ${grouped(first.received)} of ` +
        `${counted(first.sessions, 'session')}.`
      : `All ${grouped(count)} broadcasts were received by all sessions, ` +
        `${grouped(receipts)} receipts in all.`;
  return { name: 'broadcasts', text, atBest: 'passed' };
}

function restlessFinding(restless: Results, omitted: BroadcastSums): Judged {
  const receipts = restless.reduce((sum, { received }) => sum + received, omitted.receipts);
  const text =
    `${counted(restless.length + omitted.count, 'broadcast')} went out while sessions came and ` +
    `went and had ${grouped(receipts)} receipts; they are counted, not judged.`;
  return { name: 'broadcasts', text, atBest: 'passed' };
}

/**
 * @param ended sessions that were lost or left: each may have taken one answer with it
 * @returns whether no more are missing than that; not when none came at all
 */
export function areEchoesAnswered({ sent, answered }: RunFacts['echoes'], ended: number): boolean {
  return sent === 0 || (answered > 0 && sent - answered <= ended);
}

function echoFindings({ echoes, losses, left }: RunFacts): readonly Judged[] {
  const { sent, answered } = echoes;
  if (sent === 0) return [];
  if (areEchoesAnswered(echoes, sumOf(losses) + left)) {
    const text = `${grouped(answered)} of ${grouped(sent)} echoes were answered.`;
    return [{ name: 'echoes', text, atBest: 'passed' }];
  }
  const text = `${grouped(sent - answered)} of ${grouped(sent)} echoes were not answered.`;
  const advice = 'Give the event that the server acknowledges with --echo-event.';
  return [{ name: 'echoes', text, advice, atBest: 'failed' }];
}
