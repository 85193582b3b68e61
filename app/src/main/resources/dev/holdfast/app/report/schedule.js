(() => {
  'use strict';
  const { all, byId, css, number, table, axis, draw } = Page;
  const count = n => n.toLocaleString('en');

  byId('title').textContent = 'Schedule ' + all.title;
  const chosen = all.costs[all.chosen];
  byId('headline').textContent = (all.ends.length === 1 ? 'One checkpoint' : all.ends.length + ' checkpoints')
    + ', after ' + all.ends.map(count).join(', ') + ' updates'
    + (chosen === undefined ? '.' : '; ' + count(chosen) + ' updates in all.');
  table('phases', ['Run', 'Phase', 'From', 'To', 'Updates', 'First rate', 'Last rate'],
    all.phases.map(p => [p.run, p.name, count(p.from), count(p.to), count(p.to - p.from), number(p.first), number(p.last)]), i => i < 2);
  byId('costs-section').hidden = !Object.keys(all.costs).length;
  table('costs', ['Method', 'Updates'],
    Object.entries(all.costs).map(([name, n]) => [name + (name === all.chosen ? ' (drawn)' : ''), count(n)]), i => i === 0);

  draw(byId('chart'), {
    grid: { left: 75, right: 20, top: 40, bottom: 50 },
    legend: { show: all.curves.length > 1, textStyle: { color: css('--quiet') } },
    tooltip: { trigger: 'axis', valueFormatter: number },
    xAxis: { ...axis('updates'), type: 'value', max: all.ends[all.ends.length - 1] },
    yAxis: { ...axis(''), type: 'value', min: 0, axisLabel: { color: css('--quiet'), formatter: number } },
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
})();
