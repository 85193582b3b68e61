package dev.holdfast.learner.stream;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Partitioned.Change;
import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.RowStore;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.learner.stream.tree.TreeConfig;
import dev.holdfast.math.stream.Adwin;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport.Event;
import dev.holdfast.tensor.Rng;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * iHOMER: groups correlated labels online ({@link LabelClusterer}), learns each group with one adaptive multi-label tree,
 * and restructures both when drift is sensed.
 *
 * <p>For each row: predict, score, feed the detectors, learn, count the labels, and every {@code nMin} rows look whether
 * the groups still fit. A detector of the loss over all labels, and one of each group's loss, make the clusterer forget
 * its counts when the loss has risen (all of them, or those of the group), so that the groups are learnt anew from rows
 * after the change.
 *
 * <p>A label that comes in mid-stream has a tree of its own until {@code nMin} rows have told of it; then it joins the
 * cluster that it is least unlike.
 *
 * <p><b>When groups change</b>, those that stay keep their tree. With {@link WarmStart#PROJECT} a part of a former group
 * gets a copy of its tree for its labels; a group put together from several begins with a tree replayed on the newest rows,
 * and the former trees go on predicting until its loss over the last {@code replay} rows is not worse. The paper leaves
 * warm start, the coupling of detectors, and the merge by lost separation open; these are Holdfast's.
 *
 * <p><i>Online hierarchical partitioning of the output space in extreme multi-label data streams</i>, ECAI 2025, arXiv
 * 2507.20894.
 */
public final class Ihomer implements RowModel {
    private static final int HISTORY = 256;

    /** How the trees of new groups begin. */
    public enum WarmStart {
        PROJECT,
        RESET
    }

    /** Where the groups come from; all but ONLINE are there to measure what the groups are worth. */
    public enum Grouping {
        /** Learnt online. */
        ONLINE,
        /** All labels in one group: plain MLHAT. */
        ONE,
        /** Every label for itself: binary relevance. */
        SINGLETONS,
        /** As many groups of the same sizes as online, with labels dealt at random. */
        RANDOM,
        /** Laid down by {@link StreamLearner#regroup}; before, one group. */
        GIVEN
    }

    public record Config(
            @Doc("how labels are grouped") LabelClusterer.Config clusters,
            @Doc("the tree that learns each group") TreeConfig tree,
            @Doc("where the groups come from") Grouping grouping,
            @Doc("how the trees of new groups begin") WarmStart warmStart,
            @Doc("newest rows that a merged group is replayed on and compared over") int replay,
            @Doc("rising loss makes the clusterer forget its counts") boolean coupled,
            @Doc("confidence of the drift detectors of groups and of the whole") double driftDelta) {
        public Config {
            if (clusters == null || tree == null || grouping == null || warmStart == null) {
                throw new IllegalArgumentException("iHOMER needs clusters, a tree, a grouping and a warm start but has "
                        + clusters + ", " + tree + ", " + grouping + ", " + warmStart + ".");
            }
            if (replay < 1 || !(driftDelta > 0 && driftDelta < 1)) {
                throw new IllegalArgumentException(
                        "Expected replay >= 1 and driftDelta in (0, 1) but got " + replay + " and " + driftDelta + ".");
            }
        }

        public static Config defaults() {
            return new Config(
                    LabelClusterer.Config.defaults(),
                    TreeConfig.adaptiveTree(),
                    Grouping.ONLINE,
                    WarmStart.PROJECT,
                    170,
                    true,
                    Adwin.DELTA);
        }

        public Config with(Grouping g) {
            return new Config(clusters, tree, g, warmStart, replay, coupled, driftDelta);
        }

        public Config with(WarmStart w) {
            return new Config(clusters, tree, grouping, w, replay, coupled, driftDelta);
        }

        public Config with(LabelClusterer.Config c) {
            return new Config(c, tree, grouping, warmStart, replay, coupled, driftDelta);
        }
    }

    private final Config config;
    private final StreamContext context;
    private final int labels;

    /** A fixed order of the labels, for random groups; labels that came later stand last. */
    private int[] shuffled;

    private final LabelClusterer clusterer;
    private List<LabelGroup> groups = new ArrayList<>();
    private Adwin loss;

    /** The newest rows, oldest first. */
    private final Deque<Integer> newest = new ArrayDeque<>();

    private final Deque<Change> history = new ArrayDeque<>();
    private List<Event> events = new ArrayList<>();

    Ihomer(Config config, StreamContext context) {
        this.config = config;
        this.context = context;
        this.labels = context.labels();
        this.shuffled = context.rng().child("random groups").permutation(labels);
        this.clusterer = new LabelClusterer(config.clusters, labels);
        this.loss = new Adwin(config.driftDelta);
        for (int[] g : wanted()) {
            groups.add(LabelGroup.fresh(config, context, g));
        }
    }

    @Override
    public void predict(Example e, double[] p) {
        for (LabelGroup g : groups) {
            g.predict(e, p);
        }
    }

    @Override
    public void learn(Example e, double[] p) {
        boolean keeps = config.warmStart == WarmStart.PROJECT
                && config.grouping != Grouping.ONE
                && config.grouping != Grouping.SINGLETONS;
        if (keeps) {
            keep(e);
        }
        for (LabelGroup g : groups) {
            if (g.learn(e, p) && config.coupled) {
                clusterer.reset(g.labels());
                drift("loss of labels " + Arrays.toString(g.labels()) + " rose");
            }
        }
        if (loss.add(hamming(p, e)) && loss.rose()) {
            drift("loss over all labels rose");
            if (config.coupled) {
                clusterer.reset();
            }
        }
        boolean online = config.grouping == Grouping.ONLINE || config.grouping == Grouping.RANDOM;
        if (online && clusterer.add(e.labels, e.count)) {
            regroup(wanted(), cause());
        }
    }

    private double hamming(double[] p, Example e) {
        int wrong = 0;
        for (int l = 0; l < labels; l++) {
            wrong += p[l] > 0.5 ? 1 : 0;
        }
        for (int i = 0; i < e.count; i++) {
            wrong += p[e.labels[i]] > 0.5 ? -1 : 1;
        }
        return (double) wrong / labels;
    }

    private void keep(Example e) {
        newest.add(context.store().hold(e));
        if (newest.size() > config.replay) {
            context.store().release(newest.poll());
        }
    }

    private void drift(String what) {
        events.add(new Event(Event.Kind.DRIFT_DETECTED, "row " + (context.rows() + 1) + ": " + what));
    }

    private String cause() {
        List<String> now = new ArrayList<>();
        clusterer.joins().forEach(j -> now.add(j.toString()));
        clusterer.events().stream().filter(e -> e.row() == clusterer.rows()).forEach(e -> now.add(e.toString()));
        return now.isEmpty() ? "the usual size of a label set changed" : String.join("; ", now);
    }

    /** The groups that there should be now. */
    private int[][] wanted() {
        return switch (config.grouping) {
            case ONLINE -> clusterer.partition();
            case ONE, GIVEN -> new int[][] {clusterOf(0, labels)};
            case SINGLETONS -> singletons();
            case RANDOM -> dealt(clusterer.partition());
        };
    }

    private int[][] singletons() {
        int[][] g = new int[labels][];
        for (int l = 0; l < labels; l++) {
            g[l] = new int[] {l};
        }
        return g;
    }

    private static int[] clusterOf(int from, int to) {
        int[] c = new int[to - from];
        Arrays.setAll(c, i -> from + i);
        return c;
    }

    /** Groups of these sizes with labels from the shuffled order. */
    private int[][] dealt(int[][] sizes) {
        int[][] g = new int[sizes.length][];
        int at = 0;
        for (int i = 0; i < g.length; i++) {
            g[i] = Arrays.copyOfRange(shuffled, at, at + sizes[i].length);
            Arrays.sort(g[i]);
            at += g[i].length;
        }
        return g;
    }

    /** Groups that stay keep their tree; the others begin as the warm start says. */
    private void regroup(int[][] wanted, String cause) {
        List<LabelGroup> next = new ArrayList<>();
        List<LabelGroup> staying = new ArrayList<>();
        boolean changed = wanted.length != groups.size();
        for (int[] g : wanted) {
            LabelGroup same = groups.stream()
                    .filter(o -> Arrays.equals(o.labels(), g))
                    .findFirst()
                    .orElse(null);
            if (same != null) {
                staying.add(same);
                next.add(same);
            } else {
                changed = true;
                next.add(
                        config.warmStart == WarmStart.RESET
                                ? LabelGroup.fresh(config, context, g)
                                : LabelGroup.from(groups, g, config, context));
            }
        }
        groups.stream().filter(o -> !staying.contains(o)).forEach(LabelGroup::close);
        groups = next;
        replay(groups.stream().filter(LabelGroup::unread).toList());
        if (changed) {
            record(context.rows() + 1, cause);
        }
    }

    private void record(long row, String cause) {
        history.add(new Change(row, cause, partition()));
        if (history.size() > HISTORY) {
            history.poll();
        }
        events.add(new Event(Event.Kind.PARTITION_CHANGED, cause));
    }

    /** New labels begin with a tree each; where all labels are one group by decree, its tree takes them in. */
    private void welcome(int known) {
        // what was kept of earlier rows does not tell whether they had the new labels
        newest.forEach(context.store()::release);
        newest.clear();
        shuffled = Arrays.copyOf(shuffled, labels);
        for (int l = known; l < labels; l++) {
            shuffled[l] = l;
        }
        if (config.grouping == Grouping.ONE) {
            groups = new ArrayList<>(List.of(groups.get(0).widen(clusterOf(0, labels))));
        } else {
            for (int l = known; l < labels; l++) {
                groups.add(LabelGroup.fresh(config, context, new int[] {l}));
            }
        }
        record(context.rows(), "labels " + Arrays.toString(clusterOf(known, labels)) + " are new");
    }

    /** Row by row, so that groups share what is computed for a row. */
    private void replay(List<LabelGroup> unread) {
        if (unread.isEmpty()) {
            return;
        }
        Example e = new Example(context);
        double[] x = new double[context.space().width()];
        for (int slot : newest) {
            e.again(slot, x);
            unread.forEach(g -> g.replay(e));
        }
    }

    @Override
    public void regroup(List<List<Integer>> given) {
        if (config.grouping != Grouping.GIVEN) {
            throw new IllegalStateException(
                    "Groups are " + config.grouping + " here; they can be laid down only where the grouping is GIVEN.");
        }
        regroup(
                given.stream()
                        .map(g ->
                                g.stream().mapToInt(Integer::intValue).sorted().toArray())
                        .toArray(int[][]::new),
                "laid down");
    }

    @Override
    public List<List<Integer>> partition() {
        return groups.stream()
                .map(g -> Arrays.stream(g.labels()).boxed().toList())
                .toList();
    }

    @Override
    public List<Change> history() {
        return List.copyOf(history);
    }

    @Override
    public List<Event> events() {
        List<Event> e = events;
        events = new ArrayList<>();
        return e;
    }

    @Override
    public Set<Trait> traits() {
        EnumSet<Trait> t = EnumSet.copyOf(TreeModel.traits(config.tree));
        if (config.warmStart == WarmStart.PROJECT) {
            t.add(Trait.STORES_EXAMPLES);
        }
        return t;
    }

    @Override
    public long parameters() {
        return groups.stream().mapToLong(LabelGroup::parameters).sum();
    }

    @Override
    public String shape() {
        return groups.size() + " groups of " + labels + " labels, trees with "
                + groups.stream().mapToInt(LabelGroup::leaves).sum() + " leaves together";
    }

    @Override
    public void save(NumberWriter w) {
        clusterer.save(w);
        w.add(shuffled).add(loss.save());
        w.add(newest.stream().mapToInt(Integer::intValue).toArray());
        w.add(groups.size());
        for (LabelGroup g : groups) {
            g.save(w);
        }
        w.add(history.size());
        for (Change c : history) {
            w.add(c.row()).add(c.cause().chars().toArray()).add(c.partition().size());
            for (List<Integer> g : c.partition()) {
                w.add(g.stream().mapToInt(Integer::intValue).toArray());
            }
        }
    }

    @Override
    public void restore(NumberReader r, int known) {
        clusterer.restore(r, known);
        shuffled = r.ints(0, known - 1);
        if (Arrays.stream(shuffled).distinct().count() != known) {
            throw r.damaged("the order of the labels is no order");
        }
        loss = Adwin.restore(config.driftDelta, r.doubles());
        RowStore store = context.store();
        newest.clear();
        for (int slot : store.window(r, config.replay)) {
            newest.add(slot);
        }
        groups = new ArrayList<>();
        int n = r.integer(1, known);
        boolean[] seen = new boolean[labels];
        int together = 0;
        for (int i = 0; i < n; i++) {
            LabelGroup g = LabelGroup.restore(config, context, r);
            for (int l : g.labels()) {
                together += seen[l] ? 0 : 1;
                seen[l] = true;
            }
            groups.add(g);
        }
        if (together != known
                || groups.stream().mapToInt(g -> g.labels().length).sum() != known) {
            throw r.damaged("the groups are no partition of the labels");
        }
        history.clear();
        int changes = r.integer(0, HISTORY);
        for (int i = 0; i < changes; i++) {
            long row = r.whole(0, 1L << 53);
            int[] cause = r.ints(0, Character.MAX_CODE_POINT);
            List<List<Integer>> partition = new ArrayList<>();
            int size = r.integer(1, labels);
            for (int k = 0; k < size; k++) {
                partition.add(Arrays.stream(r.labels(labels)).boxed().toList());
            }
            history.add(new Change(row, new String(cause, 0, cause.length), partition));
        }
        events = new ArrayList<>();
        if (known < labels) {
            welcome(known);
        }
    }

    /** {@code ihomer}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "ihomer";
        }

        @Override
        public String summary() {
            return "groups correlated labels online and learns each group with an adaptive multi-label tree";
        }

        @Override
        public String system() {
            return "40-ihomer";
        }

        @Override
        public String paper() {
            return "Online hierarchical partitioning of the output space 2025, arXiv 2507.20894";
        }

        @Override
        public Config defaults() {
            return Config.defaults();
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("clusters.delta", List.of(0.9, 0.5, 0.1)));
        }

        @Override
        public StreamLearner create(Config config, Schema schema, Rng rng) {
            return new StreamLearner("ihomer " + config, schema, rng, context -> new Ihomer(config, context));
        }
    }
}
