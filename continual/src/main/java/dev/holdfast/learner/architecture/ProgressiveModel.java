package dev.holdfast.learner.architecture;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Fully connected columns side by side, one a part. Layer i of column k sees layer i - 1 of its own column, and that of
 * all earlier columns through an adapter (equation 2, without biases in the adapters):
 *
 * <pre>h_i(k) = relu(W h_{i-1}(k) + U relu(V a h_{i-1}(<k)))</pre>
 *
 * The features of a column are its last layer and what its last adapter makes of those of the earlier columns (zeros in the
 * first), so that a linear head on them has a lateral connection, too. {@link Pass#task} chooses the column, the newest if
 * it is -1; gradients reach that column only.
 */
final class ProgressiveModel implements Model {
    private static final String COUNT = "progressive.columns";

    /** Lateral connections start small. */
    private static final double SCALE = 0.1;

    private final InputShape input;
    private final List<Integer> widths;
    private final Fresh fresh;
    private final Head head;
    private final List<Column> columns = new ArrayList<>();

    /** Adapter i feeds layer i + 1, the last one the head; the first column has none. */
    private record Column(List<Linear> layers, List<Adapter> adapters) {
        Column copy(Copier c) {
            return new Column(
                    layers.stream().map(c::part).toList(),
                    adapters.stream().map(a -> a.copy(c)).toList());
        }
    }

    /** {@code up} is null where the head takes its place. */
    private record Adapter(Site scale, Linear down, Linear up) {
        Tensor forward(Tensor earlier, Pass pass) {
            Tensor thin = down.forward(earlier.mul(scale.weight(pass)), pass).relu();
            return up == null ? thin : up.forward(thin, pass);
        }

        Adapter copy(Copier c) {
            return new Adapter(c.site(scale), c.part(down), c.part(up));
        }
    }

    /**
     * Without columns.
     *
     * @param head takes features of twice the last width
     */
    ProgressiveModel(InputShape input, List<Integer> widths, Fresh fresh, Head head) {
        this.input = input;
        this.widths = List.copyOf(widths);
        this.fresh = fresh;
        this.head = head;
    }

    int columns() {
        return columns.size();
    }

    /** A fresh column, connected to all that there are; a pure function of its number. */
    void addColumn() {
        int k = columns.size();
        Fresh here = new Fresh(fresh.rng().child("column", k), fresh.dtype(), fresh.init());
        String name = "column." + k;
        List<Linear> layers = new ArrayList<>();
        List<Adapter> adapters = new ArrayList<>();
        long in = input.size();
        for (int i = 0; i < widths.size(); i++) {
            int out = widths.get(i);
            layers.add(new Linear(name + ".fc." + i, in, out, true, here.at(i)));
            if (k > 0) {
                String a = name + ".adapter." + i;
                boolean last = i == widths.size() - 1;
                adapters.add(new Adapter(
                        here.at(i).constant(a + ".scale", ParamMeta.Role.OTHER, SCALE, 1),
                        new Linear(a + ".down", (long) k * out, out, false, here.at(i + 1)),
                        last ? null : new Linear(a + ".up", out, widths.get(i + 1), false, here.at(i + 1))));
            }
            in = out;
        }
        columns.add(new Column(layers, adapters));
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        if (columns.isEmpty()) {
            throw new IllegalStateException("A progressive network has no column before its first part begins.");
        }
        int own = pass.task() < 0 ? columns.size() - 1 : pass.task();
        Tensor x = input.forward(in.x(), pass).to(fresh.dtype());
        // hidden.get(i): layer i of the columns so far
        List<List<Tensor>> hidden = new ArrayList<>();
        widths.forEach(w -> hidden.add(new ArrayList<>()));
        try (var mode = Autograd.noGrad()) {
            for (int k = 0; k < own; k++) {
                column(k, x, hidden, pass);
            }
        }
        List<Tensor> earlier = List.copyOf(hidden.get(widths.size() - 1));
        Tensor h = column(own, x, hidden, pass);
        Tensor lateral = own == 0
                ? Tensors.zerosLike(h, h.size(0), h.size(1))
                : columns.get(own).adapters.get(widths.size() - 1).forward(cat(earlier), pass);
        return Tensors.cat(1, h, lateral);
    }

    private Tensor column(int k, Tensor x, List<List<Tensor>> hidden, Pass pass) {
        Column c = columns.get(k);
        Tensor h = x;
        for (int i = 0; i < widths.size(); i++) {
            Tensor z = c.layers.get(i).forward(h, pass);
            if (i > 0 && k > 0) {
                List<Tensor> earlier = hidden.get(i - 1).subList(0, k);
                z = z.add(c.adapters.get(i - 1).forward(cat(earlier), pass));
            }
            h = z.relu();
            hidden.get(i).add(h);
        }
        return h;
    }

    private static Tensor cat(List<Tensor> parts) {
        return Tensors.cat(1, parts.toArray(new Tensor[0]));
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return head.forward(features(in, pass), pass);
    }

    @Override
    public Head head() {
        return head;
    }

    @Override
    public void describe(Inventory into) {
        for (Column c : columns) {
            c.layers.forEach(l -> l.describe(into));
            for (Adapter a : c.adapters) {
                into.add(a.scale);
                a.down.describe(into);
                if (a.up != null) {
                    a.up.describe(into);
                }
            }
        }
        head.describe(into);
    }

    @Override
    public ProgressiveModel copy(Copier c) {
        ProgressiveModel m = new ProgressiveModel(input, widths, fresh, c.part(head));
        columns.forEach(k -> m.columns.add(k.copy(c)));
        return m;
    }

    @Override
    public State state() {
        return Inventory.of(this).state().put(COUNT, columns.size());
    }

    /** Gets as many columns as were saved, then their numbers. */
    @Override
    public void load(State saved) {
        int n = Math.toIntExact(saved.integer(COUNT));
        if (n < 0 || n > saved.tensors().size()) {
            throw new IllegalArgumentException("The saved network has " + n + " columns.\nMaybe the file is damaged.");
        }
        List<Column> before = List.copyOf(columns);
        try {
            while (columns.size() > n) {
                columns.remove(columns.size() - 1);
            }
            while (columns.size() < n) {
                addColumn();
            }
            Inventory.of(this).load(saved);
        } catch (RuntimeException e) {
            columns.clear();
            columns.addAll(before);
            throw e;
        }
    }
}
