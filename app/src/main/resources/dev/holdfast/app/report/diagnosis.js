(() => {
  'use strict';
  const { all, byId, css, known, number, el, table, axis, draw, figure } = Page;

  byId('title').textContent = all.title;
  byId('facts').textContent = all.facts;
  byId('headline').textContent = all.symptoms.length
    ? all.symptoms.map(s => s.sentence).join(' ')
    : 'Nothing that is known to go wrong was seen.';
  table('symptoms', ['Symptom', 'Measured', 'Value', 'Told from', 'Known cures', 'Papers'],
    all.symptoms.map(s => [s.sentence, s.number, number(s.value), number(s.from), s.cures.join('; '), s.papers]));
  byId('cures-section').hidden = !all.cures.length;
  table('cures', ['Symptom', 'Training', 'Settings', 'Its number', 'Final loss', 'Test accuracy %'],
    all.cures.map(c => [c.symptom, c.cure, c.settings, number(c.value), number(c.loss),
      known(c.testAccuracy) ? (100 * c.testAccuracy).toFixed(1) : '–']));

  function chart(title, note, series, log) {
    const shown = series.filter(s => all.diary.some(e => known(e[s.key])));
    if (!shown.length) return;
    const colors = [css('--accent'), css('--warn') || css('--quiet'), css('--quiet')];
    draw(figure('curves', title, note), {
      grid: { left: 65, right: 20, top: 30, bottom: 50 },
      legend: { show: shown.length > 1, textStyle: { color: css('--quiet') } },
      tooltip: { trigger: 'axis', valueFormatter: number },
      xAxis: { ...axis('updates'), type: 'value', max: 'dataMax' },
      yAxis: { ...axis(''), type: log ? 'log' : 'value', scale: true },
      series: shown.map((s, i) => ({
        name: s.name, type: 'line', showSymbol: false,
        data: all.diary.filter(e => known(e[s.key]) && (!log || e[s.key] > 0)).map(e => [e.step, e[s.key]]),
        lineStyle: { color: colors[i], type: s.dashed ? 'dashed' : 'solid' }, itemStyle: { color: colors[i] }
      }))
    });
  }

  chart('Loss', 'Mean over the watched rows, and of the batch before each look.',
    [{ key: 'loss', name: 'watched rows' }, { key: 'batch_loss', name: 'batches', dashed: true }]);
  chart('Accuracy', 'Share of rows that are classified as labelled.',
    [{ key: 'accuracy', name: 'watched rows' }, { key: 'test_accuracy', name: 'test rows' }]);
  chart('Gradient norm', 'Of the batch before each look; single spikes are batches that throw training off.',
    [{ key: 'gradient_norm', name: 'batch gradient' }], true);
  chart('Sharpness', 'The largest curvature that the update rule meets, and where it starts to oscillate at this rate.',
    [{ key: 'sharpness', name: 'sharpness' }, { key: 'edge', name: 'edge', dashed: true }], true);
  chart('Logits', 'The largest magnitude: logits that only grow make losses small without changing predictions.',
    [{ key: 'largest_logit', name: 'largest logit' }], true);
  chart('Normaliser', 'Mean of log sum exp of the logits; it should not drift.', [{ key: 'log_z', name: 'log Z' }]);
  chart('Attention logits', 'The largest magnitude before the softmax; large ones make each query see one key only.',
    [{ key: 'attention_logit', name: 'largest attention logit' }], true);
  chart('Softmax collapse', 'Shares of watched rows whose float32 softmax is exactly 1, and whose loss is exactly 0.',
    [{ key: 'collapsed', name: 'collapsed' }, { key: 'zero_losses', name: 'zero loss', dashed: true }]);
  chart('Scaling', 'Cosine between a step and the weights: 1 means that only the scale of the logits grows.',
    [{ key: 'scaling', name: 'cosine' }]);
  chart('Learning rate', 'Of the next update.', [{ key: 'rate', name: 'rate' }]);

  byId('groups-section').hidden = !all.groups;
  if (all.groups) {
    byId('groups-note').textContent = 'Over the last updates the loss of the first group turned round at '
      + (100 * all.groups.alternation).toFixed(0) + ' % of them, and the two moved against each other at '
      + (100 * all.groups.opposite).toFixed(0) + ' %.'
      + (known(all.groups.cosine) ? ' Cosine between their gradients: ' + all.groups.cosine.toFixed(2) + '.' : '');
    for (const side of ['a', 'b']) {
      all.groups[side].forEach(x => {
        const li = el('li');
        if (x.picture) {
          const img = el('img');
          img.src = x.picture;
          img.alt = 'row ' + x.id;
          li.append(img);
        } else if (x.text) {
          li.append(el('div', x.text));
        }
        li.append(el('div', x.label), el('div', 'row ' + x.id, 'quiet'));
        byId('group-' + side).append(li);
      });
    }
  }
})();
