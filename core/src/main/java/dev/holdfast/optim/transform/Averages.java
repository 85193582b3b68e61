package dev.holdfast.optim.transform;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.List;

/** Running averages of a few numbers a leaf, with the gradients that each leaf has had. */
final class Averages implements Stateful {
    private final long countFrom;
    private double[][] values;
    private long[] counts = new long[0];

    /** Names of the leaves, in their order. */
    private List<String> names = List.of();

    /** Leaves of the last step. */
    private Parameters of;

    Averages(int kinds, long countFrom) {
        if (countFrom < 0) {
            throw new IllegalArgumentException(
                    "The steps between two resets must be >= 0 (0 = never) but are " + countFrom + ".");
        }
        this.countFrom = countFrom;
        this.values = new double[kinds][0];
    }

    static double requireShare(String what, double share) {
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException(what + " must be in [0, 1) but is " + share + ".");
        }
        return share;
    }

    /** Goes on with these leaves: averages follow a leaf by its name; leaves that come new start at 0. */
    void begin(Parameters leaves) {
        if (of == leaves) {
            return;
        }
        List<String> now = leaves.meta().stream().map(ParamMeta::name).toList();
        if (!now.equals(names)) {
            long[] c = new long[now.size()];
            double[][] v = new double[values.length][now.size()];
            for (int i = 0; i < c.length; i++) {
                int before = names.indexOf(now.get(i));
                for (int j = 0; before >= 0 && j < v.length; j++) {
                    v[j][i] = values[j][before];
                    c[i] = counts[before];
                }
            }
            counts = c;
            values = v;
            names = now;
        }
        of = leaves;
    }

    /** Counts one more gradient of a leaf at step t and says how many count in its bias correction. */
    long count(int leaf, long t) {
        long k = ++counts[leaf];
        if (countFrom > 0 && t % countFrom == 0) {
            // this step still counts as it was; the next is the second
            counts[leaf] = 1;
        }
        return k;
    }

    double move(int kind, int leaf, double share, double value) {
        values[kind][leaf] = share * values[kind][leaf] + (1 - share) * value;
        return values[kind][leaf];
    }

    double[] all(int kind) {
        return values[kind].clone();
    }

    @Override
    public State state() {
        State s = new State().put("leaves", String.join("\n", names)).put("counts", Tensors.of(counts, counts.length));
        for (int j = 0; j < values.length; j++) {
            s.put("average." + j, Tensors.of(values[j], values[j].length));
        }
        return s;
    }

    @Override
    public void load(State saved) {
        String text = saved.value("leaves");
        List<String> n = text.isEmpty() ? List.of() : List.of(text.split("\n"));
        long[] c = Tensors.longs(saved.tensor("counts"));
        double[][] v = new double[values.length][];
        for (int j = 0; j < v.length; j++) {
            v[j] = Tensors.doubles(saved.tensor("average." + j));
            if (v[j].length != c.length || n.size() != c.length) {
                throw new IllegalArgumentException("Saved averages are of " + v[j].length + " leaves, counts of "
                        + c.length + " and names of " + n.size() + ".\nMaybe the file is damaged.");
            }
        }
        names = n;
        counts = c;
        values = v;
        of = null;
    }
}
