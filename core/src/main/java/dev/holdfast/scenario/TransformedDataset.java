package dev.holdfast.scenario;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.ShuffledLoader;
import dev.holdfast.tensor.Rng;
import java.util.function.UnaryOperator;

/** A data set seen through a fixed change of its inputs, made batch by batch; nothing is stored twice. */
record TransformedDataset(Dataset data, UnaryOperator<Inputs> change, String how) implements Dataset {
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
        Batch b = data.rows(positions);
        return new Batch(change.apply(b.inputs()), b.target(), b.rows(), b.task(), b.domain(), b.time(), b.group());
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
