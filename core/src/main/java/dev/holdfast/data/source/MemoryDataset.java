package dev.holdfast.data.source;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Rows held in memory; a subset is a list of positions into the same memory. Immutable; safe from any thread.
 */
public final class MemoryDataset implements Dataset {
    private final Schema schema;
    private final Inputs inputs;
    private final Target target;
    private final long[] ids;
    private final int[] at;
    private String fingerprint;

    private MemoryDataset(Schema schema, Inputs inputs, Target target, long[] ids, int[] at) {
        this.schema = schema;
        this.inputs = inputs;
        this.target = target;
        this.ids = ids;
        this.at = at;
    }

    /** Rows with ids 0..n-1. */
    public static MemoryDataset of(Schema schema, Inputs inputs, Target target) {
        return of(schema, inputs, target, LongStream.range(0, inputs.size()).toArray());
    }

    /** Rows with their own ids; takes the tensors over, out of the caller's scope. */
    public static MemoryDataset of(Schema schema, Inputs inputs, Target target, long[] ids) {
        if (target.size() >= 0 && target.size() != inputs.size()) {
            throw new IllegalArgumentException(
                    "There are " + inputs.size() + " rows of inputs but " + target.size() + " targets.");
        }
        if (ids.length != inputs.size()) {
            throw new IllegalArgumentException(
                    "There are " + inputs.size() + " rows of inputs but " + ids.length + " ids.");
        }
        for (String f : inputs.fields()) {
            if (inputs.holds(f) == Inputs.Form.TENSOR) {
                Scope.own(inputs.tensor(f));
            }
        }
        own(target);
        return new MemoryDataset(
                schema, inputs, target, ids, IntStream.range(0, ids.length).toArray());
    }

    private static void own(Target t) {
        if (t instanceof Target.ClassIds c) {
            Scope.own(c.ids());
        } else if (t instanceof Target.Soft s) {
            Scope.own(s.p());
        } else if (t instanceof Target.MultiLabel m) {
            Scope.own(m.y());
            if (m.known() != null) {
                Scope.own(m.known());
            }
        } else if (t instanceof Target.Levels l) {
            Scope.own(l.ids());
            Scope.own(l.level());
        } else if (t instanceof Target.Values v) {
            Scope.own(v.y());
        } else if (t instanceof Target.Tokens k) {
            Scope.own(k.labels());
        }
    }

    @Override
    public Schema schema() {
        return schema;
    }

    @Override
    public long size() {
        return at.length;
    }

    @Override
    public Batch rows(int... positions) {
        int[] p = new int[positions.length];
        long[] id = new long[positions.length];
        for (int i = 0; i < p.length; i++) {
            p[i] = at[checked(positions[i])];
            id[i] = ids[p[i]];
        }
        return new Batch(inputs.rows(p), target.rows(p), Rows.of(id));
    }

    @Override
    public Target target() {
        return target.rows(at);
    }

    @Override
    public long id(int position) {
        return ids[at[checked(position)]];
    }

    @Override
    public MemoryDataset subset(int... positions) {
        return new MemoryDataset(
                schema,
                inputs,
                target,
                ids,
                Arrays.stream(positions).map(i -> at[checked(i)]).toArray());
    }

    private int checked(int position) {
        if (position < 0 || position >= at.length) {
            throw new IndexOutOfBoundsException(
                    "There is no row at position " + position + "; the set has " + at.length + " rows, from 0.");
        }
        return position;
    }

    /** The same rows under another schema (renamed or restricted classes). */
    public MemoryDataset withSchema(Schema other) {
        return new MemoryDataset(other, inputs, target, ids, at);
    }

    @Override
    public Loader batches(Pace pace, Rng rng) {
        return new ShuffledLoader(this, pace, rng);
    }

    /** Frees the tensors at once instead of when they are collected; subsets share them and are dead, too. */
    public void close() {
        for (String f : inputs.fields()) {
            if (inputs.holds(f) == Inputs.Form.TENSOR) {
                inputs.tensor(f).close();
            }
        }
        if (target instanceof Target.ClassIds c) {
            c.ids().close();
        }
    }

    @Override
    public synchronized String fingerprint() {
        if (fingerprint == null) {
            try (Scope s = Scope.open()) {
                MessageDigest sha = MessageDigest.getInstance("SHA-256");
                for (String f : inputs.fields()) {
                    sha.update(f.getBytes(StandardCharsets.UTF_8));
                    if (inputs.holds(f) == Inputs.Form.TEXT) {
                        for (int i : at) {
                            sha.update(inputs.text(f).get(i).getBytes(StandardCharsets.UTF_8));
                            sha.update((byte) 0);
                        }
                    } else {
                        hash(sha, inputs.tensor(f));
                    }
                }
                hash(sha, target);
                sha.update((schema.inputs() + " " + schema.classes()).getBytes(StandardCharsets.UTF_8));
                for (int i : at) {
                    sha.update(ByteBuffer.allocate(8).putLong(ids[i]).flip());
                }
                fingerprint = HexFormat.of().formatHex(sha.digest()).substring(0, 32);
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e);
            }
        }
        return fingerprint;
    }

    private void hash(MessageDigest sha, Target t) {
        sha.update(t.getClass().getSimpleName().getBytes(StandardCharsets.UTF_8));
        if (t instanceof Target.ClassIds c) {
            hash(sha, c.ids());
        } else if (t instanceof Target.Soft s) {
            hash(sha, s.p());
        } else if (t instanceof Target.MultiLabel m) {
            hash(sha, m.y());
            if (m.known() != null) {
                hash(sha, m.known());
            }
        } else if (t instanceof Target.Levels l) {
            hash(sha, l.ids());
            hash(sha, l.level());
        } else if (t instanceof Target.Values v) {
            hash(sha, v.y());
        } else if (t instanceof Target.Tokens k) {
            hash(sha, k.labels());
        } else if (t instanceof Target.Answers a) {
            for (int i : at) {
                sha.update(a.problems().get(i).toString().getBytes(StandardCharsets.UTF_8));
            }
        }
    }

    private void hash(MessageDigest sha, Tensor all) {
        long[] rowShape = Arrays.copyOfRange(all.shape(), 1, (int) all.dim());
        sha.update((all.scalar_type().intern() + " " + at.length + Arrays.toString(rowShape))
                .getBytes(StandardCharsets.UTF_8));
        // in pieces, so that the Java heap never holds the whole set
        for (int from = 0; from < at.length; from += 1024) {
            try (Scope s = Scope.open()) {
                sha.update(Tensors.bytes(
                        Tensors.rows(all, Arrays.copyOfRange(at, from, Math.min(at.length, from + 1024)))));
            }
        }
    }
}
