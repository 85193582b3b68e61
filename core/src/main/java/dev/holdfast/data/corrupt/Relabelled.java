package dev.holdfast.data.corrupt;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.ShuffledLoader;
import dev.holdfast.tensor.Rng;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/** A data set seen with other class labels; inputs, ids and order are those of the data underneath. */
record Relabelled(Dataset data, long[] labels) implements Dataset {
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
        return new Batch(b.inputs(), target(positions), b.rows(), b.task(), b.domain(), b.time(), b.group());
    }

    private Target target(int... positions) {
        return Target.ClassIds.of(
                Arrays.stream(positions).mapToLong(i -> labels[i]).toArray());
    }

    @Override
    public Target target() {
        return Target.ClassIds.of(labels);
    }

    @Override
    public long[] classIds() {
        return labels.clone();
    }

    @Override
    public long id(int position) {
        return data.id(position);
    }

    @Override
    public Dataset subset(int... positions) {
        return new Relabelled(
                data.subset(positions),
                Arrays.stream(positions).mapToLong(i -> labels[i]).toArray());
    }

    @Override
    public Loader batches(Pace pace, Rng rng) {
        return new ShuffledLoader(this, pace, rng);
    }

    @Override
    public String fingerprint() {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            for (long y : labels) {
                sha.update(ByteBuffer.allocate(Long.BYTES).putLong(y).flip());
            }
            return data.fingerprint() + "/labels-"
                    + HexFormat.of().formatHex(sha.digest()).substring(0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
