package dev.holdfast.scenario;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.ShuffledLoader;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Several parts with one class a row, shuffled together; positions run through the parts in order. */
public final class ConcatSource implements Dataset {
    private final List<Dataset> parts = new ArrayList<>();
    private final int[] start;
    private final int[] at;

    /** Parts must be data sets in memory or one-pass views of such. */
    public ConcatSource(List<? extends DataSource> sources) {
        start = new int[sources.size() + 1];
        for (int i = 0; i < sources.size(); i++) {
            DataSource s = sources.get(i) instanceof OnePass o ? o.data() : sources.get(i);
            if (!(s instanceof Dataset d)) {
                throw new IllegalArgumentException("Part " + i + " can be read once only, so it cannot be mixed with"
                        + " others.\nMaybe this baseline is not for streams.");
            }
            parts.add(d);
            start[i + 1] = Math.addExact(start[i], Math.toIntExact(d.size()));
        }
        at = java.util.stream.IntStream.range(0, start[parts.size()]).toArray();
    }

    private ConcatSource(ConcatSource of, int[] at) {
        this.parts.addAll(of.parts);
        this.start = of.start;
        this.at = at;
    }

    @Override
    public Schema schema() {
        return parts.get(0).schema();
    }

    @Override
    public long size() {
        return at.length;
    }

    @Override
    public Batch rows(int... positions) {
        if (positions.length == 0) {
            return parts.get(0).rows();
        }
        int[][] of = new int[parts.size()][];
        int[] counts = new int[parts.size()];
        int[] part = new int[positions.length];
        for (int i = 0; i < positions.length; i++) {
            part[i] = partOf(at[positions[i]]);
            counts[part[i]]++;
        }
        for (int p = 0; p < of.length; p++) {
            of[p] = new int[counts[p]];
        }
        int[] base = new int[parts.size()];
        for (int p = 1; p < base.length; p++) {
            base[p] = base[p - 1] + counts[p - 1];
        }
        int[] used = new int[parts.size()];
        int[] back = new int[positions.length];
        for (int i = 0; i < positions.length; i++) {
            int p = part[i];
            back[i] = base[p] + used[p];
            of[p][used[p]++] = at[positions[i]] - start[p];
        }
        List<Inputs> x = new ArrayList<>();
        List<Tensor> y = new ArrayList<>();
        long[] ids = new long[positions.length];
        for (int p = 0, n = 0; p < of.length; p++) {
            if (of[p].length > 0) {
                Batch b = parts.get(p).rows(of[p]);
                x.add(b.inputs());
                long[] c = b.classIds();
                y.add(Tensors.of(c, c.length));
                System.arraycopy(b.rows().ids(), 0, ids, n, c.length);
                n += c.length;
            }
        }
        Batch sorted = new Batch(
                Inputs.concat(x.toArray(new Inputs[0])),
                new Target.ClassIds(Tensors.cat(0, y.toArray(new Tensor[0]))),
                Rows.of(ids));
        return sorted.rows(back);
    }

    private int partOf(int position) {
        int p = java.util.Arrays.binarySearch(start, position);
        if (p < 0) {
            return -p - 2;
        }
        // an empty part shares its start with the next one
        while (start[p + 1] == position) {
            p++;
        }
        return p;
    }

    @Override
    public Target target() {
        Tensor[] ids =
                parts.stream().map(d -> ((Target.ClassIds) d.target()).ids()).toArray(Tensor[]::new);
        return new Target.ClassIds(Tensors.rows(Tensors.cat(0, ids), at));
    }

    @Override
    public long id(int position) {
        int p = partOf(at[position]);
        return parts.get(p).id(at[position] - start[p]);
    }

    @Override
    public Dataset subset(int... positions) {
        return new ConcatSource(
                this, java.util.Arrays.stream(positions).map(i -> at[i]).toArray());
    }

    @Override
    public Loader batches(Pace pace, Rng rng) {
        return new ShuffledLoader(this, pace, rng);
    }

    @Override
    public String fingerprint() {
        return String.join("+", parts.stream().map(Dataset::fingerprint).toList())
                + (at.length == start[parts.size()] ? "" : "/" + java.util.Arrays.hashCode(at));
    }
}
