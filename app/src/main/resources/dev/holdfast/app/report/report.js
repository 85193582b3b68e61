(() => {
  'use strict';
  const { all, byId, css } = Page;
  const charts = new Map();
  // after Okabe and Ito, with neighbours that differ in lightness too
  const HUES = {
    light: ['#14685a', '#c4560b', '#3465a8', '#a8327c', '#8a6d00', '#5b4bb7', '#2b8cbe', '#b5343c', '#5f7f1d', '#7a5230', '#0d8f8f', '#9a5fb5'],
    dark: ['#62c9b1', '#f0965a', '#82aef0', '#e58bc4', '#dcbc4a', '#a99bf2', '#7cc8ee', '#f08a8f', '#aacb66', '#cba27c', '#5ed6d6', '#cf9fe6']
  };
  const SHAPES = ['circle', 'rect', 'triangle', 'diamond', 'pin', 'arrow'];
  let bed = all.beds[0];

  const dark = matchMedia('(prefers-color-scheme: dark)');
  const escape = text => String(text).replace(/[&<>"']/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }[c]));
  const known = v => v !== null && v !== undefined && Number.isFinite(v);
  const percent = (v, digits = 1) => known(v) ? (100 * v).toFixed(digits).replace(/^-(0\.?0*)$/, '$1') : '–';
  const count = n => n.toLocaleString('en');
  const bytes = n => n < 1e4 ? count(n) + ' B' : n < 1e7 ? count(Math.round(n / 1e3)) + ' kB' : count(Math.round(n / 1e6)) + ' MB';
  const short = (t, n) => t.length > n ? t.slice(0, n - 1) + '…' : t;
  const mean = v => v.reduce((a, b) => a + b, 0) / v.length;
  const done = () => bed.summary.filter(s => s.status === 'DONE');
  const trialsOf = name => bed.trials.filter(t => t.learner === name && t.status === 'DONE');
  const role = s => s.role.toLowerCase();
  /** Rows were tested before they were learnt; there are no tasks. */
  const streamed = () => Boolean(bed.stream.metric);

  function look(name) {
    const s = bed.summary.find(x => x.learner === name);
    if (s.role === 'BASELINE') return { color: css('--quiet'), type: 'dotted', shape: 'emptyCircle' };
    if (s.role === 'BOUND') return { color: css('--ink'), type: 'dashed', shape: 'emptyDiamond' };
    // by rank on the first data set, so that the best stand apart most and keep their colour on every data set
    const names = [...new Set([...all.beds[0].summary, ...bed.summary].filter(x => x.role === 'LEARNER').map(x => x.learner))];
    const i = names.indexOf(name);
    const hues = HUES[dark.matches ? 'dark' : 'light'];
    return { color: hues[i % hues.length], type: i < hues.length ? 'solid' : [8, 3], shape: SHAPES[i % SHAPES.length] };
  }

  function el(tag, attributes = {}, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) {
      if (v !== null && v !== undefined) e.setAttribute(k, v);
    }
    e.append(...children.filter(c => c !== null));
    return e;
  }

  function fill(table, caption, head, rows) {
    table.replaceChildren(
      el('caption', {}, caption),
      el('thead', {}, el('tr', {}, ...head.map(h => el('th', { scope: 'col', title: h.title, class: h.class }, h.text ?? h)))),
      el('tbody', {}, ...rows));
  }

  function cell(stat, form) {
    if (!stat) return el('td', {}, '–');
    const td = el('td', {}, form(stat.mean));
    if (known(stat.sd)) td.append(el('span', { class: 'sd' }, ' ± ' + form(stat.sd)));
    return td;
  }

  // ---------------------------------------------------------------- words and tables

  function headline() {
    byId('title').textContent = 'Which learner holds up on ' + bed.data.name + '?';
    const rows = done();
    const best = rows.find(s => s.role === 'LEARNER' && s.finalAccuracy);
    const of = name => rows.find(s => s.learner === name && s.finalAccuracy);
    const h = byId('headline');
    if (!best) {
      h.textContent = 'No learner has finished.';
      return;
    }
    if (streamed()) {
      const stay = trialsOf(best.learner).map(t => t.streamed.metrics.find(m => m.name === 'no-change ' + bed.stream.metric)).map(m => m && m.value).filter(known);
      h.replaceChildren(el('strong', {}, best.learner), ' reaches ' + percent(best.finalAccuracy.mean) + ' % ' + bed.stream.metric
        + ' on rows that it had not yet learnt' + (stay.length ? '; repeating what the row before had reaches ' + percent(mean(stay)) + ' %' : '') + '.');
      return;
    }
    const rest = [];
    if (of('finetune')) rest.push('plain fine-tuning keeps ' + percent(of('finetune').finalAccuracy.mean) + ' %');
    if (of('cumulative')) rest.push('retraining from scratch after every part reaches ' + percent(of('cumulative').finalAccuracy.mean) + ' %');
    else if (of('joint')) rest.push('joint training reaches ' + percent(of('joint').finalAccuracy.mean) + ' %');
    h.replaceChildren(el('strong', {}, best.learner), ' ends with ' + percent(best.finalAccuracy.mean) + ' % over all '
      + bed.stream.tasks.length + ' tasks' + (rest.length ? '; ' + rest.join(', ') : '') + '.');
  }

  function facts() {
    const seeds = all.request.seeds;
    byId('facts').textContent = bed.data.note + ' · ' + bed.stream.name + ' · '
      + seeds.length + (seeds.length === 1 ? ' seed' : ' seeds') + ' · ' + all.created.slice(0, 10);
    byId('foot').textContent = 'Holdfast ' + all.machine.holdfast + ' · results.json and results.csv beside this page hold the same numbers.';
  }

  function streamTable() {
    const names = (done()[0] || { metrics: [] }).metrics.map(m => m.name).filter(n => !n.startsWith('no-change'));
    const head = [{ text: 'Learner', class: 'text' }, { text: 'Role', class: 'text' }, ...names, 'Drifts', 'Rows/s', 'CPU s', 'Parameters', 'State'];
    const top = done().find(s => s.role === 'LEARNER');
    fill(byId('summary'), 'Over all rows of the stream, best ' + bed.stream.metric + ' first.', head, bed.summary.map(s => {
      const name = el('th', { scope: 'row' }, el('span', { class: 'dot', style: 'background:' + look(s.learner).color, 'aria-hidden': 'true' }),
        el('span', { class: 'name' }, s.learner));
      if (s.status !== 'DONE') {
        return el('tr', { class: 'problem' }, name, el('td', { class: 'text' }, role(s)),
          el('td', { colspan: head.length - 2 }, s.status.toLowerCase() + ': ' + s.message));
      }
      return el('tr', { class: s === top ? 'best' : role(s) }, name, el('td', { class: 'text' }, role(s)),
        ...names.map(n => cell(s.metrics.find(m => m.name === n).value, v => percent(v))),
        cell(s.drifts, v => v.toFixed(known(s.drifts && s.drifts.sd) ? 1 : 0)), cell(s.rowsPerSecond, v => count(Math.round(v))),
        cell(s.cpuSeconds, v => v.toFixed(2)), el('td', {}, count(s.parameters)), el('td', {}, bytes(s.bytes)));
    }));
  }

  function summaryTable() {
    if (streamed()) return streamTable();
    const doubtful = bed.summary.some(s => known(s.memorised));
    const head = ['Learner', 'Role', { text: 'Final', title: 'AA' }, { text: 'Average', title: 'AIA' },
      'Forgetting (survey)', 'Forgetting (classic)', 'BWT', 'IM', 'min-ACC', 'WC-ACC', 'WF10',
      ...doubtful ? [{ text: 'Memorised', title: 'wrong labels predicted as labelled' }, { text: 'Corrected', title: 'wrong labels predicted as they truly are' }] : [], 'CPU s', 'ms/batch', 'Parameters', 'State']
      .map((h, i) => i < 2 ? { text: h, class: 'text' } : h);
    const top = done().find(s => s.role === 'LEARNER');
    const rows = bed.summary.map(s => {
      const name = el('th', { scope: 'row' }, el('span', { class: 'dot', style: 'background:' + look(s.learner).color, 'aria-hidden': 'true' }),
        el('span', { class: 'name' }, s.learner));
      if (s.status !== 'DONE') {
        return el('tr', { class: 'problem' }, name, el('td', { class: 'text' }, role(s)),
          el('td', { colspan: head.length - 2 }, s.status.toLowerCase() + ': ' + s.message));
      }
      const seconds = v => v < 10 ? v.toFixed(2) : v.toFixed(1);
      return el('tr', { class: s === top ? 'best' : role(s) }, name, el('td', { class: 'text' }, role(s)),
        ...[s.finalAccuracy, s.averageAccuracy, s.forgetting, s.forgettingClassic, s.backwardTransfer, s.intransigence,
          s.minAccuracy, s.worstCaseAccuracy, s.windowedForgetting, ...doubtful ? [s.memorised, s.corrected] : []]
          .map(x => cell(x, v => percent(v))),
        cell(s.cpuSeconds, seconds), cell(s.msPerBatch, seconds),
        el('td', {}, count(s.parameters)), el('td', {}, bytes(s.bytes)));
    });
    const n = Math.max(0, ...bed.summary.map(s => s.seeds));
    fill(byId('summary'), n > 1 ? 'Mean ± standard deviation over ' + n + ' seeds, best final accuracy first.' : 'One seed, best final accuracy first.', head, rows);
  }

  function levelTable() {
    const rows = done().filter(s => s.levels && s.levels.length);
    byId('levels-section').hidden = !rows.length;
    if (!rows.length) return;
    const levels = rows[0].levels;
    byId('levels-note').textContent = 'Labels form a tree of ' + levels.length + ' levels, coarse to fine, of '
      + levels.map(l => l.classes).join(', ') + ' classes.';
    const head = [{ text: 'Learner', class: 'text' },
      ...levels.flatMap(l => ['Last', 'AUC', 'Forgets'].map(h => h + ', level ' + (l.level + 1))), 'Agree'];
    fill(byId('levels-table'), 'Accuracy in percent at every level of the label tree.', head, rows.map(s => el('tr', { class: role(s) },
      el('th', { scope: 'row' }, el('span', { class: 'dot', style: 'background:' + look(s.learner).color, 'aria-hidden': 'true' }),
        el('span', { class: 'name' }, s.learner)),
      ...s.levels.flatMap(l => [l.last, l.areaUnderCurve, l.forgetting].map(x => cell(x, v => percent(v)))),
      cell(s.consistency, v => percent(v)))));
  }

  function afterParts(name) {
    return bed.stream.tasks.map((_, k) => {
      const v = trialsOf(name).map(t => t.square[k]).filter(r => r && r.slice(0, k + 1).every(known)).map(r => mean(r.slice(0, k + 1)));
      return v.length ? mean(v) : null;
    });
  }

  /** Where the error rose and what learners told of, first seed. */
  function marksTable() {
    byId('time-numbers').textContent = 'Numbers: where the error rose, and what learners told of';
    const rows = done().flatMap(s => trialsOf(s.learner).slice(0, 1).flatMap(t => t.streamed.marks.slice(0, 50).map(m => [s.learner, m])));
    fill(byId('time-table'), 'Marks of the first seed, at most 50 a learner.', [{ text: 'Learner', class: 'text' }, 'After row', { text: 'What', class: 'text' }],
      rows.map(([name, m]) => el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, count(m.samples)), el('td', { class: 'text' }, m.what))));
  }

  function timeTable() {
    if (streamed()) return marksTable();
    byId('time-numbers').textContent = 'Numbers: accuracy after each part';
    fill(byId('time-table'), 'Mean accuracy in percent over the tasks so far, after each part.',
      [{ text: 'Learner', class: 'text' }, ...bed.stream.tasks.map((_, k) => 'Part ' + (k + 1))],
      done().map(s => el('tr', {}, el('th', { scope: 'row' }, s.learner), ...afterParts(s.learner).map(v => el('td', {}, percent(v))))));
  }

  function square(name) {
    const n = bed.stream.tasks.length;
    const trials = trialsOf(name);
    return Array.from({ length: n }, (_, k) => Array.from({ length: n }, (_, j) => {
      const v = trials.map(t => t.square[k] && t.square[k][j]).filter(known);
      return v.length ? mean(v) : null;
    }));
  }

  // ---------------------------------------------------------------- charts

  function draw(id, option, label) {
    const box = byId(id);
    if (charts.has(id)) charts.get(id).dispose();
    const chart = echarts.init(box, null, { renderer: 'svg' });
    const ink = css('--ink');
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
      ...option
    });
    box.setAttribute('aria-label', label);
    charts.set(id, chart);
    return chart;
  }

  const axis = (more = {}) => ({
    nameTextStyle: { color: css('--quiet') }, axisLabel: { color: css('--quiet'), hideOverlap: true },
    axisLine: { lineStyle: { color: css('--line') } }, axisTick: { show: false },
    splitLine: { lineStyle: { color: css('--grid') } }, ...more
  });
  const tip = more => ({ confine: true, backgroundColor: css('--card'), borderColor: css('--line'), textStyle: { color: css('--ink'), fontSize: 13 }, ...more });

  /** Points of one trial: the curve between boundaries, the whole square at each part's end. */
  function path(trial) {
    const at = new Map();
    trial.curve.forEach(p => {
      // at the end of a part the square knows better
      if (known(p.accuracy) && !bed.stream.partEnds.includes(p.samples)) at.set(p.samples, [...(at.get(p.samples) || []), p.accuracy]);
    });
    const points = [...at].map(([x, v]) => [x, mean(v)]);
    bed.stream.partEnds.forEach((x, k) => {
      const r = trial.square[k];
      if (r && r.slice(0, k + 1).every(known)) points.push([x, mean(r.slice(0, k + 1))]);
    });
    return points.sort((a, b) => a[0] - b[0]);
  }

  function interpolate(points, x) {
    const i = points.findIndex(p => p[0] >= x);
    if (i < 0) return null;
    if (points[i][0] === x || i === 0) return i === 0 && points[0][0] !== x ? null : points[i][1];
    const [a, b] = [points[i - 1], points[i]];
    return a[1] + (b[1] - a[1]) * (x - a[0]) / (b[0] - a[0]);
  }

  /** Moves labels apart: where each may stand, at least one line height from the next. Keys are series names. */
  function spread(chart, values, top, bottom) {
    const step = 15;
    const order = [...values].sort((a, b) => b[1] - a[1]);
    const at = order.map(([, v]) => chart.convertToPixel({ yAxisIndex: 0 }, v));
    for (let i = 1; i < at.length; i++) at[i] = Math.max(at[i], at[i - 1] + step);
    for (let i = at.length - 1, floor = bottom; i >= 0; i--) { at[i] = Math.min(at[i], floor); floor = at[i] - step; }
    return new Map(order.map(([name], i) => [name, Math.max(top, at[i])]));
  }

  /** Names at the ends of the lines that are shown, moved apart. */
  function labelEnds(chart, series) {
    const last = new Map(series.filter(x => x.name && x.data.length && known(x.data[x.data.length - 1][1])).map(x => [x.name, x.data[x.data.length - 1][1]]));
    const label = selected => {
      const seen = [...last].filter(([name]) => selected[name] !== false);
      const places = spread(chart, seen, 70, chart.getHeight() - 50);
      chart.setOption({
        series: series.map(x => places.has(x.name)
          ? { endLabel: { offset: [0, places.get(x.name) - chart.convertToPixel({ yAxisIndex: 0 }, last.get(x.name))] } } : {})
      });
    };
    label(chart.getOption().legend[0].selected);
    chart.on('legendselectchanged', e => label(e.selected));
    chart.on('legendselectall', e => label(e.selected));
    chart.on('legendinverseselect', e => label(e.selected));
  }

  function streamChart() {
    const rows = done();
    const shown = new Set(rows.filter(s => s.role === 'LEARNER').slice(0, 6).map(s => s.learner));
    const blocks = (trial, field) => trial.streamed.blocks.map(b => [b.samples, known(b[field]) ? 100 * b[field] : null]);
    const over = (trials, field) => blocks(trials[0], field).map(([x], i) => {
      const v = trials.map(t => blocks(t, field)[i]).filter(p => p && known(p[1])).map(p => p[1]);
      return [x, v.length ? mean(v) : null];
    });
    const at = (points, x) => interpolate(points.filter(p => known(p[1])), Math.max(x, points[0][0]));
    const series = rows.filter(s => trialsOf(s.learner).length && s.learner !== 'no-change').map(s => {
      const l = look(s.learner);
      const trials = trialsOf(s.learner);
      const points = over(trials, 'learner');
      const drifts = trials[0].streamed.marks.filter(m => m.what === 'drift').slice(0, 60);
      return {
        name: s.learner, type: 'line', data: points, color: l.color, lineStyle: { width: s.role === 'LEARNER' ? 2.2 : 1.6, type: l.type },
        symbol: points.length > 12 ? 'none' : l.shape, symbolSize: 7, connectNulls: true, emphasis: { focus: 'series' },
        endLabel: { show: true, formatter: '{a}', color: l.color, fontSize: 12, distance: 8 },
        markPoint: {
          symbol: 'triangle', symbolSize: 11, symbolRotate: 180, symbolOffset: [0, -9], itemStyle: { color: l.color }, label: { show: false },
          data: points.length ? drifts.map(m => ({ name: 'drift', coord: [m.samples, at(points, m.samples)] })).filter(d => known(d.coord[1])) : []
        }
      };
    });
    const first = rows.map(s => trialsOf(s.learner)[0]).find(t => t);
    if (first) {
      series.push({
        name: 'no-change', type: 'line', data: blocks(first, 'noChange'), color: css('--quiet'), lineStyle: { width: 1.6, type: 'dotted' }, symbol: 'none', connectNulls: true,
        endLabel: { show: true, formatter: '{a}', color: css('--quiet'), fontSize: 12, distance: 8 }
      });
    }
    byId('time-note').textContent = 'Every row is predicted before it is learnt. A point is the ' + bed.stream.metric + ' of the rows since the point before.'
      + (all.request.seeds.length > 1 ? ' Lines are means over seeds; marks are those of the first.' : '');
    byId('time-caption').textContent = 'Triangles mark where a learner\u2019s error rose (drift). The dotted line repeats the labels of the row before. Click names to show or hide lines.';
    const chart = draw('time', {
      grid: { left: 48, right: 110, top: 64, bottom: 46 },
      legend: {
        type: 'scroll', top: 0, data: series.map(s => s.name), textStyle: { color: css('--ink') }, pageTextStyle: { color: css('--quiet') }, inactiveColor: css('--line'),
        selector: [{ type: 'all', title: 'all' }, { type: 'inverse', title: 'invert' }], selectorLabel: { color: css('--quiet') },
        selected: Object.fromEntries(series.map(s => [s.name, s.name === 'no-change' || shown.has(s.name)]))
      },
      tooltip: tip({
        trigger: 'axis',
        formatter: ps => 'row ' + count(ps[0].value[0]) + '<br>' + ps.filter(p => known(p.value[1])).sort((a, b) => b.value[1] - a.value[1])
          .map(p => p.marker + escape(p.seriesName) + ' ' + p.value[1].toFixed(1)).join('<br>')
      }),
      xAxis: axis({ type: 'value', name: 'rows', nameLocation: 'middle', nameGap: 28, min: 0, splitLine: { show: false }, axisLabel: { color: css('--quiet'), hideOverlap: true, formatter: v => count(v) } }),
      yAxis: axis({ type: 'value', name: bed.stream.metric + ', %', min: 0, max: 100 }),
      series
    }, bed.stream.metric + ' over the rows of the stream: ' + rows.filter(s => s.finalAccuracy).map(s => s.learner + ' ' + percent(s.finalAccuracy.mean) + ' percent over all rows and '
      + (s.drifts ? s.drifts.mean.toFixed(0) : 'no') + ' drifts').join(', ') + '.');
    labelEnds(chart, series);
  }

  function timeChart() {
    if (streamed()) return streamChart();
    byId('time-caption').textContent = 'Mean accuracy over the tasks seen so far. Click names to show or hide lines.';
    const end = bed.stream.partEnds[bed.stream.partEnds.length - 1];
    const rows = done();
    const shown = new Set([...rows.filter(s => s.role === 'LEARNER').slice(0, 6).map(s => s.learner), 'finetune', 'cumulative', 'joint']);
    const series = rows.map(s => {
      const l = look(s.learner);
      const paths = trialsOf(s.learner).map(path).filter(p => p.length);
      // a bound that gets everything at once has no course, only an end
      const level = !paths.length || trialsOf(s.learner).some(t => t.square.length > 1 && !t.square[0].some(known));
      const points = level
        ? s.finalAccuracy ? [[0, s.finalAccuracy.mean], [end, s.finalAccuracy.mean]] : []
        : paths[0].map(([x]) => {
          const v = paths.map(p => interpolate(p, x)).filter(known);
          return [x, v.length ? mean(v) : null];
        });
      return {
        name: s.learner, type: 'line', data: points.map(([x, y]) => [x, known(y) ? 100 * y : null]), color: l.color,
        lineStyle: { width: s.role === 'LEARNER' ? 2.2 : 1.6, type: l.type }, symbol: points.length > 12 || level ? 'none' : l.shape, symbolSize: 7,
        connectNulls: true, emphasis: { focus: 'series' },
        endLabel: { show: true, formatter: '{a}', color: l.color, fontSize: 12, distance: 8 }
      };
    });
    series.push({
      type: 'line', data: [], silent: true,
      markLine: {
        silent: true, symbol: 'none', lineStyle: { color: css('--line'), type: 'solid' }, label: { color: css('--quiet'), formatter: '{b}', fontSize: 11 },
        data: bed.stream.partEnds.slice(0, 30).map((x, k) => ({ name: 'part ' + (k + 1), xAxis: x, label: { position: 'start', distance: -16, offset: [-4, 0], align: 'right' } }))
      }
    });
    byId('time-note').textContent = 'Between the ends of parts a point is measured on a fixed draw of ' + bed.stream.curveRows
      + ' test rows or more of each task: 95 % interval at most ' + plusMinus(bed.stream.curveError) + ' points for one task, '
      + plusMinus(bed.stream.curveError / Math.sqrt(bed.stream.tasks.length)) + ' for the mean over ' + bed.stream.tasks.length
      + '. At the end of a part all test rows are used.' + (all.request.seeds.length > 1 ? ' Lines are means over seeds.' : '');
    const chart = draw('time', {
      grid: { left: 48, right: 90, top: 64, bottom: 46 },
      legend: {
        type: 'scroll', top: 0, data: rows.map(s => s.learner), textStyle: { color: css('--ink') }, pageTextStyle: { color: css('--quiet') },
        inactiveColor: css('--line'), selector: [{ type: 'all', title: 'all' }, { type: 'inverse', title: 'invert' }], selectorLabel: { color: css('--quiet') },
        selected: Object.fromEntries(rows.map(s => [s.learner, shown.has(s.learner)]))
      },
      tooltip: tip({
        trigger: 'axis',
        formatter: ps => 'row ' + count(ps[0].value[0]) + '<br>' + ps.filter(p => known(p.value[1])).sort((a, b) => b.value[1] - a.value[1])
          .map(p => p.marker + escape(p.seriesName) + ' ' + p.value[1].toFixed(1)).join('<br>')
      }),
      xAxis: axis({ type: 'value', name: 'rows learnt from', nameLocation: 'middle', nameGap: 28, max: end, splitLine: { show: false } }),
      yAxis: axis({ type: 'value', name: 'accuracy, %', min: 0, max: 100 }),
      series
    }, 'Lines of accuracy over the stream. At the end: ' + rows.filter(s => s.finalAccuracy).map(s => s.learner + ' ' + percent(s.finalAccuracy.mean) + ' percent').join(', ') + '. The table below gives the accuracy after each part.');
    labelEnds(chart, series);
  }

  const plusMinus = share => '±' + (100 * share).toFixed(1);
  /** Half of the 95 % interval around an accuracy on the curve's rows. */
  const error = p => 1.96 * Math.sqrt(p * (1 - p) / bed.stream.curveRows);
  const hasCurve = name => trialsOf(name).some(t => t.curve.length);

  /** The curve of each task in one trial: [rows learnt from, accuracy], and its worst moment since it was learnt. */
  function tasksOf(trial) {
    return bed.stream.tasks.map((name, i) => {
      const points = trial.curve.filter(p => p.task === i && known(p.accuracy)).map(p => [p.samples, p.accuracy]);
      const learnt = points.filter(p => p[0] <= bed.stream.partEnds[i]).pop();
      const since = points.filter(p => p[0] > bed.stream.partEnds[i]);
      const worst = since.reduce((a, p) => !a || p[1] < a[1] ? p : a, null);
      return { name, points, learnt, worst, last: points[points.length - 1] };
    });
  }

  /** From shortly before a switch to where updates are no longer evaluated one by one; null = the whole stream. */
  function around(trial, part) {
    if (!part) return null;
    const at = bed.stream.partEnds[part - 1];
    const next = [...new Set(trial.curve.map(p => p.samples).filter(x => x > at && x < bed.stream.partEnds[part]))].sort((a, b) => a - b);
    if (!next.length) return null;
    const to = next[Math.min(next.length, Math.max(2, bed.stream.denseUpdates)) - 1];
    return [Math.max(0, at - (to - at) / 4), to];
  }

  function gapChart() {
    const name = byId('gap-learner').value;
    const trial = trialsOf(name).find(t => t.curve.length);
    if (!trial) return;
    const tasks = tasksOf(trial);
    const hues = HUES[dark.matches ? 'dark' : 'light'];
    const range = around(trial, +byId('gap-switch').value);
    const end = bed.stream.partEnds[bed.stream.partEnds.length - 1];
    const inside = x => !range || x >= range[0] && x <= range[1];
    const task = (t, i) => 'task ' + (i + 1) + (all.request.seeds.length > 1 ? '' : ' (' + short(t.name, 22) + ')');
    const series = tasks.map((t, i) => ({
      name: task(t, i), type: 'line', color: hues[i % hues.length], data: t.points.map(([x, y]) => [x, 100 * y]),
      lineStyle: { width: 2 }, symbol: range ? 'circle' : 'none', symbolSize: 4, emphasis: { focus: 'series' },
      markPoint: t.worst && inside(t.worst[0]) ? {
        silent: true, symbol: 'circle', symbolSize: 10, itemStyle: { color: 'transparent', borderColor: hues[i % hues.length], borderWidth: 2 },
        label: { show: tasks.length <= 10, position: 'bottom', color: css('--ink'), fontSize: 12, formatter: (100 * t.worst[1]).toFixed(0) },
        data: [{ coord: [t.worst[0], 100 * t.worst[1]] }]
      } : undefined
    }));
    const marks = bed.stream.partEnds.slice(0, -1).map((x, k) => ({ xAxis: x, name: 'switch to task ' + (k + 2) })).filter(m => inside(m.xAxis)).slice(0, 30);
    const lines = marks.map(m => ({ ...m, lineStyle: { color: css('--quiet'), type: 'solid', width: 1 }, label: { formatter: marks.length > 6 ? '' : '{b}', position: 'end', distance: 4, color: css('--quiet'), fontSize: 11 } }));
    if (known(trial.minAccuracy)) {
      lines.push({ yAxis: 100 * trial.minAccuracy, name: 'min-ACC', lineStyle: { color: css('--warn'), type: 'dashed' }, label: { formatter: '{b} ' + percent(trial.minAccuracy), position: 'insideStartTop', color: css('--warn'), fontSize: 12 } });
    }
    series.push({ type: 'line', data: [], silent: true, markLine: { silent: true, symbol: 'none', data: lines } });
    const worst = tasks.filter(t => t.worst);
    byId('gap-note').textContent = 'Accuracy of ' + name + ' on each task while the stream goes on' + (all.request.seeds.length > 1 ? ', seed ' + trial.seed : '')
      + '. Rings: the worst moment of a task since it was learnt; their mean is min-ACC. The first ' + bed.stream.denseUpdates
      + ' updates after each switch are evaluated one by one, on ' + bed.stream.curveRows + ' or more test rows of each task that are the same every time: 95 % interval of a point at most '
      + plusMinus(bed.stream.curveError) + ' points as a measure of all test rows.';
    draw('gap', {
      grid: { left: 48, right: 24, top: 64, bottom: 46 },
      legend: { type: 'scroll', top: 0, textStyle: { color: css('--ink') }, pageTextStyle: { color: css('--quiet') }, inactiveColor: css('--line'), data: tasks.map(task) },
      tooltip: tip({
        trigger: 'axis',
        formatter: ps => 'row ' + count(ps[0].value[0]) + '<br>' + ps.filter(p => known(p.value[1]))
          .map(p => p.marker + escape(p.seriesName) + ' ' + p.value[1].toFixed(1) + ' ' + plusMinus(error(p.value[1] / 100))).join('<br>')
      }),
      xAxis: axis({ type: 'value', name: 'rows learnt from', nameLocation: 'middle', nameGap: 28, min: range ? range[0] : 0, max: range ? range[1] : end, splitLine: { show: false }, axisLabel: { color: css('--quiet'), hideOverlap: true, formatter: v => count(Math.round(v)) } }),
      yAxis: axis({ type: 'value', name: 'accuracy, %', min: 0, max: 100 }),
      series
    }, 'Accuracy of ' + name + ' on each task over the stream. ' + (worst.length ? 'Worst moments since learnt: ' + worst.map(t => 'task ' + (tasks.indexOf(t) + 1) + ' ' + percent(t.worst[1]) + ' percent').join(', ') + '. ' : '') + 'The table below gives the numbers.');
    const cell = p => el('td', {}, p ? percent(p[1]) + ' ' + plusMinus(error(p[1])) : '–');
    fill(byId('gap-table'), 'Accuracy of ' + name + ' in percent on the rows of the curves, with 95 % intervals as a measure of all test rows.',
      [{ text: 'Task', class: 'text' }, 'When learnt', 'Worst since', 'At row', 'In the end'],
      tasks.map((t, i) => el('tr', {}, el('th', { scope: 'row' }, task(t, i)), cell(t.learnt), cell(t.worst), el('td', {}, t.worst ? count(t.worst[0]) : '–'), cell(t.last))));
  }

  /** One height for the two charts that stand side by side. */
  const tall = () => Math.max(25, 5 + 1.6 * done().length) + 'rem';

  function squareChart() {
    const name = byId('learner').value;
    const a = square(name);
    const tasks = bed.stream.tasks;
    const seeds = all.request.seeds.length;
    const label = (t, j) => seeds > 1 ? 'task ' + (j + 1) : t;
    const cells = [];
    a.forEach((r, k) => r.forEach((v, j) => { if (known(v)) cells.push({ value: [j, k, 100 * v], label: { color: v > 0.5 ? css('--on-high') : css('--ink') } }); }));
    byId('square').style.height = tall();
    draw('square', {
      grid: { left: 62, right: 12, top: 8, bottom: 92 },
      tooltip: tip({ formatter: p => 'after part ' + (p.value[1] + 1) + ', task ' + (p.value[0] + 1) + (seeds > 1 ? '' : ' (' + escape(tasks[p.value[0]]) + ')') + ': ' + p.value[2].toFixed(1) + ' %' }),
      xAxis: axis({ type: 'category', data: tasks.map(label), axisLabel: { color: css('--quiet'), interval: 0, rotate: 28, formatter: t => short(t, 15) }, splitLine: { show: false } }),
      yAxis: axis({ type: 'category', data: tasks.map((_, k) => 'part ' + (k + 1)), inverse: true, splitLine: { show: false } }),
      visualMap: { min: 0, max: 100, show: true, orient: 'horizontal', left: 'center', bottom: 0, itemHeight: 130, itemWidth: 10, calculable: false, text: ['100 %', '0 %'], textStyle: { color: css('--quiet') }, inRange: { color: [css('--low'), css('--high')] } },
      series: [{
        type: 'heatmap', data: cells, itemStyle: { borderColor: css('--card'), borderWidth: 2, borderRadius: 3 },
        label: { show: tasks.length <= 12, formatter: p => p.value[2].toFixed(0), fontSize: 13 }, emphasis: { itemStyle: { borderColor: css('--ink') } }
      }]
    }, 'Accuracy square of ' + name + '. After the last part: ' + a[a.length - 1].map((v, j) => 'task ' + (j + 1) + ' ' + percent(v) + ' percent').join(', ') + '. The table below gives all of it.');
    fill(byId('square-table'), 'Accuracy of ' + name + ' in percent' + (seeds > 1 ? ', mean over seeds.' : '.'),
      [{ text: 'After', class: 'text' }, ...tasks.map(label)],
      a.map((r, k) => el('tr', {}, el('th', { scope: 'row' }, 'part ' + (k + 1)), ...r.map(v => el('td', {}, percent(v))))));
  }

  function forgetChart() {
    const rows = done().filter(s => s.forgettingClassic).sort((a, b) => b.forgettingClassic.mean - a.forgettingClassic.mean);
    const bar = (name, field, color, opacity) => ({
      name, type: 'bar', color, barGap: '15%', barCategoryGap: '32%', itemStyle: { opacity, borderRadius: [0, 3, 3, 0] },
      data: rows.map(s => s[field] ? 100 * s[field].mean : null)
    });
    byId('forget').style.height = tall();
    draw('forget', {
      grid: { left: 84, right: 30, top: 34, bottom: 42 },
      legend: { top: 0, textStyle: { color: css('--ink') } },
      tooltip: tip({ trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: ps => escape(ps[0].name) + '<br>' + ps.map(p => p.marker + escape(p.seriesName) + ' ' + (known(p.value) ? p.value.toFixed(1) : '–')).join('<br>') }),
      xAxis: axis({ type: 'value', name: 'points of accuracy', nameLocation: 'middle', nameGap: 26 }),
      yAxis: axis({ type: 'category', data: rows.map(s => s.learner), axisLabel: { color: css('--ink'), interval: 0 }, splitLine: { show: false } }),
      series: [bar('classic form', 'forgettingClassic', css('--accent'), 1), bar('survey form', 'forgetting', css('--quiet'), .55)]
    }, 'Bars of forgetting, classic form: ' + rows.map(s => s.learner + ' ' + percent(s.forgettingClassic.mean) + ' points').join(', ') + '.');
  }

  function costChart() {
    const rows = done().filter(s => s.finalAccuracy && s.cpuSeconds);
    const least = 0.001;
    const chart = draw('cost', {
      grid: { left: 84, right: 90, top: 20, bottom: 46 },
      tooltip: tip({ formatter: p => { const s = rows[p.seriesIndex]; return '<b>' + escape(s.learner) + '</b><br>' + percent(s.finalAccuracy.mean) + ' % final<br>' + s.cpuSeconds.mean.toFixed(2) + ' CPU s<br>' + bytes(s.bytes) + '<br>' + escape(s.shape); } }),
      xAxis: axis({ type: 'log', name: 'CPU seconds of learning', nameLocation: 'middle', nameGap: 28, axisLabel: { color: css('--quiet'), formatter: v => v >= 1 ? count(v) : String(+v.toPrecision(2)) } }),
      yAxis: axis({ type: 'value', name: '', min: 0, max: 100, axisLabel: { color: css('--quiet'), formatter: '{value} %' } }),
      series: rows.map(s => {
        const l = look(s.learner);
        return {
          name: s.learner, type: 'scatter', data: [[Math.max(least, s.cpuSeconds.mean), 100 * s.finalAccuracy.mean]], symbol: l.shape.replace('pin', 'roundRect').replace('arrow', 'triangle'),
          symbolSize: 9 + 3 * Math.max(0, Math.log10(Math.max(1, s.bytes) / 1e4)), itemStyle: { color: l.color, opacity: .9 },
          label: { show: true, formatter: '{a}', position: 'right', color: css('--ink'), fontSize: 12 }
        };
      })
    }, 'Cost against accuracy: ' + rows.map(s => s.learner + ' ' + percent(s.finalAccuracy.mean) + ' percent in ' + s.cpuSeconds.mean.toFixed(2) + ' CPU seconds').join(', ') + '.');
    const dots = rows.map(s => {
      const [x, y] = chart.convertToPixel('grid', [Math.max(least, s.cpuSeconds.mean), 100 * s.finalAccuracy.mean]);
      return { x, y, name: s.learner };
    });
    const places = labels(dots, 9);
    chart.setOption({ series: dots.map((_, i) => ({ label: places[i] ? { position: places[i] } : { show: false } })) });
  }

  /** Where each dot's name fits: beside, above or below it, free of other names and dots; null where nowhere. */
  function labels(dots, radius) {
    const taken = dots.map(d => [d.x - radius, d.y - radius, d.x + radius, d.y + radius]);
    const free = (box, own) => taken.every((t, i) => i === own || box[2] < t[0] || t[2] < box[0] || box[3] < t[1] || t[3] < box[1]);
    return dots.map((d, i) => {
      const w = 7 * d.name.length;
      const boxes = {
        right: [d.x + radius, d.y - 7, d.x + radius + w, d.y + 7], left: [d.x - radius - w, d.y - 7, d.x - radius, d.y + 7],
        top: [d.x - w / 2, d.y - radius - 15, d.x + w / 2, d.y - radius], bottom: [d.x - w / 2, d.y + radius, d.x + w / 2, d.y + radius + 15]
      };
      const place = Object.keys(boxes).find(p => free(boxes[p], i)) || null;
      if (place) taken.push(boxes[place]);
      return place;
    });
  }

  function ranks() {
    const r = all.ranks;
    const box = byId('ranks');
    byId('ranks-note').textContent = r.note;
    if (!r.possible) return box.replaceChildren();
    const p = v => v < 0.001 ? '< 0.001' : v.toFixed(3);
    const verdict = r.p < r.alpha ? 'the learners are not all alike' : 'no evidence that the learners differ';
    const order = el('table');
    fill(order, 'Mean ranks over ' + r.blocks.length + ' blocks (' + r.blocks.join(', ') + '); 1 is best.',
      [{ text: 'Learner', class: 'text' }, 'Mean rank'],
      r.learners.map(l => el('tr', {}, el('th', { scope: 'row' }, l.learner), el('td', {}, l.meanRank.toFixed(2)))));
    const pairs = el('table');
    fill(pairs, 'All pairs: p after Holm’s correction at level ' + r.alpha + '; Nemenyi’s critical difference of mean ranks is ' + r.criticalDifference.toFixed(2) + '.',
      [{ text: 'Better', class: 'text' }, { text: 'Worse', class: 'text' }, 'Difference of ranks', 'p (Holm)', 'Told apart by'],
      r.pairs.map(x => el('tr', {}, el('th', { scope: 'row' }, x.better), el('td', { class: 'text' }, x.worse), el('td', {}, x.difference.toFixed(2)), el('td', {}, p(x.p)),
        el('td', {}, [x.nemenyi ? 'Nemenyi' : '', x.p < r.alpha ? 'Holm' : ''].filter(Boolean).join(', ') || 'neither'))));
    box.replaceChildren(
      el('p', {}, 'Friedman: χ² = ' + r.chiSquared.toFixed(2) + ', p = ' + p(r.p)
        + (known(r.f) ? '; Iman–Davenport: F = ' + r.f.toFixed(2) + ', p = ' + p(r.fp) : '') + ': ' + verdict + '.'),
      order, el('details', {}, el('summary', {}, 'All pairs'), pairs));
  }

  function tuning() {
    const t = all.tuning;
    byId('tuning-section').hidden = !t;
    if (!t) return;
    const metric = t.selection.toLowerCase().replace('_', ' ');
    const scored = t.learners.some(f => known(f.overestimation));
    byId('tuning-note').textContent = 'On ' + t.on + ' (' + count(t.rows) + ' rows), of which nothing is scored above: ' + t.trials
      + ' settings of every learner by ' + (t.method === 'HALVING' ? 'successive halving' : 'random search') + ', ' + t.seeds
      + (t.seeds === 1 ? ' seed' : ' seeds') + ' each; the best ' + metric + ' accuracy was chosen.'
      + (scored ? ' “Best here” is the setting that is best on the data scored above, which nobody can know beforehand; the difference is how much tuning and scoring on the same data flatters.' : '')
      + (known(t.kendallTau) ? ' The rankings with and without that flattery agree with Kendall’s τ-b ' + t.kendallTau.toFixed(2) + '.' : '');
    const percent = v => known(v) ? (100 * v).toFixed(2) : '–';
    fill(byId('tuning'), 'Chosen settings; accuracies in percent.',
      [{ text: 'Learner', class: 'text' }, { text: 'Chosen', class: 'text' }, 'There', ...(scored ? ['Here', 'Best here', 'Flattery'] : []), 'Tried', 'Failed', 'Seconds', { text: 'What mattered', class: 'text', title: 'Spread of the mean score over the values of each option' }],
      t.learners.map(f => el('tr', {}, el('th', { scope: 'row' }, f.learner),
        el('td', { class: 'text' }, Object.entries(f.setting).map(([k, v]) => k + '=' + v).join(' ') || 'no valid setting'),
        el('td', {}, percent(f.tuning)), ...(scored ? [f.scored, f.conventional, f.overestimation].map(v => el('td', {}, percent(v))) : []),
        el('td', {}, String(f.tried)), el('td', {}, String(f.failed)), el('td', {}, f.seconds.toFixed(1)),
        el('td', { class: 'text' }, Object.entries(f.sensitivity).sort((a, b) => b[1] - a[1]).map(([k, v]) => k + ' ' + percent(v)).join(', ') || '–'))));
  }

  function howRun() {
    const m = all.machine;
    const q = all.request;
    const sum = field => bed.summary.reduce((a, s) => a + (s[field] ? s[field].mean * s.seeds : 0), 0);
    const measured = sum('evaluateSeconds');
    const entries = [
      ['Data', bed.data.name + ': ' + count(bed.data.trainRows) + ' rows to learn from, ' + count(bed.data.testRows) + ' to test on, ' + bed.data.classes + ' classes; content ' + bed.data.fingerprint],
      ['Read with', q.dataOptions.length ? q.dataOptions.join(', ') : 'defaults'],
      ['Scenario', bed.stream.name + (bed.stream.taskIdAtTest ? '; the task is known at test time' : '; the task is not known at test time')],
      ['Scenario settings', q.scenarioConfiguration], ['Budget', q.budget.toLowerCase()], ['Seeds', q.seeds.join(', ')],
      ['Measuring', measured.toFixed(1) + ' s, ' + (100 * measured / Math.max(1e-9, measured + sum('learnSeconds'))).toFixed(0) + ' % of the time of learning and measuring together'],
      ['Holdfast', m.holdfast], ['libtorch binding', m.libtorch], ['Java', m.java],
      ['Machine', m.os + ', ' + m.processors + ' processors'], ['Threads of libtorch', m.threads + '; OMP_WAIT_POLICY ' + m.ompWaitPolicy], ['Written', all.created]
    ];
    byId('run').replaceChildren(...entries.flatMap(([k, v]) => [el('dt', {}, k), el('dd', {}, v)]));
    byId('stream').textContent = bed.stream.table;
    fill(byId('configurations'), 'Every option of every learner, as it ran.', [{ text: 'Learner', class: 'text' }, { text: 'Configuration', class: 'text' }, { text: 'What it is', class: 'text' }],
      q.learners.map(l => el('tr', {}, el('th', { scope: 'row' }, l.name), el('td', { class: 'config' }, l.configuration),
        el('td', { class: 'text' }, (bed.summary.find(s => s.learner === l.name) || { shape: '' }).shape))));
  }

  function drawAll() {
    timeChart();
    if (done().some(s => hasCurve(s.learner))) gapChart();
    if (!streamed()) {
      squareChart();
      forgetChart();
    }
    costChart();
  }

  function show() {
    headline();
    facts();
    const choice = byId('learner');
    const before = choice.value;
    choice.replaceChildren(...done().map(s => el('option', { value: s.learner }, s.learner)));
    if (done().some(s => s.learner === before)) choice.value = before;
    const curved = done().filter(s => hasCurve(s.learner));
    const gap = byId('gap-learner');
    const shown = gap.value;
    byId('gap-section').hidden = !curved.length;
    byId('task-section').hidden = streamed();
    gap.replaceChildren(...curved.map(s => el('option', { value: s.learner }, s.learner)));
    // first the contender whose end says least about its way there
    const width = s => known(s.finalAccuracy && s.minAccuracy && s.minAccuracy.mean) ? s.finalAccuracy.mean - s.minAccuracy.mean : -1;
    const widest = curved.filter(s => s.role === 'LEARNER').reduce((a, s) => !a || width(s) > width(a) ? s : a, null);
    if (curved.some(s => s.learner === shown)) gap.value = shown;
    else if (widest) gap.value = widest.learner;
    byId('gap-switch').replaceChildren(el('option', { value: 0 }, 'the whole stream'),
      ...bed.stream.tasks.slice(1).map((_, k) => el('option', { value: k + 1 }, 'the switch to task ' + (k + 2))));
    summaryTable();
    levelTable();
    tuning();
    ranks();
    howRun();
    if (done().length) {
      timeTable();
      drawAll();
    }
  }

  if (!bed) {
    byId('headline').textContent = 'Nothing has finished yet.';
    return;
  }
  if (all.beds.length > 1) {
    byId('bed-choice').hidden = false;
    byId('bed').append(...all.beds.map((b, i) => el('option', { value: i }, b.data.name)));
    byId('bed').addEventListener('change', e => { bed = all.beds[+e.target.value]; show(); });
  }
  byId('learner').addEventListener('change', squareChart);
  byId('gap-learner').addEventListener('change', gapChart);
  byId('gap-switch').addEventListener('change', gapChart);
  dark.addEventListener('change', show);
  addEventListener('resize', () => charts.forEach(c => c.resize()));
  show();
})();
