/** Ports for what tests start and cannot have on port 0. */

/** Below those that the kernel gives to connections, of which tests beside this have many. */
const PORTS = { first: 11_000, count: 20_000 };

/** The first of so many ports in a row that are free; another may take one all the same. */
export function freePorts(count: number): number {
  for (;;) {
    const first = PORTS.first + Math.floor(Math.random() * PORTS.count);
    const listeners: Bun.TCPSocketListener[] = [];
    try {
      for (let at = 0; at < count; at++) {
        const port = first + at;
        listeners.push(Bun.listen({ hostname: '0.0.0.0', port, socket: { data: () => {} } }));
      }
      return first;
    } catch {
      // One of them is taken: another row.
    } finally {
      for (const listener of listeners) listener.stop(true);
    }
  }
}
