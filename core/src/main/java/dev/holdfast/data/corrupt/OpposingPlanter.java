package dev.holdfast.data.corrupt;

import dev.holdfast.data.Corruption;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.source.TransformedDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Gives a strong feature to a share of the rows of two classes, so that rows that look alike there need different answers: a
 * constant is added to the first {@code width} numbers of a row (of an image: its first lines). Rosenfeld, Risteski, arXiv
 * 2311.04163; the plant is ours. What is returned besides are the ids of the changed rows. Immutable; safe from any thread.
 *
 * @param first a class id
 * @param second another
 * @param share of each class's rows, in (0, 1]
 * @param width numbers that are changed
 * @param strength what is added to them
 */
public record OpposingPlanter(int first, int second, double share, int width, double strength)
        implements Corruption<Set<Long>> {
    public OpposingPlanter {
        if (first == second) {
            throw new IllegalArgumentException("Opposing rows need two classes but both are " + first + ".");
        }
        if (!(share > 0 && share <= 1) || width < 1 || !Double.isFinite(strength) || strength == 0) {
            throw new IllegalArgumentException(
                    "A plant needs a share in (0, 1], a width >= 1 and a strength other than 0 but" + " has " + share
                            + ", " + width + " and " + strength + ".");
        }
    }

    @Override
    public WithTruth<Set<Long>> apply(Dataset clean, Rng rng) {
        if (clean.schema().target() != Target.ClassIds.class) {
            throw new IllegalArgumentException(
                    "Opposing rows are planted where rows have one class each, but the target is "
                            + clean.schema().target().getSimpleName() + ".");
        }
        long[] y = clean.classIds();
        Set<Long> planted = new TreeSet<>();
        for (int c : new int[] {first, second}) {
            int[] own = IntStream.range(0, y.length).filter(i -> y[i] == c).toArray();
            if (own.length == 0) {
                throw new IllegalArgumentException("Class " + c + " has no rows to plant a feature in.");
            }
            rng.child("plant", c).shuffle(own);
            for (int k = 0; k < LabelNoise.count(share, own.length); k++) {
                planted.add(clean.id(own[k]));
            }
        }
        String field = clean.schema().inputs().get(0).name();
        String how = this + "-" + Long.toHexString(rng.key());
        return new WithTruth<>(
                new TransformedDataset(
                        clean,
                        b -> {
                            double[] marks = IntStream.range(0, b.size())
                                    .mapToDouble(i -> planted.contains(b.rows().ids()[i]) ? strength : 0)
                                    .toArray();
                            return b.withInputs(
                                    b.inputs().with(field, plant(b.inputs().x(), marks)));
                        },
                        how),
                planted);
    }

    private Tensor plant(Tensor x, double[] add) {
        Tensor flat = x.reshape(x.size(0), -1);
        if (!flat.is_floating_point()) {
            flat = flat.to(torch.ScalarType.Float).div(Tensors.scalar(255));
        }
        if (width > flat.size(1)) {
            throw new IllegalArgumentException(
                    "A row has " + flat.size(1) + " numbers, so " + width + " of them cannot be changed.");
        }
        Tensor mark = Tensors.of(add, add.length, 1).to(flat.scalar_type());
        Tensor head = Tensors.slice(flat, 1, 0, width).add(mark);
        return Tensors.cat(1, head, Tensors.slice(flat, 1, width, flat.size(1))).reshape(x.shape());
    }
}
