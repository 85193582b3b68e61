(() => {
  'use strict';
  const { all, byId, css, el } = Page;
  const number = (v, digits = 4) => v === undefined || v === null ? '–' : v.toFixed(digits);
  const raw = all.results[0];
  const fitted = all.results.slice(1);
  const charts = new Map();

  function row(tag, cells, className) {
    const tr = el('tr', undefined, className);
    cells.forEach((c, i) => tr.append(c instanceof Node ? c : el(i === 0 ? 'th' : tag, c)));
    return tr;
  }

  function table(id, head, lines) {
    const t = byId(id);
    t.replaceChildren(el('thead'), el('tbody'));
    t.tHead.append(row('th', head));
    lines.forEach(l => t.tBodies[0].append(l));
  }

  function numbers(id, r) {
    table(id, ['confidence', 'rows', 'mean confidence', 'accuracy'], r.reliability.bins.filter(b => b.count > 0).map(b =>
      row('td', [number(b.low, 2) + ' – ' + number(b.high, 2), b.count.toLocaleString('en'), number(b.confidence), number(b.accuracy)])));
  }

  function draw(id, r) {
    const most = Math.max(...r.reliability.bins.map(b => b.count));
    const middle = b => (b.low + b.high) / 2;
    const bins = r.reliability.bins.filter(b => b.count > 0);
    const chart = charts.get(id) || echarts.init(byId(id));
    charts.set(id, chart);
    const axis = name => ({
      type: 'value', min: 0, max: 1, name, nameLocation: 'middle', nameGap: 30,
      axisLabel: { color: css('--quiet') }, nameTextStyle: { color: css('--quiet') }, splitLine: { lineStyle: { color: css('--grid') } }
    });
    chart.setOption({
      animation: false,
      grid: { left: 55, right: 50, top: 20, bottom: 50 },
      tooltip: { trigger: 'item', formatter: p => {
        const b = bins[p.dataIndex];
        return b ? `says ${number(b.confidence, 3)}<br>is right ${number(b.accuracy, 3)}<br>${b.count} rows` : '';
      } },
      xAxis: axis('confidence: what the model says'),
      yAxis: [axis('accuracy: how often it is right'), { type: 'value', min: 0, max: most * 4, show: false }],
      series: [
        { type: 'bar', yAxisIndex: 1, data: bins.map(b => [middle(b), b.count]), barWidth: 14, itemStyle: { color: css('--line') }, z: 1 },
        { type: 'line', data: [[0, 0], [1, 1]], symbol: 'none', silent: true, tooltip: { show: false }, lineStyle: { color: css('--quiet'), type: 'dashed' }, z: 2 },
        { type: 'line', data: bins.map(b => [b.confidence, b.accuracy]), symbol: 'circle', symbolSize: 9, itemStyle: { color: css('--accent') }, lineStyle: { color: css('--accent') }, z: 3 }
      ]
    });
    byId(id).setAttribute('aria-label', `Reliability diagram of ${r.method}: ` + bins.map(b => `says ${number(b.confidence, 2)}, right ${number(b.accuracy, 2)}`).join('; '));
  }

  function measures() {
    const label = m => {
      const th = el('th', m.label);
      th.title = m.summary;
      th.append(el('span', '  ' + m.summary, 'quiet'));
      return th;
    };
    const line = m => {
      const values = all.results.map(r => r.metrics[m.label]);
      const best = Math.min(...values.filter(v => v !== undefined));
      return row('td', [label(m), ...values.map(v => {
        const td = el('td', number(v));
        if (v === best) td.style.fontWeight = '700';
        return td;
      })]);
    };
    table('metrics', ['', ...all.results.map(r => r.method)],
      [row('td', ['accuracy', ...all.results.map(r => number(r.accuracy))]), ...all.metrics.map(line)]);
  }

  function show() {
    const r = fitted[byId('after').selectedIndex];
    draw('before-chart', raw);
    draw('after-chart', r);
    numbers('before-table', raw);
    numbers('after-table', r);
    const note = x => `Bars: how many rows. The dashed line is honesty; below it the model is too sure. ECE ${number(x.metrics.ECE_ew)}.`;
    byId('before-note').textContent = note(raw);
    byId('after-note').textContent = note(r) + (r.keepsDecision ? ' Every row keeps its class.' : ' Rows may change their class.');
  }

  const first = fitted[0];
  byId('headline').textContent = `Confidence and accuracy were ${number(100 * raw.metrics.ECE_ew, 1)} points apart on average (ECE), after ${first.method} ${number(100 * first.metrics.ECE_ew, 1)}.`;
  byId('facts').textContent = `${all.model} on ${all.data}: fitted on ${all.fitRows.toLocaleString('en')} rows, measured on ${all.testRows.toLocaleString('en')} others.`;
  all.warnings.forEach(w => byId('warnings').append(el('p', w, 'note')));
  fitted.forEach(r => byId('after').append(el('option', r.method)));
  byId('after').addEventListener('change', show);
  measures();
  show();
  addEventListener('resize', () => charts.forEach(c => c.resize()));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
})();
