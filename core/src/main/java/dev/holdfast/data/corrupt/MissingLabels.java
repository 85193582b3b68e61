package dev.holdfast.data.corrupt;

import dev.holdfast.data.Corruption;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;

/**
 * Forgets labels of rows with label sets: each is dropped with a chance, and recorded as absent from then on. A row that
 * would lose all keeps one of them. The set-up of partial labels in Zhang et al., arXiv 2304.10539. Immutable; safe from
 * any thread.
 *
 * @param rate chance that a label is dropped, in [0, 1]
 */
public record MissingLabels(double rate) implements Corruption<HiddenLabels> {
    public MissingLabels {
        LabelNoise.requireRate(rate);
    }

    @Override
    public WithTruth<HiddenLabels> apply(Dataset clean, Rng rng) {
        try (Scope s = Scope.open()) {
            if (!(clean.target() instanceof Target.MultiLabel m)) {
                throw new IllegalArgumentException("Labels can be missing where rows have sets of them, but the target"
                        + " of these is " + clean.schema().target().getSimpleName() + ".");
            }
            boolean[][] before = m.sets();
            double[][] u = new double[before.length][];
            double[] pick = new double[before.length];
            for (int i = 0; i < u.length; i++) {
                u[i] = new double[before[i].length];
                for (int l = 0; l < u[i].length; l++) {
                    u[i][l] = rng.next();
                }
                pick[i] = rng.next();
            }
            boolean[][] after = draw(before, u, pick);
            long[] ids = new long[before.length];
            float[] y = new float[before.length == 0 ? 0 : before.length * before[0].length];
            for (int i = 0, k = 0; i < ids.length; i++) {
                ids[i] = clean.id(i);
                for (boolean b : after[i]) {
                    y[k++] = b ? 1 : 0;
                }
            }
            long labels = m.y().size(1);
            return new WithTruth<>(
                    new RelabelledSets(clean, Scope.own(Tensors.of(y, before.length, labels))),
                    new HiddenLabels(rate, ids, before, after));
        }
    }

    /**
     * The sets that are left, with given draws.
     *
     * @param u [n][L] in [0, 1): a label goes where its number is below the rate
     * @param pick [n] in [0, 1): which label a row keeps that would lose all
     */
    public boolean[][] draw(boolean[][] sets, double[][] u, double[] pick) {
        boolean[][] kept = new boolean[sets.length][];
        for (int i = 0; i < sets.length; i++) {
            kept[i] = sets[i].clone();
            int had = 0;
            int left = 0;
            for (int l = 0; l < sets[i].length; l++) {
                had += sets[i][l] ? 1 : 0;
                kept[i][l] &= u[i][l] >= rate;
                left += kept[i][l] ? 1 : 0;
            }
            int saved = had > 0 && left == 0 ? (int) (pick[i] * had) : -1;
            for (int l = 0; l < sets[i].length && saved >= 0; l++) {
                kept[i][l] = sets[i][l] && saved-- == 0;
            }
        }
        return kept;
    }
}
