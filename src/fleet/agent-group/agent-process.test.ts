import { expect, test } from 'bun:test';
import { startAgentProcess } from './agent-process.ts';

const HERE = { host: '127.0.0.1', port: 0 };

test('an agent that is killed says by what', async () => {
  const agent = await startAgentProcess(HERE, 'a-token-of-a-test');
  process.kill(agent.pid, 'SIGKILL');
  expect(await agent.exited).toBe('SIGKILL');
});

test('an agent that is told to end does', async () => {
  const agent = await startAgentProcess(HERE, 'a-token-of-a-test');
  await agent.end();
  expect(await agent.exited).toBe('code 0');
});

test('one that cannot listen is an error with the reason', async () => {
  using taken = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() });
  const start = startAgentProcess({ ...HERE, port: taken.port as number }, 'a-token-of-a-test');
  const message = await start.then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
  expect(message).toMatch(
    /^The agent cannot listen at 127\.0\.0\.1:\d+ \(\S+ listens there \(process \d+\)\)\.$/,
  );
});
