(() => {
  'use strict';
  const { all, byId, css, known, number, table, axis, draw, figure } = Page;
  const distinct = values => [...new Set(values)];

  const sentences = distinct(all.found.map(f => f.sentence));
  const warned = all.predictions.filter(p => p.unstable);
  byId('title').textContent = 'What small models on ' + all.title + ' foretell';
  byId('facts').textContent = all.facts;
  byId('headline').textContent = (sentences.join(' ') || 'No known instability is past its threshold in these models.')
    + (warned.length ? ' At ' + number(all.size) + ' parameters, ' + warned.map(p => p.number + ' at rate ' + number(p.rate)).join(', ') + ' will be past it.' : '');

  table('shapes', ['Model', 'Cost of a wrong rate, nats', 'Best loss, nats', 'Best rate', 'Diverged'],
    all.shapes.map(w => [w.shape, w.allDiverged ? 'learnt nothing' : number(w.sensitivity), number(w.bestLoss), number(w.bestRate), String(w.diverged)]));
  table('found', ['Instability', 'Measured', 'Value', 'Model', 'Rate', 'Known to help'],
    all.found.map(f => [f.sentence, f.number, number(f.value), f.shape, number(f.rate), f.cure]));
  byId('predictions-section').hidden = !all.predictions.length;
  table('predictions', ['Number', 'Rate', 'Goes as size to the', 'Predicted', 'Range', 'Past the threshold from'],
    all.predictions.map(p => [p.number, number(p.rate), p.slope.toFixed(2), number(p.value),
      known(p.low) ? number(p.low) + ' to ' + number(p.high) : '–', known(p.from) ? number(p.from) + ' parameters' : 'never']));
  byId('cures-section').hidden = !all.cures.length;
  table('cures', ['Training', 'Cost of a wrong rate', 'Best loss', 'Diverged', 'Attention logit', 'log Z', 'Gradient / epsilon'],
    all.cures.map(c => [c.cure, number(c.sensitivity), number(c.bestLoss), String(c.diverged), number(c.attentionLogit), number(c.logZ), number(c.gradientOverEpsilon)]));

  const palette = [css('--accent'), css('--warn') || '#b5722a', '#7b6fd0', '#b8a01f', '#2f9e8f', '#b5722a', '#c0507a'];

  const color = s => s.color === undefined ? css('--quiet') : palette[s.color % palette.length];

  function chart(into, title, note, x, y, series) {
    const shown = series.filter(s => s.data.length);
    if (!shown.length) return;
    const scaled = a => ({
      ...axis(a.name), type: a.log ? 'log' : 'value', scale: true, axisLabel: { color: css('--quiet'), formatter: number }
    });
    draw(figure(into, title, note), {
      grid: { left: 70, right: 20, top: 40, bottom: 50 },
      legend: { textStyle: { color: css('--quiet') } },
      tooltip: { trigger: 'item', formatter: p => p.seriesName + '<br>' + number(p.value[0]) + ': ' + number(p.value[1]) },
      xAxis: scaled(x),
      yAxis: { ...scaled(y), name: '' },
      series: shown.map(s => ({
        name: s.name, type: 'line', symbolSize: 8, showSymbol: !s.dashed, data: s.data,
        lineStyle: { color: color(s), type: s.dashed ? 'dashed' : 'solid', width: s.points ? 0 : 2 },
        itemStyle: { color: color(s) }
      }))
    });
  }

  const shapes = distinct(all.runs.map(r => r.shape));
  const rates = distinct(all.runs.map(r => r.rate));
  const allRates = [Math.min(...rates), Math.max(...rates)];
  const start = all.runs[0].initialLoss;
  chart('rates', 'Loss against rate', 'Held-out loss after training; a model that diverged is not drawn.',
    { name: 'learning rate', log: true }, {},
    shapes.map((s, i) => ({ name: s, color: i, data: all.runs.filter(r => r.shape === s && known(r.loss)).map(r => [r.rate, r.loss]) }))
      .concat([{ name: 'before training', dashed: true, data: allRates.map(r => [r, start]) }]));

  function growth(name, key, title, note, threshold) {
    const lines = all.predictions.filter(p => p.name === name);
    if (!lines.length) return;
    const ends = lines[0].line.map(p => p[0]);
    const series = rates.map((r, i) => ({ name: 'rate ' + number(r), color: i, points: true,
      data: all.runs.filter(x => x.rate === r && x[key] > 0).map(x => [x.size, x[key]]) }));
    lines.forEach(p => series.push({ name: 'rate ' + number(p.rate) + ', line', color: rates.indexOf(p.rate), dashed: true, data: p.line }));
    series.push({ name: 'threshold', dashed: true, data: ends.map(x => [x, threshold]) });
    chart('sizes', title, note, { name: 'parameters', log: true }, { log: true }, series);
  }
  growth('ATTENTION_LOGITS', 'attentionLogit', 'Largest attention logit against size',
    'At the end of training, on one held-out batch; above the threshold published models failed.', all.attentionThreshold);
  growth('VANISHING_GRADIENTS', 'gradientOverEpsilon', 'Gradient size over epsilon against size',
    'Below the threshold epsilon begins to eat updates.', all.gradientThreshold);

  const largest = all.runs.filter(r => r.shape === shapes[shapes.length - 1]);
  const inside = (key, positive) => largest.map((r, i) => ({ name: 'rate ' + number(r.rate), color: i,
    data: r.looks.filter(l => known(l[key]) && (!positive || l[key] > 0)).map(l => [l.step, l[key]]) }));
  chart('inside', 'Largest attention logit', 'Before the mask and softmax, over all blocks.', { name: 'updates' }, { log: true }, inside('attentionLogit', true));
  chart('inside', 'Entropy of attention', 'Mean over blocks and heads, nats; 0 means that each query sees one key.', { name: 'updates' }, {}, inside('attentionEntropy'));
  chart('inside', 'Normaliser', 'Mean log Z of the output logits; it should not drift.', { name: 'updates' }, {}, inside('logZ'));
})();
