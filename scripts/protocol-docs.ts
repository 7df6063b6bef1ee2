/**
 * Writes docs/protocol/messages.schema.json from the schema that the server judges messages by. Run
 * it after every change of that; a test beside it fails while the page is behind.
 */
import {
  ANSWER_BODIES,
  CLIENT_MESSAGES,
  SERVER_MESSAGES,
} from '../src/server/protocol/plain/message-schema.ts';

export const schemaPath: URL = new URL('../docs/protocol/messages.schema.json', import.meta.url);

/** The messages by `$defs`: those of clients and of the server that share a type have two names. */
export function schemaPage(): string {
  const named = (prefix: string, messages: object): object =>
    Object.fromEntries(Object.entries(messages).map(([type, schema]) => [prefix + type, schema]));
  const oneOf = (prefix: string, messages: object): object => ({
    oneOf: Object.keys(messages).map((type) => ({ $ref: `#/$defs/${prefix}${type}` })),
  });
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Messages of the plain protocol of Holdfast',
    description: 'See docs/PROTOCOL.md. Members that are not named are passed over.',
    $defs: {
      ...named('client.', CLIENT_MESSAGES),
      ...named('server.', SERVER_MESSAGES),
      ...ANSWER_BODIES,
      clientMessage: oneOf('client.', CLIENT_MESSAGES),
      serverMessage: oneOf('server.', SERVER_MESSAGES),
    },
    anyOf: [{ $ref: '#/$defs/clientMessage' }, { $ref: '#/$defs/serverMessage' }],
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) await Bun.write(schemaPath, schemaPage());
