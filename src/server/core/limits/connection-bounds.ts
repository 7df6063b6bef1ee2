/** Bounds on what connections of clients bring, before anybody knows what it is. */

export const CONNECTION_BOUNDS = {
  headBytes: {
    value: 16_384,
    unit: 'bytes',
    why: 'Of a request, from the method to the empty line: cookies and tokens have place.',
    seen: 'HTTP 431, or 414 where it is the request line, and the connection ends',
    counted: 'protocolBroken',
  },
  headerLines: {
    value: 200,
    unit: 'lines',
    why: 'Of a request: each may be asked for by its name.',
    seen: 'HTTP 431, and the connection ends',
    counted: 'protocolBroken',
  },
  chunkLineBytes: {
    value: 256,
    unit: 'bytes',
    why: 'Before a chunk of a body stand its size and extensions, which nobody uses.',
    seen: 'HTTP 400, and the connection ends',
    counted: 'protocolBroken',
  },
  trailerBytes: {
    value: 4_096,
    unit: 'bytes',
    why: 'Behind a body in chunks; nobody reads them.',
    seen: 'HTTP 431, and the connection ends',
    counted: 'protocolBroken',
  },
  chunkExcessBytes: {
    value: 65_536,
    unit: 'bytes',
    why: 'What frames a body in chunks costs time and counts in no other limit.',
    seen: 'HTTP 400, and the connection ends',
    counted: 'protocolBroken',
  },
  requestsPerSlice: {
    value: 32,
    unit: 'requests',
    why: 'Of one connection, sent without waiting for answers: then others have their turn.',
  },
  messagesPerSlice: {
    value: 256,
    unit: 'messages',
    why: 'Of one WebSocket, some 2 ms of work: then others have their turn.',
  },
  bytesPerSliceMessage: {
    value: 8_192,
    unit: 'bytes',
    why: 'A long message counts for one more each; some may have been unpacked from very few.',
  },
  emptyFragmentsPerMessage: {
    value: 65_536,
    unit: 'frames',
    why: 'Without a byte: a message that goes on in them would never end.',
    seen: 'close code 1008',
    counted: 'protocolBroken',
  },
  lingerSeconds: {
    value: 8,
    unit: 'seconds',
    why: 'To take the last bytes and to close; Bun counts in grains of 4, so it is 4 at the least.',
  },
} as const;
