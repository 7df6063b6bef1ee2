/**
 * Works through a queue in several lanes: each takes the next item when it has done its last.
 *
 * @param work resolves with false when nothing more is to be begun
 * @returns whether all items were begun
 */
export async function runInLanes<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<boolean>,
): Promise<boolean> {
  const queue = [...items];
  let goesOn = true;
  const lane = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      if (!(await work(item))) goesOn = false;
      if (!goesOn) return;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return goesOn;
}
