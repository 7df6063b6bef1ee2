/**
 * Names what a worker wants to hear of on the bus: a namespace, a room in it, or a user in it.
 *
 * Workers register these keys, the controller looks them up; both must build them alike.
 */

/** Anything said to everyone in a namespace. */
export function namespaceKey(namespace: string): string {
  return `n${namespace}`;
}

/** Anything said to a room. A namespace holds no NUL, so keys cannot run into each other. */
export function roomKey(namespace: string, room: string): string {
  return `r${namespace}\0${room}`;
}

/** Anything said to a room of which everyone of a namespace is the one without a name. */
export function audienceKey(namespace: string, room: string): string {
  return room === '' ? namespaceKey(namespace) : roomKey(namespace, room);
}

/** The namespace and room of such a key; `undefined` for that of a user. */
export function readAudienceKey(
  key: string,
): readonly [namespace: string, room: string] | undefined {
  if (key.startsWith('n')) return [key.slice(1), ''];
  const at = key.indexOf('\0');
  return key.startsWith('r') && at > 0 ? [key.slice(1, at), key.slice(at + 1)] : undefined;
}

/** Anything said to a user. */
export function userKey(namespace: string, user: string): string {
  return `u${namespace}\0${user}`;
}
