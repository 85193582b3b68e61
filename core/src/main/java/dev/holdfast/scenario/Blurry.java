package dev.holdfast.scenario;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * Generalised class-incremental learning on blurry parts: some classes appear in one part only, the others have a home
 * part but spread a few rows over all parts, so that old and new classes arrive mixed and in unequal numbers. i-Blurry
 * with equal shares (Koh et al., arXiv 2110.10031), Si-Blurry with random ones (Moon et al., arXiv 2308.09303).
 *
 * <p>Of the classes in seeded order, the first n percent, rounded down to a multiple of the parts, are disjoint and the
 * rest blurry; both are dealt to the parts. The first m percent of each part's blurry rows go to a pool, which is shuffled
 * and dealt back to the parts. A class is seen from the first part that holds a row of it, and its test rows belong to
 * that part; a part that brings no new class shares the test data, and so the task, of the part before.
 */
public final class Blurry {
    private static final int ATTEMPTS = 100;

    /** How large the parts' shares of classes and of the pool are. */
    public enum Shares {
        /** As equal as whole numbers allow. */
        EQUAL,
        /** Between sorted random cut points: the stochastic version. */
        RANDOM
    }

    /**
     * @param parts T, at least 2
     * @param disjointPercent n, classes of every hundred that appear in one part only
     * @param blurryPercent m, rows of every hundred of a blurry class that leave its home part for the pool
     * @param shares of classes and of the pool
     * @param dealing how rows are dealt; the literature's is one pass with hidden boundaries
     */
    public record Config(int parts, int disjointPercent, int blurryPercent, Shares shares, Dealing dealing) {
        public Config {
            if (parts < 2) {
                throw new IllegalArgumentException("A blurry stream needs at least 2 parts but has " + parts + ".");
            }
            requirePercent("disjointPercent", disjointPercent);
            requirePercent("blurryPercent", blurryPercent);
        }

        private static void requirePercent(String what, int value) {
            if (value < 0 || value > 100) {
                throw new IllegalArgumentException(what + " must lie in 0..100 but is " + value + ".");
            }
        }
    }

    /** Classes of each part: [part][class id]. */
    record Groups(int[][] disjoint, int[][] blurry) {}

    private Blurry() {}

    /** Deals the rows of train; test rows of a class follow its first training row. */
    public static Scenario of(Config config, Dataset train, Dataset test, Rng rng) {
        ClassIndex classes = train.schema().classes();
        long[] trainIds = ClassIncremental.declared(train, classes, "training");
        long[] testIds = ClassIncremental.declared(test, classes, "test");
        int n = classes.size();
        if (n < 2) {
            throw new IllegalArgumentException(
                    "A blurry stream needs at least 2 classes but there is " + n + ": " + classes.columns() + ".");
        }
        int[] order = Arrays.stream(rng.child("class-order").permutation(n))
                .map(i -> classes.columns().get(i).classId())
                .toArray();
        int[][] parts = null;
        for (int attempt = 0; parts == null; attempt++) {
            int[][] drawn = parts(config, order, trainIds, rng.child("blurry", attempt));
            int empty = IntStream.range(0, drawn.length)
                    .filter(t -> drawn[t].length == 0)
                    .findFirst()
                    .orElse(-1);
            if (empty < 0) {
                parts = drawn;
            } else if (config.shares == Shares.EQUAL || attempt == ATTEMPTS) {
                throw new IllegalArgumentException(
                        "Part " + (empty + 1) + " of " + config.parts + " would get no row of "
                                + trainIds.length + " rows of " + n
                                + " classes.\nMaybe fewer parts or a larger blurryPercent are meant.");
            }
        }
        return listed(config, parts, train, trainIds, test, testIds);
    }

    /** Positions of each part's rows, ascending. */
    private static int[][] parts(Config c, int[] order, long[] ids, Rng rng) {
        int disjoint = disjointClasses(order.length, c.disjointPercent, c.parts);
        Groups groups = groups(
                order,
                disjoint,
                cuts(disjoint, c.parts, c.shares, rng.child("disjoint")),
                cuts(order.length - disjoint, c.parts, c.shares, rng.child("rest")));
        int[][] blurry = new int[c.parts][];
        for (int t = 0; t < c.parts; t++) {
            blurry[t] = positions(ids, groups.blurry[t]);
            // the first m percent of rows in a stored order may be of one class only
            rng.child("order", t).shuffle(blurry[t]);
        }
        int pool = pooled(blurry, c.blurryPercent);
        int[][] mixed = blur(
                blurry,
                c.blurryPercent,
                rng.child("pool").permutation(pool),
                cuts(pool, c.parts, c.shares, rng.child("back")));
        int[][] parts = new int[c.parts][];
        for (int t = 0; t < c.parts; t++) {
            parts[t] = IntStream.concat(Arrays.stream(positions(ids, groups.disjoint[t])), Arrays.stream(mixed[t]))
                    .sorted()
                    .toArray();
        }
        return parts;
    }

