package dev.holdfast.nn.head;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Nearest class mean: score = -|x - mean_c|^2, where the means are counted, not trained (Rebuffi et al., iCaRL, arXiv
 * 1611.07725, eq. 2). A column without rows scores minus infinity. Buffers {@code name.sums} [columns,D] and {@code
 * name.counts} [columns], both float64, so that the order of rows does not matter.
 */
public final class PrototypeHead implements Head {
    /**
     * @param normalise features and means are brought to length 1, as iCaRL does
     */
    public record Spec(boolean normalise) implements HeadSpec {
        @Override
        public PrototypeHead build(String name, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
            return new PrototypeHead(name, normalise, owned(columns.size(), width), owned(columns.size()), columns);
        }
    }

    private final String name;
    private final boolean normalise;
    private Tensor sums;
    private Tensor counts;
    private ClassIndex columns;

    private PrototypeHead(String name, boolean normalise, Tensor sums, Tensor counts, ClassIndex columns) {
        this.name = name;
        this.normalise = normalise;
        this.sums = sums;
        this.counts = counts;
        this.columns = columns;
    }

    private static Tensor owned(long... shape) {
        return Scope.own(Tensors.zeros(ScalarType.Double, shape));
    }

    /**
     * Counts rows in: features [n,D] and the column of each.
     *
     * @throws IllegalArgumentException if a column does not exist or a shape or number is wrong; nothing is changed
     */
    public void update(Tensor features, int... column) {
        Tensors.requireShape("features", features, column.length, sums.size(1));
        for (int i = 0; i < column.length; i++) {
            if (column[i] < 0 || column[i] >= columns.size()) {
                throw new IllegalArgumentException("Row " + i + " names column " + column[i] + " but head '" + name
                        + "' has " + columns.size() + ".");
            }
        }
        Tensors.requireFinite("features", features);
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor x = features.detach().to(ScalarType.Double);
            Tensor at = Tensors.ids(column);
            sums.index_add_(0, at, normalise ? CosineHead.unit(x) : x);
            double[] ones = new double[column.length];
            Arrays.fill(ones, 1);
            counts.index_add_(0, at, Tensors.of(ones, column.length));
        }
    }

    /** Forgets all rows counted so far: before the means are taken again with a net that moved. */
    public void reset() {
        sums.zero_();
        counts.zero_();
    }

    /** Class means [columns,D] in float64; rows of zeros where nothing was counted. */
    public Tensor means() {
        Tensor m = sums.div(counts.clamp_min(Tensors.scalar(1)).unsqueeze(1));
        return normalise ? CosineHead.unit(m) : m;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        Tensor means = means().to(x.scalar_type());
        Tensor rows = normalise ? CosineHead.unit(x) : x;
        // |x|^2 - 2 x.m + |m|^2 would lose digits near the mean; the difference itself does not
        Tensor off = rows.unsqueeze(1).sub(means.unsqueeze(0));
        Tensor score = off.mul(off).sum(2).neg();
        return score.masked_fill(counts.eq(Tensors.scalar(0)), new Scalar(Double.NEGATIVE_INFINITY));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ClassIndex columns() {
        return columns;
    }

    @Override
    public Prediction.Kind kind() {
        return Prediction.Kind.SCORES;
    }

    /** Nothing is trained, so nothing is returned. */
    @Override
    public List<Resized> grow(List<ClassIndex.Column> added, Rng rng) {
        ClassIndex all = columns.plus(added);
        try (Scope s = Scope.open()) {
            sums = Scope.own(Tensors.cat(0, sums, Tensors.zerosLike(sums, added.size(), sums.size(1))));
            counts = Scope.own(Tensors.cat(0, counts, Tensors.zerosLike(counts, added.size())));
        }
        columns = all;
        return List.of();
    }

    @Override
    public void adopt(ClassIndex saved) {
        if (saved.size() != columns.size()) {
            sums = owned(saved.size(), sums.size(1));
            counts = owned(saved.size());
        }
        columns = saved;
    }

    @Override
    public void describe(Inventory into) {
        into.add(this);
        into.buffer(name + ".sums", sums);
        into.buffer(name + ".counts", counts);
    }

    @Override
    public PrototypeHead copy(Copier c) {
        return new PrototypeHead(name, normalise, c.leaf(sums), c.leaf(counts), columns);
    }
}
