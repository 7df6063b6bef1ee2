/** What the compiler knows of events; `npm run check` fails where it knows less. */

import { expect, test } from 'bun:test';
import { PlainScript } from '../../test/support/plain-script.ts';
import { type Client, connect } from './index.ts';

interface Listen {
  goal(team: string, minute: number): void;
}

interface Emit {
  vote(choice: 'red' | 'blue'): string;
  ping(): Promise<number>;
}

test('events are typed, in both directions', async () => {
  await using server = new PlainScript({
    take: (session, { id }) => {
      session.say({ type: 'ack', id, args: ['counted'] });
      return true;
    },
  });
  const client: Client<Listen, Emit> = connect<Listen, Emit>(server.url);
  client.on('goal', (team, minute) => team.length + minute);
  // @ts-expect-error there is no such event
  client.on('foul', () => {});
  // @ts-expect-error a team is a text
  client.on('goal', (team: number) => team);
  // @ts-expect-error there is no such choice
  client.emit('vote', 'green');
  const counted: string = await client.emitWithAck('vote', 'red');
  const number: number = await client.timeout(1_000).emitWithAck('ping');
  expect([counted, typeof number]).toEqual(['counted', 'string']);
  client.close();
});

test('without types any event goes', () => {
  const client = connect('http://127.0.0.1:1');
  client.on('goal', (team: string, minute: number) => `${team}${minute}`);
  client.emit('vote', 'green', 1);
  client.close();
  expect(client.state).toBe('closed');
});
