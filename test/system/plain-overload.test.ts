/** What a worker that holds too much tells plain clients: why, and when to come again. */

import { expect, setDefaultTimeout, test } from 'bun:test';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { RawPeer } from '../support/raw-peer.ts';

setDefaultTimeout(60_000);

const BYTES = 900_000;

test('a body that has to make place is answered when to come again', async () => {
  const config = { maxBackpressureBytes: 1_000_000, memoryBudgetBytes: 2_000_000 };
  await using node = await HoldfastProcess.start({ workers: 1, config });
  const head = `POST /poll HTTP/1.1\r\nHost: a\r\nContent-Length: ${BYTES}\r\n\r\n`;
  const peers = await Promise.all([1, 2, 3].map(() => RawPeer.open(node.publicPort)));
  for (const peer of peers) peer.send(head + ' '.repeat(BYTES - 1));
  const answers = peers.map((peer) => peer.untilText('overloaded').then(() => peer.text));
  // Those that are not let go wait for their last byte, which never comes.
  for (const answer of answers) answer.catch(() => undefined);
  const answer = await Promise.any(answers);
  expect(answer).toStartWith('HTTP/1.1 503 ');
  expect(answer).toMatch(/\r\nretry-after: 5\r\n/i);
  expect(answer).toContain('"reason":"memoryBudget"');
  for (const peer of peers) peer.leave();
  await node.stop();
});
