package dev.holdfast.data.source;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import java.util.function.UnaryOperator;

/**
 * A data set seen through a fixed change of its inputs, made batch by batch; nothing is stored twice. Targets, ids and
 * order are those of the data underneath.
 *
 * @param change a pure function of a batch that leaves its rows' number, order and targets as they are
 * @param how the change in words; part of the fingerprint, so equal words must mean equal changes
 */
public record TransformedDataset(Dataset data, UnaryOperator<Batch> change, String how) implements Dataset {
    @Override
    public Schema schema() {
        return data.schema();
    }

    @Override
    public long size() {
        return data.size();
    }

    @Override
    public Batch rows(int... positions) {
        return change.apply(data.rows(positions));
    }

    @Override
    public Target target() {
        return data.target();
    }

    @Override
    public long id(int position) {
        return data.id(position);
    }

    @Override
    public Dataset subset(int... positions) {
        return new TransformedDataset(data.subset(positions), change, how);
    }

    @Override
    public Loader batches(Pace pace, Rng rng) {
        return new ShuffledLoader(this, pace, rng);
    }

    @Override
    public String fingerprint() {
        return data.fingerprint() + "/" + how;
    }
}
