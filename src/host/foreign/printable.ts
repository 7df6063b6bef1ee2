/**
 * Text from elsewhere as a terminal may show it: nothing that a terminal obeys, and nothing that
 * makes a text look like another one. What is taken out is shown by its number, so that two names
 * that differ look different. Everything that a command prints goes through here (cli/output.ts).
 *
 * Names of rooms and workers, errors of servers, functions in a profile, files, answers of agents:
 * whoever chose them must not move the cursor, forge a line, or write into the clipboard.
 */

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const COLOURS = /\u001b\[[\d;]*m/g;

/**
 * What a terminal obeys or does not show: C0 and C1 with DEL, line and paragraph separators, all
 * that is for formatting (marks of direction, embeddings, isolates, joiners, tags), fillers that
 * look like nothing, and halves of surrogate pairs. What makes up an emoji stays.
 */
const OBEYED = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const JOINER = '\u200d';
const JOINED =
  /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d\p{Extended_Pictographic}/u;
/** Whether the character before it is drawn as text or as a picture. */
const STYLES: ReadonlySet<string> = new Set(['\ufe0e', '\ufe0f']);

/** Most texts need no more than this look: visible ASCII, on lines. */
const SPECIAL = /[^ -~\n]/;

/** On one line. */
export function printable(text: string): string {
  return replaceObeyed(text, shown);
}

/** On the lines that it has, which its writer laid out. */
export function printableLines(text: string): string {
  return replaceObeyed(text, (character) => (character === '\n' ? character : shown(character)));
}

/** JSON that says the same, in which nothing stands raw that a terminal obeys. */
export function printableJson(value: unknown, indent?: number): string {
  return printableJsonText(JSON.stringify(value, null, indent));
}

/** The same, of JSON that is text already; as that it says what it said. */
export function printableJsonText(json: string): string {
  // Of what JSON leaves as it is, none stands outside of strings; line ends are between its tokens.
  return replaceObeyed(json, (character) => (character === '\n' ? character : inUnits(character)));
}

/** For text whose writer meant it for a terminal: its colours say nothing that is missed. */
export function withoutColours(text: string): string {
  return text.replace(COLOURS, '');
}

function replaceObeyed(text: string, by: (character: string) => string): string {
  if (!SPECIAL.test(text) && !text.includes('\n')) return text;
  return text.replace(OBEYED, (character, at: number) => {
    if (STYLES.has(character)) return character;
    if (character !== JOINER) return by(character);
    // What comes before it may be one unit or two.
    const isJoined = [1, 2].some((units) =>
      JOINED.test(text.slice(Math.max(0, at - units), at + 3)),
    );
    return isJoined ? character : by(character);
  });
}

/** As JSON writes what it escapes. */
function inUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, unit) => character.charCodeAt(unit));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function shown(character: string): string {
  switch (character) {
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
  }
  const number = (character.codePointAt(0) ?? 0).toString(16);
  if (number.length <= 2) return `\\x${number.padStart(2, '0')}`;
  return number.length <= 4 ? `\\u${number.padStart(4, '0')}` : `\\u{${number}}`;
}
