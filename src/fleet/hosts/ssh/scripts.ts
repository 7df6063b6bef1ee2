/**
 * What runs on a host that is reached by ssh, as text for its `sh`. All that is put in is judged
 * before: digits, hexadecimal digits, a path without a quote.
 *
 * Agents are started in a folder of their fleet, whose name is in their arguments. Stopping ends
 * only processes that have it there: a number that was reused meanwhile is another process.
 */

export interface AgentsThere {
  /** Of the fleet and this host of it, hexadecimal digits and a number. */
  readonly id: string;
  readonly ports: readonly number[];
}

export interface StartThere extends AgentsThere {
  readonly token: string;
  /** `holdfast`, or a path to it. */
  readonly command: string;
  /** `0.0.0.0` or `[::]`. */
  readonly listen: string;
  /** After which agents end by themselves. */
  readonly seconds: number;
}

const NO_COMMAND = 'no-command';
const READY_SECONDS = 20;

/** Completes `--command is …; it must be …`. */
export const COMMAND_RULE = 'a name or path of letters, digits and . _ / + ~ -';

export function isCommand(text: string): boolean {
  return /^(?:~\/)?[A-Za-z0-9/_.][\w./+-]{0,1023}$/.test(text);
}

/** Prints `agent PORT ready`, or `agent PORT failed WHY`, for each. */
export function startScript({ id, ports, token, command, listen, seconds }: StartThere): string {
  // A tilde is the shell's, and means nothing in quotes.
  const path = command.startsWith('~/') ? `"$HOME"'${command.slice(1)}'` : `'${command}'`;
  return `${folderOf(id)}
command=${path}
command -v "$command" >/dev/null 2>&1 || { echo ${NO_COMMAND}; exit 3; }
mkdir -p "$folder" || exit 4
printf '%s\\n' '${quoted(token)}' >"$folder/token" || exit 4
ulimit -n "$(ulimit -H -n)" 2>/dev/null
for port in ${ports.join(' ')}; do
  nohup setsid timeout -k 10 ${seconds} "$command" fleet agent --listen "${listen}:$port" \\
    --token-file "$folder/token" --json </dev/null >"$folder/$port.out" 2>"$folder/$port.err" &
  echo $! >"$folder/$port.pid"
done
for port in ${ports.join(' ')}; do
  waited=0
  while [ ! -s "$folder/$port.out" ] && kill -0 "$(cat "$folder/$port.pid")" 2>/dev/null; do
    waited=$((waited + 1))
    [ "$waited" -gt ${READY_SECONDS * 10} ] && break
    sleep 0.1
  done
  if [ -s "$folder/$port.out" ]; then echo "agent $port ready"
  else echo "agent $port failed $(tail -n 1 "$folder/$port.err" | cut -c 1-300)"; fi
done
`;
}

/** Prints `stopped N` when none is left. */
export function stopScript({ id, ports }: AgentsThere): string {
  return `${folderOf(id)}
ours() { { tr '\\0' '\\n' <"/proc/$1/cmdline" | grep -qxF -- "$folder/token"; } 2>/dev/null; }
stopped=0
for port in ${ports.join(' ')}; do
  pid=$(cat "$folder/$port.pid" 2>/dev/null)
  case $pid in '' | *[!0-9]*) continue ;; esac
  ours "$pid" && kill -s TERM "$pid" 2>/dev/null && stopped=$((stopped + 1))
done
for port in ${ports.join(' ')}; do
  pid=$(cat "$folder/$port.pid" 2>/dev/null)
  waited=0
  while [ -n "$pid" ] && ours "$pid" && [ "$waited" -lt 100 ]; do
    waited=$((waited + 1))
    sleep 0.1
  done
  rm -f "$folder/$port.pid" "$folder/$port.out" "$folder/$port.err"
done
rm -f "$folder/token"
rmdir "$folder" 2>/dev/null
echo "stopped $stopped"
`;
}

/** @returns ports whose agent is not ready, each with the reason; undefined for no such answer */
export function readStart(
  out: string,
  ports: readonly number[],
): ReadonlyMap<number, string> | undefined {
  const lines = new Map(
    [...out.matchAll(/^agent (\d{1,5}) (ready|failed.*)$/gm)].map(
      ([, port, how = '']) => [Number(port), how] as const,
    ),
  );
  if (!ports.every((port) => lines.has(port))) return undefined;
  const failed = [...lines].filter(([, how]) => how !== 'ready');
  return new Map(
    failed.map(([port, how]) => [port, how.slice('failed'.length).trim() || 'it said nothing']),
  );
}

export function lacksCommand(out: string): boolean {
  return out.split('\n').includes(NO_COMMAND);
}

/** Created for this user alone, tokens and all. */
function folderOf(id: string): string {
  return `umask 077\nfolder="$HOME/.local/state/holdfast/fleet-${id}"`;
}

/** Tokens may hold any visible character. */
function quoted(text: string): string {
  return text.replaceAll("'", String.raw`'\''`);
}
