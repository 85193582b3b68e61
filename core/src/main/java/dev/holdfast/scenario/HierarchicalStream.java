package dev.holdfast.scenario;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.ShuffledLoader;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Labels get finer over time (hierarchical label expansion): every row carries a label at one level of a tree, coarse ones
 * first, and a learner must predict all levels at any time. Lee et al., <i>Online Continual Learning on Hierarchical Label
 * Expansion</i>, arXiv 2308.14374, section 3.
 *
 * <p>The data's own classes are the finest level. The scenario's schema has the classes of all levels and the tree; classes
 * of the data keep their ids, coarser ones follow. A class id says its level, so rows have ordinary class ids. Every part
 * has a task of its own, tested on all test rows of its classes, labelled at its level.
 */
public final class HierarchicalStream {
    /** Which rows come with which labels. */
    public enum Expansion {
        /** All rows labelled coarsely; then the same rows again, finely labelled, in groups of classes. */
        DUAL,
        /** As DUAL, but no row comes twice: an equal share of each class's rows is coarsely labelled. */
        SINGLE,
        /** One part a level, from coarse to fine, with all classes of that level; no row comes twice. */
        MULTI_DEPTH
    }

    /**
     * @param expansion which rows come with which labels
     * @param levels how many of the finest levels take part, at least 2 and exactly 2 for DUAL and SINGLE; 0 = 2 for those,
     *     all for MULTI_DEPTH
     * @param parts parts of finely labelled rows of DUAL and SINGLE, into which the finest classes are dealt
     * @param order in which order finest classes are dealt
     * @param dealing how rows are dealt; the paper's is one pass with hidden boundaries
     */
    public record Config(Expansion expansion, int levels, int parts, ClassIncremental.Order order, Dealing dealing) {
        public Config {
            if (levels < 0 || levels == 1) {
                throw new IllegalArgumentException(
                        "A hierarchical stream needs at least 2 levels (0 = by itself) but levels is " + levels + ".");
            }
            if (expansion != Expansion.MULTI_DEPTH && levels > 2) {
                throw new IllegalArgumentException("A " + expansion + " stream has 2 levels but levels is " + levels
                        + ".\nMaybe expansion=MULTI_DEPTH is meant.");
            }
            if (parts < 1) {
                throw new IllegalArgumentException("parts must be >= 1 but is " + parts + ".");
            }
        }
    }

    private HierarchicalStream() {}

    /** Lays the stream out below a tree that has the data's classes among its own. */
    public static Scenario of(Config config, Taxonomy tree, Dataset train, Dataset test, Rng rng) {
        ClassIndex finest = train.schema().classes();
        long[] trainIds = ClassIncremental.declared(train, finest, "training");
        long[] testIds = ClassIncremental.declared(test, finest, "test");
        Taxonomy whole = tree.over(finest);
        int levels = config.levels > 0 ? config.levels : config.expansion == Expansion.MULTI_DEPTH ? whole.depth() : 2;
        if (levels > whole.depth()) {
            throw new IllegalArgumentException("The label tree has " + whole
                    + " with the data's classes the finest, so "
                    + levels + " levels cannot take part."
                    + (whole.depth() == 1 ? "\nMaybe the tree has nothing above the classes of the data." : ""));
        }
        Taxonomy kept = levels == whole.depth() ? whole : cut(whole, finest, levels);
        Stream s = new Stream(config, kept, train, trainIds, test, testIds);
        if (config.expansion == Expansion.MULTI_DEPTH) {
            s.depths(rng);
        } else {
            s.expand(rng);
        }
        String name = "hle "
                + config.expansion.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-') + " "
                + IntStream.range(0, kept.depth())
                        .mapToObj(h -> Integer.toString(kept.atLevel(h).length))
                        .reduce((a, b) -> a + "-" + b)
                        .orElseThrow()
                + (config.expansion == Expansion.MULTI_DEPTH ? "" : " " + config.parts + " parts")
                + config.dealing.suffix();
        return new ListedScenario(name, s.schema, s.experiences, s.tests, false);
    }

    /** The finest levels alone. */
    private static Taxonomy cut(Taxonomy tree, ClassIndex finest, int levels) {
        int top = tree.depth() - levels;
        List<List<String>> rows = new ArrayList<>();
        for (int id = 0; id < finest.size(); id++) {
            int leaf = id;
            rows.add(IntStream.range(top, tree.depth())
                    .mapToObj(h -> tree.name(tree.ancestor(leaf, h)))
                    .toList());
        }
        return Taxonomy.ofRows(rows).over(finest);
    }

    /** The parts as they are laid out. */
    private static final class Stream {
        private final Config config;
        private final Taxonomy tree;
        private final Schema schema;
        private final Dataset train;
        private final long[] trainIds;
        private final Dataset test;
        private final long[] testIds;
        private final List<Experience> experiences = new ArrayList<>();
        private final List<TestSet> tests = new ArrayList<>();

