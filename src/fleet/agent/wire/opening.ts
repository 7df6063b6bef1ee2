/** The opening handshake of WebSocket (RFC 6455, 4.1), as a client has its part in it. */

/** Servers only hash the key, so one for all connections serves as well (RFC 6455, 4.2.2). */
const WEBSOCKET_KEY = 'aG9sZGZhc3QtZmxlZXQhIQ==';

/** The hash of the key and of the identifier that the RFC names. */
export const WEBSOCKET_ACCEPT = 'ieMDwv2/WlRE6Hk2Sv/8THkPNAc=';

/** Headers of the request, beside `Host`. */
export const UPGRADE_HEADERS: readonly string[] = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${WEBSOCKET_KEY}`,
];
