/** A process of another name that listens on a port, as whoever has the port is named to users. */

const PROGRAM = `
  require('node:fs').writeFileSync('/proc/self/comm', process.env.NAME);
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() });
  process.stdout.write(String(server.port));`;

export interface StrangeListener extends AsyncDisposable {
  readonly port: number;
}

/** @param name up to 15 characters; Linux only */
export async function listenAs(name: string): Promise<StrangeListener> {
  const child = Bun.spawn([process.execPath, '--no-orphans', '-e', PROGRAM], {
    env: { ...process.env, NAME: name },
    stdout: 'pipe',
  });
  const { value } = await child.stdout.getReader().read();
  return {
    port: Number(new TextDecoder().decode(value)),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
    },
  };
}
