package dev.holdfast.data.corrupt;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.ShuffledLoader;
import dev.holdfast.tensor.Rng;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** A data set seen through a shift of its inputs; targets, ids and order are those of the data underneath. */
record ShiftedRows(Dataset data, ImageShift shift, Rng rng) implements Dataset {
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
        Tensor x = b.inputs().x();
        Tensor draws = shift.draws(b.rows().ids(), ImageShift.rowShape(x), rng);
        Inputs shifted = Inputs.of(Map.of(schema().inputs().get(0).name(), shift.apply(x, draws)));
        return new Batch(shifted, b.target(), b.rows(), b.task(), b.domain(), b.time(), b.group());
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
        return new ShiftedRows(data.subset(positions), shift, rng);
    }

    @Override
    public Loader batches(Pace pace, Rng loaderRng) {
        return new ShuffledLoader(this, pace, loaderRng);
    }

    @Override
    public String fingerprint() {
        return data.fingerprint() + "/" + shift + "-" + Long.toHexString(rng.key());
    }
}
