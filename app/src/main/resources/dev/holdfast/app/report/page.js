/** What all pages use: their data, elements, tables, and the look of charts. */
const Page = (() => {
  'use strict';
  const all = JSON.parse(document.getElementById('data').textContent);
  const byId = id => document.getElementById(id);
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const known = v => v !== undefined && v !== null;
  /** Three digits, with an exponent where the number is far from 1. */
  const number = v => !known(v) ? '–' : Math.abs(v) >= 1000 || (v !== 0 && Math.abs(v) < 0.001) ? v.toExponential(2) : String(Number(v.toPrecision(3)));

  function el(tag, text, className) {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (className) e.className = className;
    return e;
  }

  function row(tag, cells, isText) {
    const tr = el('tr');
    cells.forEach((c, i) => tr.append(el(i === 0 ? 'th' : tag, c, isText(i) ? 'text' : undefined)));
    return tr;
  }

  /** Fills a table; columns of text stand on the left, numbers on the right. */
  function table(id, head, lines, isText = () => true) {
    const t = byId(id);
    t.replaceChildren(el('thead'), el('tbody'));
    t.tHead.append(row('th', head, isText));
    lines.forEach(cells => t.tBodies[0].append(row('td', cells, isText)));
  }

  const axis = name => ({
    name, nameLocation: 'middle', nameGap: 30, axisLabel: { color: css('--quiet') },
    nameTextStyle: { color: css('--quiet') }, splitLine: { lineStyle: { color: css('--grid') } }
  });

  /** A chart that keeps to the width of its place. */
  function draw(into, option) {
    const drawn = echarts.init(into);
    drawn.setOption({ animation: false, ...option });
    window.addEventListener('resize', () => drawn.resize());
  }

  /** A figure with title and caption; where its chart goes. */
  function figure(into, title, caption) {
    const box = el('figure');
    const canvas = el('div', undefined, 'chart');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', title);
    box.append(el('h3', title), canvas, el('figcaption', caption));
    byId(into).append(box);
    return canvas;
  }

  return { all, byId, css, known, number, el, table, axis, draw, figure };
})();
