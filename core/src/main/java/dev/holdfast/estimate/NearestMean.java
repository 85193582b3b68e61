package dev.holdfast.estimate;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.ClassStatistics;
import org.bytedeco.pytorch.Tensor;

/**
 * The nearest class mean: score = -||x - mu_c||^2. Mensink et al., <i>Distance-Based Image Classification</i>, TPAMI
 * 2013.
 */
public final class NearestMean implements StatisticHead {
    private final ClassStatistics statistics;
    private final Columns columns = new Columns();

    /** @param width D */
    public NearestMean(long width) {
        this.statistics = ClassStatistics.meansOnly(width);
    }

    @Override
    public void update(Tensor features, ClassIndex known, long... classIds) {
        columns.with(() -> statistics.add(features, columns.admit(known, classIds)));
    }

    @Override
    public void remove(Tensor features, long... classIds) {
        statistics.remove(features, columns.index().columnsOf(classIds));
    }

    @Override
    public void merge(StatisticHead other) {
        NearestMean o = StreamingLda.sameKind(this, other);
        columns.with(() -> statistics.merge(o.statistics, columns.place(o.columns())));
    }

    @Override
    public Tensor scores(Tensor features) {
        Tensor mu = statistics.means();
        // -||x||^2 is common to a row's scores but keeps them distances
        Tensor x2 = features.mul(features).sum(1).unsqueeze(1);
        Tensor mu2 = mu.mul(mu).sum(1);
        Tensor scores =
                features.matmul(mu.t()).mul_(Tensors.scalar(2)).sub_(mu2).sub_(x2);
        return Columns.withoutEmpty(scores, statistics);
    }

    @Override
    public ClassIndex columns() {
        return columns.index();
    }

    /** Class means [C, D]. */
    public Tensor means() {
        return statistics.means();
    }

    @Override
    public long parameters() {
        return statistics.means().numel();
    }

    @Override
    public long bytes() {
        return statistics.bytes();
    }

    @Override
    public State state() {
        return new State().put("statistics", statistics).put("columns", columns.state());
    }

    @Override
    public void load(State saved) {
        State s = saved.child("statistics");
        ClassIndex index =
                Columns.read(saved.child("columns"), s.tensor("counts").numel());
        statistics.load(s);
        columns.set(index);
    }
}
