package dev.holdfast.data.corrupt;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.ShuffledLoader;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.bytedeco.pytorch.Tensor;

/** A data set seen with other label sets [n, L], all known; inputs, ids and order are those of the data underneath. */
record RelabelledSets(Dataset data, Tensor sets) implements Dataset {
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
        return new Batch(b.inputs(), only(positions), b.rows(), b.task(), b.domain(), b.time(), b.group());
    }

    private Target only(int... positions) {
        return new Target.MultiLabel(Tensors.rows(sets, positions), null);
    }

    @Override
    public Target target() {
        return new Target.MultiLabel(Tensors.copy(sets), null);
    }

    @Override
    public long id(int position) {
        return data.id(position);
    }

    @Override
    public Dataset subset(int... positions) {
        try (Scope s = Scope.open()) {
            return new RelabelledSets(data.subset(positions), Scope.own(Tensors.rows(sets, positions)));
        }
    }

    @Override
    public Loader batches(Pace pace, Rng rng) {
        return new ShuffledLoader(this, pace, rng);
    }

    @Override
    public String fingerprint() {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(Tensors.bytes(sets));
            return data.fingerprint() + "/sets-"
                    + HexFormat.of().formatHex(hash).substring(0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
