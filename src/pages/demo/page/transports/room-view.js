/**
 * The last messages of the room, a row each, and when each panel heard them.
 *
 * The panels of a page have one clock, so the times between them are exact; only how late the first
 * was depends on the server's clock. A panel that heard a message twice would say so.
 */

const ROWS_MAX = 5;

export class RoomView {
  #body = document.getElementById('said');
  #names;
  /** The rows shown by the id of their message, oldest first. */
  #rows = new Map();

  /** @param {readonly { name: string, title: string }[]} panels in the order of their columns */
  constructor(panels) {
    this.#names = panels;
    const heads = panels.map(({ title }) => cell('th', title));
    for (const head of heads) head.scope = 'col';
    document.getElementById('columns').append(...heads);
  }

  /**
   * A panel has heard a message.
   *
   * @param {{ id?: string, text: string }} message without an id, the last one of that text which
   *   this panel has not heard
   * @param {string} name of the panel
   * @param {number} atMs
   * @returns {number} how many milliseconds after the first panel
   */
  heard({ id, text }, name, atMs) {
    const row = this.#find(id, text, name) ?? this.#add(id ?? `${text} ${atMs}`, text, atMs);
    const afterMs = atMs - row.firstMs;
    const mark = row.cells.get(name);
    const times = Number(mark.dataset.times ?? 0) + 1;
    mark.dataset.times = String(times);
    if (times > 1) mark.textContent = `${times} times`;
    else mark.textContent = row.isEmpty ? 'first' : `+${afterMs.toFixed(1)} ms`;
    mark.toggleAttribute('data-first', row.isEmpty);
    row.isEmpty = false;
    return afterMs;
  }

  #find(id, text, name) {
    if (id !== undefined) return this.#rows.get(id);
    return [...this.#rows.values()].findLast((row) => {
      return row.text === text && row.cells.get(name).dataset.times === undefined;
    });
  }

  #add(id, text, firstMs) {
    const element = document.createElement('tr');
    element.dataset.message = id;
    const head = cell('th', text);
    head.scope = 'row';
    const cells = new Map();
    for (const { name, title } of this.#names) {
      const mark = cell('td', '–');
      mark.dataset.title = title;
      mark.dataset.of = name;
      cells.set(name, mark);
    }
    element.append(head, ...cells.values());
    const row = { element, text, cells, firstMs, isEmpty: true };
    this.#rows.set(id, row);
    this.#body.prepend(element);
    for (const [oldId, old] of this.#rows) {
      if (this.#rows.size <= ROWS_MAX) break;
      old.element.remove();
      this.#rows.delete(oldId);
    }
    return row;
  }
}

function cell(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  return element;
}
