/** The launcher in `bin/`, as the command sees it: its parent, which it does not outlive. */

/** Set by the launcher: its pid. */
const VARIABLE = 'HOLDFAST_LAUNCHER';
const CHECK_MS = 250;

/**
 * A launcher that is killed can pass nothing on, and its command would go on unseen, with its
 * ports. Does nothing when the command was started in another way.
 *
 * @returns ends the watch
 */
export function whenLauncherIsGone(
  onGone: () => void,
  parent: () => number = parentPid,
): () => void {
  const launcher = parent();
  if (process.env[VARIABLE] !== String(launcher)) return () => {};
  const timer = setInterval(() => {
    if (parent() === launcher) return;
    clearInterval(timer);
    onGone();
  }, CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function parentPid(): number {
  return process.ppid;
}
