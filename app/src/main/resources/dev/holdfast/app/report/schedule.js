(() => {
  'use strict';
  const all = JSON.parse(document.getElementById('data').textContent);
  const byId = id => document.getElementById(id);
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rate = v => v !== 0 && (Math.abs(v) < 0.001 || Math.abs(v) >= 1000) ? v.toExponential(2) : Number(v.toPrecision(3)).toString();
  const count = n => n.toLocaleString('en');

  function el(tag, text, className) {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (className) e.className = className;
    return e;
  }

  function table(id, head, lines) {
    const t = byId(id);
    t.replaceChildren(el('thead'), el('tbody'));
    const h = el('tr');
    head.forEach((c, i) => h.append(el('th', c, i < 2 && id === 'phases' || i === 0 ? 'text' : undefined)));
    t.tHead.append(h);
    lines.forEach(cells => {
      const tr = el('tr');
      cells.forEach((c, i) => tr.append(el(i === 0 ? 'th' : 'td', c, i < 2 && id === 'phases' || i === 0 ? 'text' : undefined)));
      t.tBodies[0].append(tr);
    });
  }

  byId('title').textContent = 'Schedule ' + all.title;
  const chosen = all.costs[all.chosen];
  byId('headline').textContent = (all.ends.length === 1 ? 'One checkpoint' : all.ends.length + ' checkpoints')
    + ', after ' + all.ends.map(count).join(', ') + ' updates'
    + (chosen === undefined ? '.' : '; ' + count(chosen) + ' updates in all.');
  table('phases', ['Run', 'Phase', 'From', 'To', 'Updates', 'First rate', 'Last rate'],
    all.phases.map(p => [p.run, p.name, count(p.from), count(p.to), count(p.to - p.from), rate(p.first), rate(p.last)]));
  byId('costs-section').hidden = !Object.keys(all.costs).length;
  table('costs', ['Method', 'Updates'],
    Object.entries(all.costs).map(([name, n]) => [name + (name === all.chosen ? ' (drawn)' : ''), count(n)]));

  const axis = name => ({
    name, nameLocation: 'middle', nameGap: 30, axisLabel: { color: css('--quiet') },
    nameTextStyle: { color: css('--quiet') }, splitLine: { lineStyle: { color: css('--grid') } }
  });
  const drawn = echarts.init(byId('chart'));
  drawn.setOption({
    animation: false,
    grid: { left: 75, right: 20, top: 40, bottom: 50 },
    legend: { show: all.curves.length > 1, textStyle: { color: css('--quiet') } },
    tooltip: { trigger: 'axis', valueFormatter: rate },
    xAxis: { ...axis('updates'), type: 'value', max: all.ends[all.ends.length - 1] },
    yAxis: { ...axis(''), type: 'value', min: 0, axisLabel: { color: css('--quiet'), formatter: rate } },
    series: all.curves.map((c, i) => ({
      name: c.name, type: 'line', showSymbol: false, data: c.points,
      lineStyle: { width: i === 0 ? 2.5 : 1.5, ...(i === 0 ? { color: css('--accent') } : {}) },
      ...(i === 0 ? { itemStyle: { color: css('--accent') } } : {}),
      markLine: i !== 0 ? undefined : {
        symbol: 'none', silent: true, label: { show: false },
        lineStyle: { type: 'dotted', color: css('--quiet') }, data: all.ends.map(x => ({ xAxis: x }))
      }
    }))
  });
  window.addEventListener('resize', () => drawn.resize());
})();
