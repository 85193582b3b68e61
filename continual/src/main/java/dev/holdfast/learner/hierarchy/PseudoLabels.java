package dev.holdfast.learner.hierarchy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Tensors;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;

/** Labels that a network gives to rows at the levels at which they have none. */
final class PseudoLabels {
    private PseudoLabels() {}

    /**
     * Sum over rows and levels other than the row's own of the cross entropy with the most probable class, where its
     * probability is at least {@code sure}, over the number of rows. With graph; the labels are constants.
     */
    static Tensor loss(Tensor scores, long[] classIds, ClassIndex columns, double sure) {
        Tensor total = Tensors.slice(scores, 1, 0, 1).sum().mul(Tensors.scalar(0));
        int n = classIds.length;
        for (int level : new TreeSet<>(
                columns.columns().stream().map(ClassIndex.Column::level).toList())) {
            int[] own = IntStream.range(0, columns.size())
                    .filter(c -> columns.columns().get(c).level() == level)
                    .toArray();
            double[] elsewhere = new double[n];
            for (int i = 0; i < n; i++) {
                int c = columns.columnOf((int) classIds[i]);
                elsewhere[i] = columns.columns().get(c).level() == level ? 0 : 1;
            }
            Tensor lnP = scores.index_select(1, Tensors.ids(own)).log_softmax(1);
            Tensor best = lnP.detach().argmax(new LongOptional(1), true);
            Tensor lnBest = lnP.gather(1, best).squeeze(1);
            Tensor counts = lnBest.detach()
                    .ge(Tensors.scalar(Math.log(sure)))
                    .to(scores.scalar_type())
                    .mul(Tensors.of(elsewhere, n).to(scores.scalar_type()));
            total = total.sub(lnBest.mul(counts).sum());
        }
        return total.div(Tensors.scalar(n));
    }
}
