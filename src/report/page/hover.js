/**
 * Values under the pointer: a line through the plot and a table beside it, for a mouse, a finger or
 * the arrow keys. The page is whole without this script.
 */

const charts = JSON.parse(document.getElementById('hover-data').textContent);

for (const figure of document.querySelectorAll('figure[data-chart]')) {
  watch(figure, charts[figure.dataset.chart]);
}

function watch(figure, panels) {
  const view = createView(figure);
  const svg = figure.querySelector('svg');
  let place;
  const show = (panel, across) => {
    place = { panel, across };
    view.draw(panel, across);
  };
  const hide = () => {
    place = undefined;
    view.clear();
  };

  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const x = (event.clientX - box.left) * scale;
    const y = (event.clientY - box.top) * scale;
    const panel = panels.find(({ top, bottom }) => y >= top && y <= bottom);
    if (!panel || x < panel.left || x > panel.right) return hide();
    const share = (x - panel.left) / (panel.right - panel.left);
    return show(panel, panel.from + share * (panel.to - panel.from));
  });
  svg.addEventListener('pointerleave', hide);
  figure.addEventListener('blur', hide);
  window.addEventListener('resize', hide);
  figure.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === 'Escape') hide();
    if (step === undefined) return;
    event.preventDefault();
    const panel = place?.panel ?? panels[0];
    const { across } = panel.groups[0];
    const from = place ? nearest(across, place.across) + step : Math.floor(across.length / 2);
    show(panel, across[Math.min(across.length - 1, Math.max(0, from))]);
  });
}

/** The line and the table of one chart. */
function createView(figure) {
  const svg = figure.querySelector('svg');
  const tip = document.createElement('div');
  tip.className = 'tip';
  const rule = document.createElementNS('http://www.w3.org/2000/svg', 'line');
  rule.setAttribute('class', 'rule');
  const clear = () => {
    tip.hidden = true;
    rule.style.display = 'none';
  };
  clear();
  figure.append(tip);
  svg.append(rule);

  const draw = (panel, across) => {
    const found = panel.groups.map((group) => ({ group, at: nearest(group.across, across) }));
    const [{ group, at: index }] = found;
    const moment = document.createElement('b');
    moment.textContent = group.moments[index];
    tip.replaceChildren(moment, ...found.flatMap(linesAt));
    tip.hidden = false;

    const share = (group.across[index] - panel.from) / (panel.to - panel.from);
    const x = panel.left + share * (panel.right - panel.left);
    rule.style.display = '';
    for (const name of ['x1', 'x2']) rule.setAttribute(name, x);
    rule.setAttribute('y1', panel.top);
    rule.setAttribute('y2', panel.bottom);
    const box = svg.getBoundingClientRect();
    const around = figure.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const isRight = x > (panel.left + panel.right) / 2;
    tip.style.top = `${box.top - around.top + panel.top * scale}px`;
    const at = box.left - around.left + x * scale;
    const left = isRight ? at - tip.offsetWidth - 12 : at + 12;
    tip.style.left = `${Math.max(4, Math.min(left, around.width - tip.offsetWidth - 4))}px`;
  };
  return { draw, clear };
}

/** Nothing where a series has a gap. */
function linesAt({ group, at }) {
  return group.rows.filter(({ values }) => values[at] !== '').map((row) => line(row, at));
}

function line({ name, color, values }, at) {
  const row = document.createElement('span');
  const swatch = document.createElement('i');
  swatch.style.background = color;
  const value = document.createElement('strong');
  value.textContent = values[at];
  row.append(swatch, name, value);
  return row;
}

/** The index of the entry nearest to a value; entries ascend. */
function nearest(entries, value) {
  let low = 0;
  let high = entries.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (entries[middle] > value) high = middle;
    else low = middle;
  }
  return Math.abs(entries[high] - value) < Math.abs(value - entries[low]) ? high : low;
}
