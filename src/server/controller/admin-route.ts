/** What a path of the admin API is. */

/** What a handler is told of a request beside itself. */
export interface Caller {
  readonly server: Bun.Server<undefined>;
  readonly address: string;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Answered without the token, since probes have none and the answer tells nothing. */
  readonly isOpen?: boolean;
  /** It changes something, or costs the node something. */
  readonly isActing?: boolean;
  readonly handle: (request: Request, caller: Caller) => Response | Promise<Response>;
}
