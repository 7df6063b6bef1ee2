/** What came of test files, read from Bun's JUnit reports and from what `bun test` printed. */

/** A `bun test` that has ended. */
export interface EndedRun {
  readonly file: string;
  readonly seconds: number;
  /** Of its process, and of those that it started and waited for. */
  readonly cpuSeconds: number;
  /** Its exit code, or the signal that ended it. */
  readonly end: number | string;
  readonly output: string;
  /** Undefined when it wrote none: the file does not load, or its process was ended. */
  readonly report: string | undefined;
}

export interface FileResult {
  readonly file: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What it printed; empty when no test was asked for. */
  readonly text: string;
  /** What is said of its failures at the end of a run. */
  readonly failures: string;
  /** The names of tests that failed, as far as its report has them. */
  readonly failedTests: readonly string[];
  /** The suites of its report. */
  readonly suites: string;
}

export type Sum = Pick<FileResult, 'passed' | 'failed' | 'skipped'>;

/** So many lines of a failure are repeated at the end; the whole of it stands with its file. */
const LINES_MAX = 30;

/** Whatever made Bun fail counts as a failure, in the report or not. */
export function resultOf(run: EndedRun): FileResult {
  const { file, seconds, cpuSeconds, end, output, report } = run;
  const text = bodyOf(output, file);
  const common = { file, seconds, cpuSeconds, text };
  if (report === undefined) {
    const failures = `${lastLines(text)}\nbun test wrote no report; it ended with ${end}.`;
    return { ...common, passed: 0, failed: 1, skipped: 0, failures, failedTests: [], suites: '' };
  }
  const [, totals = '', suites = ''] =
    /<testsuites ([^>]*)>\n?([^]*?)\s*<\/testsuites>/.exec(report) ?? [];
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(totals)?.[1] ?? 0);
  const skipped = count('skipped');
  const told = count('failures');
  const failed = end === 0 ? told : Math.max(1, told);
  const passed = count('tests') - told - skipped;
  const isAsked = passed + failed > 0 || /^\(skip\)/m.test(text);
  const cases = failedCases(suites);
  return {
    ...common,
    passed,
    failed,
    skipped,
    text: isAsked ? text : '',
    failures: told > 0 ? textOf(cases) : `${lastLines(text)}\nbun test ended with ${end}.`,
    failedTests: cases.map(({ title }) => title),
    suites,
  };
}

export function sumOf(results: readonly Sum[]): Sum {
  const total = (name: keyof Sum): number => results.reduce((sum, item) => sum + item[name], 0);
  return { passed: total('passed'), failed: total('failed'), skipped: total('skipped') };
}

export function sentenceOf(result: FileResult): string {
  const { passed, failed, skipped, seconds, cpuSeconds } = result;
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  return `${counts} in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU`;
}

/** One report of all files, in the form of Bun's. */
export function mergedReport(results: readonly FileResult[]): string {
  const { passed, failed, skipped } = sumOf(results);
  const counts = `tests="${passed + failed + skipped}" failures="${failed}" skipped="${skipped}"`;
  const suites = results.map((result) => result.suites).filter((text) => text !== '');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="bun test" ${counts}>`,
    ...suites,
    '</testsuites>\n',
  ].join('\n');
}

/** Without what Bun says around it: its version, the name of the file, and the sum. */
function bodyOf(output: string, file: string): string {
  return output
    .replace(/^bun test v.*\n/m, '')
    .replace(`${file}:\n`, '')
    .replace(
      /\n(?: --seed=\d+\n)?(?: +\d+ [^\n]+\n)+Ran \d+ tests? across \d+ files?\.[^\n]*\n$/,
      '',
    )
    .trim();
}

/** A test that failed: its name, its suite, and what the failure says, short and at length. */
const FAILED_CASE: RegExp =
  /<testcase name="([^"]*)" classname="([^"]*)"[^>]*>\s*<failure[^>]*? message="([^"]*)"([^<]*)/g;

interface FailedCase {
  readonly title: string;
  readonly shown: string;
}

function failedCases(suites: string): readonly FailedCase[] {
  return [...suites.matchAll(FAILED_CASE)].map(
    ([, name = '', suite = '', message = '', rest = '']) => {
      const title = unescaped(suite === '' ? name : `${suite} > ${name}`);
      const text = unescaped(rest.slice(rest.indexOf('>') + 1)).trim();
      return { title, shown: text === '' ? unescaped(message).trim() : text };
    },
  );
}

function textOf(cases: readonly FailedCase[]): string {
  return cases
    .map(({ title, shown }) => `${title}\n  ${firstLines(shown).replaceAll('\n', '\n  ')}`)
    .join('\n\n');
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll('&amp;', '&');
}

function firstLines(text: string): string {
  const lines = text.split('\n');
  return lines.length <= LINES_MAX ? text : [...lines.slice(0, LINES_MAX), '…'].join('\n');
}

function lastLines(text: string): string {
  return text.split('\n').slice(-LINES_MAX).join('\n');
}