    /** n percent of the classes, rounded down to a multiple of the parts. */
    static int disjointClasses(int classes, int percent, int parts) {
        return classes * percent / 100 / parts * parts;
    }

    /** Where the shares of {@code n} things end: parts + 1 numbers that rise from 0 to n. */
    private static int[] cuts(int n, int parts, Shares shares, Rng rng) {
        int[] cuts = new int[parts + 1];
        cuts[parts] = n;
        for (int t = 1; t < parts; t++) {
            cuts[t] = shares == Shares.EQUAL ? (int) ((long) t * n / parts) : rng.below(n + 1);
        }
        Arrays.sort(cuts);
        return cuts;
    }

    /** Deals the classes: the first ones disjoint, the others blurry, each between its cuts. */
    static Groups groups(int[] order, int disjoint, int[] disjointCuts, int[] blurryCuts) {
        int parts = disjointCuts.length - 1;
        int[][] one = new int[parts][];
        int[][] rest = new int[parts][];
        for (int t = 0; t < parts; t++) {
            one[t] = Arrays.copyOfRange(order, disjointCuts[t], disjointCuts[t + 1]);
            rest[t] = Arrays.copyOfRange(order, disjoint + blurryCuts[t], disjoint + blurryCuts[t + 1]);
        }
        return new Groups(one, rest);
    }

    private static int pooled(int[][] home, int percent) {
        return Arrays.stream(home).mapToInt(h -> leaving(h, percent)).sum();
    }

    private static int leaving(int[] home, int percent) {
        return (int) ((long) home.length * percent / 100);
    }

    /**
     * Takes the first m percent of each part's rows into a pool and deals it back: what stays at home, then what comes.
     *
     * @param home each part's blurry rows
     * @param permutation row p of the shuffled pool is row {@code permutation[p]} of the pool in order of parts
     * @param cuts part t gets the shuffled pool's rows cuts[t]..cuts[t+1]
     */
    static int[][] blur(int[][] home, int percent, int[] permutation, int[] cuts) {
        int[] pool = Arrays.stream(home)
                .flatMapToInt(h -> Arrays.stream(h, 0, leaving(h, percent)))
                .toArray();
        int[][] mixed = new int[home.length][];
        for (int t = 0; t < home.length; t++) {
            mixed[t] = IntStream.concat(
                            Arrays.stream(home[t], leaving(home[t], percent), home[t].length),
                            Arrays.stream(permutation, cuts[t], cuts[t + 1]).map(p -> pool[p]))
                    .toArray();
        }
        return mixed;
    }

    private static int[] positions(long[] ids, int[] classes) {
        Set<Long> wanted = new HashSet<>();
        Arrays.stream(classes).forEach(c -> wanted.add((long) c));
        return ClassIncremental.positions(ids, wanted);
    }

    private static Scenario listed(
            Config c, int[][] parts, Dataset train, long[] trainIds, Dataset test, long[] testIds) {
        ClassIndex classes = train.schema().classes();
        TreeMap<Long, Integer> taskOf = new TreeMap<>();
        List<Experience> experiences = new ArrayList<>();
        List<TestSet> tests = new ArrayList<>();
        for (int t = 0; t < parts.length; t++) {
            Set<Long> present = new TreeSet<>();
            Arrays.stream(parts[t]).forEach(i -> present.add(trainIds[i]));
            Set<Long> fresh = new TreeSet<>(present);
            fresh.removeAll(taskOf.keySet());
            if (!fresh.isEmpty()) {
                int task = tests.size();
                fresh.forEach(id -> taskOf.put(id, task));
                ClassIndex columns = columns(classes, fresh, taskOf);
                String name = String.join(
                        "/",
                        columns.columns().stream().map(ClassIndex.Column::name).toList());
                tests.add(new TestSet(task, name, test.subset(ClassIncremental.positions(testIds, fresh)), columns));
            }
            experiences.add(new Experience(
                    t,
                    tests.size() - 1,
                    c.dealing.source(train.subset(parts[t])),
                    columns(classes, present, taskOf),
                    c.dealing.boundaries(),
                    c.dealing.pace()));
        }
        String name = (c.shares == Shares.RANDOM ? "Si-Blurry-" : "i-Blurry-") + c.disjointPercent + "-"
                + c.blurryPercent + " " + parts.length + " parts" + c.dealing.suffix();
        return new ListedScenario(name, train.schema(), experiences, tests, false);
    }

    private static ClassIndex columns(ClassIndex classes, Set<Long> ids, TreeMap<Long, Integer> taskOf) {
        return ClassIndex.of(classes.columns().stream()
                .filter(k -> ids.contains((long) k.classId()))
                .map(k -> new ClassIndex.Column(k.classId(), k.name(), k.level(), taskOf.get((long) k.classId())))
                .toList());
    }
}
