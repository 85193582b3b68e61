package dev.holdfast.learner.stream;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.Labelsets;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Looks at label sets only: the set seen most often so far (majority), or the set seen last (no-change, which is hard to
 * beat where labels come in runs; Bifet et al. 2013).
 */
public final class LabelsetBaseline implements RowModel {
    private final StreamContext context;
    private final boolean newest;
    private Labelsets sets = new Labelsets();
    private int[] last = {};

    private LabelsetBaseline(StreamContext context, boolean newest) {
        this.context = context;
        this.newest = newest;
    }

    /** Names the label set seen most often. */
    public static StreamLearner majority(Schema schema, Rng rng) {
        return new StreamLearner("majority", schema, rng, c -> new LabelsetBaseline(c, false));
    }

    /** Names the label set seen last. */
    public static StreamLearner noChange(Schema schema, Rng rng) {
        return new StreamLearner("no-change", schema, rng, c -> new LabelsetBaseline(c, true));
    }

    @Override
    public void predict(Example e, double[] p) {
        Arrays.fill(p, 0);
        int[] named = newest ? last : sets.majority();
        if (named != null) {
            for (int l : named) {
                p[l] = 1;
            }
        }
    }

    @Override
    public void learn(Example e, double[] p) {
        predict(e, p);
        if (newest) {
            last = Arrays.copyOf(e.labels, e.count);
        } else {
            sets.add(e.labels, e.count, e.weight);
        }
    }

    @Override
    public List<List<Integer>> partition() {
        return StreamLearner.one(context.labels());
    }

    @Override
    public Set<Trait> traits() {
        return newest ? EnumSet.of(Trait.BOUNDED_MEMORY) : EnumSet.noneOf(Trait.class);
    }

    @Override
    public long parameters() {
        return newest ? last.length : sets.distinct();
    }

    @Override
    public String shape() {
        return newest ? "the last label set" : sets.distinct() + " label sets";
    }

    @Override
    public void save(NumberWriter w) {
        w.add(last);
        sets.save(w);
    }

    @Override
    public void restore(NumberReader r, int known) {
        last = r.labels(context.labels());
        sets = Labelsets.restore(r, context.labels());
    }
}