        Stream(Config config, Taxonomy tree, Dataset train, long[] trainIds, Dataset test, long[] testIds) {
            this.config = config;
            this.tree = tree;
            Schema of = train.schema();
            this.schema = new Schema(of.inputs(), Target.ClassIds.class, tree.classes(), Optional.of(tree));
            this.train = train;
            this.trainIds = trainIds;
            this.test = test;
            this.testIds = testIds;
        }

        void depths(Rng rng) {
            int[][] shares = shares(tree.depth(), rng.child("levels"));
            for (int h = 0; h < tree.depth(); h++) {
                int[] all = tree.atLevel(h);
                part(shares[h], h, all, "level " + (h + 1));
            }
        }

        void expand(Rng rng) {
            int coarse = tree.depth() - 2;
            int fine = tree.depth() - 1;
            int n = tree.atLevel(fine).length;
            if (config.parts > n) {
                throw new IllegalArgumentException("The " + n + " finest classes cannot be dealt to " + config.parts
                        + " parts.\nMaybe fewer parts are meant.");
            }
            int[] order = config.order == ClassIncremental.Order.SEEDED
                    ? rng.child("class-order").permutation(n)
                    : IntStream.range(0, n).toArray();
            boolean dual = config.expansion == Expansion.DUAL;
            int[][] shares = dual ? null : shares(config.parts + 1, rng.child("levels"));
            int[] everything = IntStream.range(0, trainIds.length).toArray();
            part(dual ? everything : shares[0], coarse, tree.atLevel(coarse), "coarse");
            int[] later = dual
                    ? everything
                    : Arrays.stream(shares, 1, shares.length)
                            .flatMapToInt(Arrays::stream)
                            .sorted()
                            .toArray();
            for (int p = 0; p < config.parts; p++) {
                Set<Integer> group = new HashSet<>();
                Arrays.stream(order, p * n / config.parts, (p + 1) * n / config.parts)
                        .forEach(group::add);
                int[] classes =
                        group.stream().mapToInt(Integer::intValue).sorted().toArray();
                part(
                        Arrays.stream(later)
                                .filter(i -> group.contains((int) trainIds[i]))
                                .toArray(),
                        fine,
                        classes,
                        String.join(
                                "/", Arrays.stream(classes).mapToObj(tree::name).toList()));
            }
        }

        /** The rows of every class in so many equal shares, in order of position. */
        private int[][] shares(int n, Rng rng) {
            List<List<Integer>> shares = new ArrayList<>();
            IntStream.range(0, n).forEach(k -> shares.add(new ArrayList<>()));
            for (int c : tree.atLevel(tree.depth() - 1)) {
                int[] rows = ClassIncremental.positions(trainIds, Set.of((long) c));
                rng.child("class", c).shuffle(rows);
                for (int i = 0; i < rows.length; i++) {
                    shares.get((int) ((long) i * n / rows.length)).add(rows[i]);
                }
            }
            return shares.stream()
                    .map(l -> l.stream().mapToInt(Integer::intValue).sorted().toArray())
                    .toArray(int[][]::new);
        }

        private void part(int[] rows, int level, int[] classes, String name) {
            int task = experiences.size();
            Set<Integer> wanted = new HashSet<>();
            Arrays.stream(classes).forEach(wanted::add);
            ClassIndex columns = ClassIndex.of(Arrays.stream(classes)
                    .mapToObj(c -> new ClassIndex.Column(c, tree.name(c), level, task))
                    .toList());
            experiences.add(new Experience(
                    task,
                    task,
                    config.dealing.source(labelled(train, trainIds, rows, level)),
                    columns,
                    config.dealing.boundaries(),
                    config.dealing.pace()));
            int[] tested = IntStream.range(0, testIds.length)
                    .filter(i -> wanted.contains(tree.ancestor((int) testIds[i], level)))
                    .toArray();
            tests.add(new TestSet(task, name, labelled(test, testIds, tested, level), columns));
        }

        private Dataset labelled(Dataset data, long[] leaves, int[] rows, int level) {
            return new LabelledAt(
                    data.subset(rows),
                    schema,
                    Arrays.stream(rows)
                            .mapToLong(i -> tree.ancestor((int) leaves[i], level))
                            .toArray());
        }
    }

    /** Rows seen with labels of the tree; inputs, ids and order are those of the data underneath. */
    private record LabelledAt(Dataset data, Schema schema, long[] labels) implements Dataset {
        @Override
        public long size() {
            return data.size();
        }

        @Override
        public Batch rows(int... positions) {
            Batch b = data.rows(positions);
            long[] y = Arrays.stream(positions).mapToLong(i -> labels[i]).toArray();
            return new Batch(b.inputs(), Target.ClassIds.of(y), b.rows(), b.task(), b.domain(), b.time(), b.group());
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
            return new LabelledAt(
                    data.subset(positions),
                    schema,
                    Arrays.stream(positions).mapToLong(i -> labels[i]).toArray());
        }

        @Override
        public Loader batches(Pace pace, Rng rng) {
            return new ShuffledLoader(this, pace, rng);
        }

        @Override
        public String fingerprint() {
            return data.fingerprint() + "/levels-"
                    + Integer.toHexString(Arrays.hashCode(labels))
                    + Integer.toHexString(schema.classes().hashCode());
        }
    }
}
