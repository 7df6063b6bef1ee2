/** Bounds on what a node says: no log grows with what clients send, and none is waited for. */

export const LOG_BOUNDS = {
  logLinesOfAKind: {
    value: 20,
    unit: 'lines',
    why: 'Of one message in a second: clients can make some be said as often as they send.',
    seen: 'the lines beyond are counted in one line at the end of the second',
  },
  logLines: {
    value: 200,
    unit: 'lines',
    why: 'Of all messages of a process in a second.',
    seen: 'the lines beyond are counted in one line at the end of the second',
  },
  logCharactersOfAKind: {
    value: 16_384,
    unit: 'characters',
    why: 'Of one message in a second: errors come with traces and with texts of clients.',
    seen: 'the lines beyond are counted in one line at the end of the second',
  },
  logCharacters: {
    value: 65_536,
    unit: 'characters',
    why: 'Of all messages of a process in a second: a disk of 100 GB takes weeks to fill.',
    seen: 'the lines beyond are counted in one line at the end of the second',
  },
  logTextLength: {
    value: 4_000,
    unit: 'characters',
    why: 'Of a message and of each of its texts, but 8,000 of an error with its causes.',
    seen: 'the text ends with how much is missing',
  },
  logQueueBytes: {
    value: 1_048_576,
    unit: 'bytes',
    why: 'Lines of a process that wait for who reads them: some seconds of the most it says.',
    seen: 'lines are lost until there is room',
    counted: 'holdfast_log_lines_lost_total',
  },
  appLines: {
    value: 500,
    unit: 'lines',
    why: 'That an app prints on one worker in a second; more than anybody reads.',
    seen: 'the lines beyond are dropped, which is said at the end of the second',
    counted: 'holdfast_app_output_dropped_total',
  },
  appCharacters: {
    value: 262_144,
    unit: 'characters',
    why: 'The same in characters: a disk of 100 GB takes days to fill.',
    seen: 'the lines beyond are dropped, which is said at the end of the second',
    counted: 'holdfast_app_output_dropped_total',
  },
  appLineLength: {
    value: 8_000,
    unit: 'characters',
    why: 'Of a line that an app prints, so that none is held whole until it ends.',
    seen: 'the line is cut and ends with `…`',
    counted: 'holdfast_app_output_dropped_total',
  },
} as const;
