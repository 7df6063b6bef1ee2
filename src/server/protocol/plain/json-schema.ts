/**
 * Judges parsed JSON by a JSON Schema, as far as the messages of the plain protocol need it.
 *
 * A schema is compiled once into a function; one that uses a word which is not known here is
 * refused then, so that nothing of a schema is passed over in silence. Source: JSON Schema, draft
 * 2020-12, "Validation".
 */

/** The words of JSON Schema that are understood; `description` and `title` say nothing to us. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly const?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** @returns what is wrong with a value, to be put behind its name; `undefined` for nothing */
export type Judge = (value: unknown) => string | undefined;

const WORDS: ReadonlySet<string> = new Set([
  'title',
  'description',
  'type',
  'const',
  'required',
  'properties',
  'items',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
]);

const TYPES: Readonly<Record<string, { is: (value: unknown) => boolean; text: string }>> = {
  object: { is: isObject, text: 'must be an object' },
  array: { is: Array.isArray, text: 'must be an array' },
  string: { is: (value) => typeof value === 'string', text: 'must be a text' },
  integer: { is: Number.isInteger, text: 'must be a whole number' },
  boolean: { is: (value) => typeof value === 'boolean', text: 'must be true or false' },
};

/** @throws Error for a word or type that is not understood */
export function compileSchema(schema: JsonSchema): Judge {
  const unknown = Object.keys(schema).find((word) => !WORDS.has(word));
  if (unknown !== undefined) throw new Error(`JSON Schema: '${unknown}' is not understood`);
  const judges = [...typeJudges(schema), ...boundJudges(schema), ...partJudges(schema)];
  return (value) => {
    for (const judge of judges) {
      const fault = judge(value);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}

function typeJudges({ type, const: only }: JsonSchema): Judge[] {
  const judges: Judge[] = [];
  if (type !== undefined) {
    const found = TYPES[type];
    if (found === undefined) throw new Error(`JSON Schema: type '${type}' is not understood`);
    judges.push((value) => (found.is(value) ? undefined : found.text));
  }
  if (only !== undefined) {
    judges.push((value) => (value === only ? undefined : `must be '${only}'`));
  }
  return judges;
}

function boundJudges({ minimum, maximum, minLength, maxLength }: JsonSchema): Judge[] {
  const [least, most] = [minimum ?? -Infinity, maximum ?? Infinity];
  const [shortest, longest] = [minLength ?? 0, maxLength ?? Infinity];
  const judges: Judge[] = [];
  if (minimum !== undefined || maximum !== undefined) {
    judges.push((value) => {
      const isOut = typeof value === 'number' && (value < least || value > most);
      return isOut ? `must be from ${least} to ${most}` : undefined;
    });
  }
  if (minLength !== undefined || maxLength !== undefined) {
    judges.push((value) => {
      const isOut =
        typeof value === 'string' && (value.length < shortest || value.length > longest);
      return isOut ? `must have from ${shortest} to ${longest} characters` : undefined;
    });
  }
  return judges;
}

function partJudges({ required = [], properties = {}, items }: JsonSchema): Judge[] {
  const judges: Judge[] = [];
  for (const name of required) {
    judges.push((value) => {
      return isObject(value) && !Object.hasOwn(value, name) ? `lacks '${name}'` : undefined;
    });
  }
  for (const [name, schema] of Object.entries(properties)) {
    const judge = compileSchema(schema);
    judges.push((value) => {
      if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
      const fault = judge(value[name]);
      return fault === undefined ? undefined : `'${name}' ${fault}`;
    });
  }
  if (items !== undefined) {
    const judge = compileSchema(items);
    judges.push((value) => {
      const fault = Array.isArray(value) ? value.map(judge).find(Boolean) : undefined;
      return fault === undefined ? undefined : `an item ${fault}`;
    });
  }
  return judges;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
