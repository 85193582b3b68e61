package dev.holdfast.evaluate.attack;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.prototype.Certifiable;
import dev.holdfast.nn.prototype.Certificate;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Shares of rows that are right, right and proven to stay so, and right after an attack. Always {@code certified <= attacked
 * <= clean}: anything else is a fault.
 *
 * @param clean share of rows predicted right
 * @param certified by radius: share that is right with a certified radius of at least that
 * @param attacked by radius: share that is still right after an attack within that radius; empty without an attack
 * @param meanRadius mean certified radius of rows that are right, 0 without any
 */
public record RobustAccuracy(
        double clean, Map<Double, Double> certified, Map<Double, Double> attacked, double meanRadius) {
    private static final int BATCH = 512;

    public RobustAccuracy {
        // in the order of radii, so that what is printed does not change from run to run
        certified = Collections.unmodifiableMap(new TreeMap<>(certified));
        attacked = Collections.unmodifiableMap(new TreeMap<>(attacked));
    }

    /**
     * Measures a model on rows with one class each.
     *
     * @param attack how rows are attacked, or null for certificates only
     * @param attackedRows rows that are attacked, from the first; the share is over these
     */
    public static RobustAccuracy of(
            Certifiable model, Dataset rows, double[] radii, L2Attack attack, int attackedRows, Rng rng) {
        int n = Math.toIntExact(rows.size());
        if (n == 0) {
            throw new IllegalArgumentException("Accuracy needs at least one row but there are none.");
        }
        int under = attack == null ? 0 : Math.min(n, attackedRows);
        double clean = 0;
        double sum = 0;
        Map<Double, Double> certified = new TreeMap<>();
        Map<Double, Double> attacked = new TreeMap<>();
        for (double r : radii) {
            certified.put(r, 0.0);
            if (under > 0) {
                attacked.put(r, 0.0);
            }
        }
        for (int from = 0; from < n; from += BATCH) {
            try (Scope s = Scope.open()) {
                int[] at = IntStream.range(from, Math.min(n, from + BATCH)).toArray();
                Batch b = rows.rows(at);
                Certificate c = model.certify(b.inputs());
                int[] said = Tensors.ints(c.column());
                double[] radius = Tensors.doubles(c.radius());
                int[] truth = columns(model, b);
                for (int i = 0; i < said.length; i++) {
                    if (said[i] == truth[i]) {
                        clean++;
                        sum += radius[i];
                        for (double r : radii) {
                            certified.merge(r, radius[i] >= r ? 1.0 : 0.0, Double::sum);
                        }
                    }
                }
                int here = Math.min(under - from, at.length);
                if (here > 0) {
                    Batch head = b.rows(IntStream.range(0, here).toArray());
                    int[] own = Arrays.copyOf(truth, here);
                    for (double r : radii) {
                        attacked.merge(
                                r, (double) survivors(model, head, own, r, attack, rng.child("at", from)), Double::sum);
                    }
                }
            }
        }
        double right = clean;
        certified.replaceAll((r, v) -> v / n);
        attacked.replaceAll((r, v) -> v / under);
        return new RobustAccuracy(right / n, certified, attacked, right == 0 ? 0 : sum / right);
    }

    /** Column of every row's class; a class without one counts as never right. */
    private static int[] columns(Certifiable model, Batch b) {
        return Arrays.stream(b.classIds())
                .mapToInt(id -> model.head().columns().columnOf(Math.toIntExact(id)))
                .toArray();
    }

    private static int survivors(Certifiable model, Batch b, int[] own, double radius, L2Attack attack, Rng rng) {
        int[] known = IntStream.range(0, own.length).filter(i -> own[i] >= 0).toArray();
        if (known.length == 0) {
            return 0;
        }
        double[] radii = new double[known.length];
        Arrays.fill(radii, radius);
        Batch rows = b.rows(known);
        L2Attack.Outcome o = attack.attack(
                x -> model.scores(Inputs.of(x), Pass.eval()),
                rows.inputs().x(),
                Arrays.stream(known).map(i -> own[i]).toArray(),
                radii,
                rng);
        int alive = 0;
        for (boolean broken : o.broken()) {
            alive += broken ? 0 : 1;
        }
        return alive;
    }
}
