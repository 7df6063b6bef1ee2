/** What the controller keeps for its workers, as Prometheus sees it. */

import { LACK_COUNTERS } from '../core/limits/recovery-counters.ts';
import { type Metric, ofCounter, ofCounters, ofNode } from './metric.ts';
import type { SharedView } from './node-view.ts';

export const stateMetrics: readonly Metric[] = [
  ofNode(
    'holdfast_history_rooms',
    'gauge',
    'Rooms that keep a history, with something in it or lately so.',
    (view) => view.state().history.rooms,
  ),
  ofNode(
    'holdfast_history_messages',
    'gauge',
    'Messages in the history of rooms; one counts in each of its rooms.',
    (view) => view.state().history.messages,
  ),
  ofNode(
    'holdfast_history_bytes',
    'gauge',
    'What they hold in the controller.',
    (view) => view.state().history.bytes,
  ),
  ofNode(
    'holdfast_history_dropped_total',
    'counter',
    'Messages dropped from the history of rooms since `historyBudgetBytes` were used up.',
    (view) => view.state().history.dropped,
  ),
  ofNode(
    'holdfast_recovery_live_sessions',
    'gauge',
    'Connected sessions that can be recovered, should they be cut off.',
    (view) => view.state().recovery.live,
  ),
  ofNode(
    'holdfast_recovery_cut_sessions',
    'gauge',
    'Sessions that were cut off and wait for their client.',
    (view) => view.state().recovery.cut,
  ),
  ofNode(
    'holdfast_recovery_bytes',
    'gauge',
    'What is kept of both in the controller.',
    (view) => view.state().recovery.bytes,
  ),
  ofNode(
    'holdfast_recovery_dropped_total',
    'counter',
    'Sessions that cannot be recovered since `recoveryBudgetBytes` were used up.',
    (view) => view.state().recovery.dropped,
  ),
  ofCounter(
    'holdfast_sessions_recovered_total',
    'Sessions taken up again with all that they had missed, or clients given all since a position.',
    'sessionsRecovered',
  ),
  ofCounters(
    'holdfast_sessions_unrecovered_total',
    'Clients that came back and could not be given all that they had missed: their `session` was ' +
      'not found; the `history` keeps it no more, or is another; their node was `behind` what ' +
      'they had heard on another; who keeps it has left them `unanswered`.',
    'reason',
    LACK_COUNTERS,
  ),
  ofNode(
    'holdfast_presence_rooms',
    'gauge',
    'Rooms with presence that have somebody in them.',
    (view) => view.state().presence.rooms,
  ),
  ofNode(
    'holdfast_presence_users',
    'gauge',
    'Pairs of a room with presence and a user in it.',
    (view) => view.state().presence.users,
  ),
  ofNode(
    'holdfast_presence_changes_total',
    'counter',
    'Notices of who came and went that were sent to rooms.',
    (view) => view.state().presence.told,
  ),
  ofNode(
    'holdfast_presence_frames_total',
    'counter',
    'Gathered frames in which workers reported who came and went.',
    (view) => view.state().presence.frames,
  ),
  ofNode(
    'holdfast_presence_refused_total',
    'counter',
    'Reports of users that were not kept, since too many are present.',
    (view) => view.state().presence.refused,
  ),
  ofShared(
    'holdfast_recovery_unwritten_sessions',
    'gauge',
    'Sessions whose latest is not yet where other nodes find it.',
    ({ sessions }) => sessions?.waiting,
  ),
  ofShared(
    'holdfast_recovery_written_total',
    'counter',
    'Sessions written to where other nodes find them, each time that one has changed.',
    ({ sessions }) => sessions?.written,
  ),
  ofShared(
    'holdfast_recovery_unwritten_total',
    'counter',
    'Sessions not written there, since too many waited: only their own node can recover them.',
    ({ sessions }) => sessions?.dropped,
  ),
  ofShared(
    'holdfast_recovery_too_large_total',
    'counter',
    'Sessions not written there, since their data and rooms are too large.',
    ({ sessions }) => sessions?.tooLarge,
  ),
  ofShared(
    'holdfast_seats_users',
    'gauge',
    'Users whose sessions are counted over all nodes, and who have some on this one.',
    ({ seats }) => seats?.users,
  ),
  ofShared(
    'holdfast_seats_alone',
    'gauge',
    '1 while this node counts the sessions of users by itself, since Redis does not answer.',
    ({ seats }) => seats && (seats.isAlone ? 1 : 0),
  ),
  ofShared(
    'holdfast_seats_wrong_buckets',
    'gauge',
    'Buckets of users, of 1,024, whose seats are still to be put right in Redis.',
    ({ seats }) => seats?.wrong,
  ),
];

/** Of what goes to other nodes: nothing for a node by itself. */
function ofShared(
  name: string,
  type: Metric['type'],
  help: string,
  valueOf: (shared: SharedView) => number | undefined,
): Metric {
  return ofNode(name, type, help, (view) => valueOf(view.state().shared));
}
