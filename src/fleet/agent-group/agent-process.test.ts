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

test('one that prints much is read on, and what it says of its end is bounded', async () => {
  const script =
    `echo '{"port":1,"pid":1}'; head -c 20000000 /dev/zero | tr '\\0' x; ` +
    `head -c 20000000 /dev/zero | tr '\\0' y >&2; exit 3`;
  const before = process.memoryUsage.rss();
  const agent = await startAgentProcess(HERE, 'a-token-of-a-test', ['bash', '-c', script]);
  expect(await agent.exited).toMatch(/^code 3: y{400}…$/);
  expect(process.memoryUsage.rss() - before).toBeLessThan(60_000_000);
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
