package dev.holdfast.scenario;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Target;
import dev.holdfast.data.corrupt.ImageShift;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.scenario.Experience.Protocol;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * New classes and drift at once (generalised incremental learning under concept drift, arXiv 2506.05736): a base of some
 * classes with all its labels, announced; then sessions, none of them announced. A session may begin with a few labelled
 * rows of each of its new classes; then rows of all classes so far stream by without labels, once, under the session's
 * own change of the inputs. Every streamed batch is predicted and scored before the learner gets it.
 */
public final class Gilcd {
    /** In which order a session's rows stream by. */
    public enum Order {
        SHUFFLED,
        /** One class after the other: the labels shift all the time. */
        BY_CLASS
    }

    /**
     * @param base classes of the base; 0 = six tenths of all
     * @param increment new classes a session, from the second session on, until none is left; 0 = so many that two
     *     sessions take them all
     * @param shots labelled rows of each new class
     * @param drifts the change of the inputs in each session, one or more
     * @param rows streamed rows a session, without garbage; 0 = all test rows of the classes so far
     * @param batchSize streamed rows a batch
     * @param order in which rows stream by
     * @param garbage share of the streamed rows that belong to no class, in [0, 1)
     * @param classOrder in which order classes arrive
     * @param dealing how the base is dealt; always announced, and may be read again when it ends
     */
    public record Config(
            int base,
            int increment,
            int shots,
            List<ImageShift> drifts,
            int rows,
            int batchSize,
            Order order,
            double garbage,
            ClassIncremental.Order classOrder,
            Dealing dealing) {
        public Config {
            drifts = List.copyOf(drifts);
            if (base < 0 || increment < 0 || shots < 1 || rows < 0 || batchSize < 1) {
                throw new IllegalArgumentException("base, increment and rows must be >= 0, shots and batchSize >= 1 but"
                        + " are " + base + ", " + increment + ", " + rows + ", " + shots + " and " + batchSize + ".");
            }
            if (drifts.isEmpty()) {
                throw new IllegalArgumentException("At least one session is needed, each with its drift (or none).");
            }
            if (!(garbage >= 0 && garbage < 1)) {
                throw new IllegalArgumentException("The share of garbage must be in [0, 1) but is " + garbage + ".");
            }
            if (dealing.online() || !dealing.boundaries()) {
                throw new IllegalArgumentException("The base is announced and may be read again when it ends."
                        + "\nMaybe Dealing.offline(epochs, batchSize) is meant.");
            }
        }

        /** Noise, contrast, blur and noise again after an undisturbed session of images, 5 shots, 2000 rows a session. */
        public static Config images(Dealing dealing) {
            return new Config(
                    0,
                    0,
                    5,
                    List.of(
                            new ImageShift.None(),
                            ImageShift.noise(0.25),
                            new ImageShift.Contrast(0.45, 0.3),
                            new ImageShift.Blur(),
                            ImageShift.noise(0.25)),
                    2000,
                    64,
                    Order.SHUFFLED,
                    0,
                    ClassIncremental.Order.SEEDED,
                    dealing);
        }

        /** The same stream dealt otherwise: smaller batches, sorted by class, with garbage. */
        public Config wild(int newBatchSize, Order newOrder, double newGarbage) {
            return new Config(
                    base, increment, shots, drifts, rows, newBatchSize, newOrder, newGarbage, classOrder, dealing);
        }

        /** Other numbers of classes. */
        public Config withClasses(int newBase, int newIncrement) {
            return new Config(
                    newBase, newIncrement, shots, drifts, rows, batchSize, order, garbage, classOrder, dealing);
        }

        /** Other drifts. */
        public Config withDrifts(List<ImageShift> newDrifts) {
            return new Config(base, increment, shots, newDrifts, rows, batchSize, order, garbage, classOrder, dealing);
        }

        /** Another number of streamed rows a session. */
        public Config withRows(int newRows) {
            return new Config(base, increment, shots, drifts, newRows, batchSize, order, garbage, classOrder, dealing);
        }
    }

    private Gilcd() {}

    /** Base and labelled rows from {@code train}, streams from {@code test}; garbage is uniform noise. */
    public static Scenario of(Config config, Dataset train, Dataset test, Rng rng) {
        return of(config, train, test, null, rng);
    }

    /**
     * As {@link #of(Config, Dataset, Dataset, Rng)}.
     *
     * @param garbage rows of the same shape that belong to no class, whatever their labels; null = uniform noise
     */
    public static Scenario of(Config config, Dataset train, Dataset test, Dataset garbage, Rng rng) {
        ClassIndex classes = train.schema().classes();
        int n = classes.size();
        int base = config.base > 0 ? config.base : (int) Math.ceil(0.6 * n);
        int increment = config.increment > 0 ? config.increment : Math.max(1, (n - base + 1) / 2);
        if (base < 1 || base >= n) {
            throw new IllegalArgumentException("The base would take " + base + " of " + n
                    + " classes, so nothing new would arrive.\nMaybe a smaller base is meant.");
        }
        int[] order = ClassDraws.order(config.classOrder, n, rng);
        long[] trainIds = train.classIds();
        long[] testIds = test.classIds();
        List<Experience> parts = new ArrayList<>();
        ClassIndex known = ClassDraws.part(classes, order, 0, base, 0);
        Pace basePace = config.dealing.pace();
        ImageShift none = new ImageShift.None();
        // fractions like all rows that follow, so that a memory can hold both
        Dataset baseRows = none.apply(train.subset(ClassDraws.positions(trainIds, known)), rng.child("base"))
                .data();
        parts.add(new Experience(0, 0, baseRows, known, true, basePace));
        for (int s = 0, from = base; s < config.drifts.size(); s++) {
            ImageShift drift = config.drifts.get(s);
            Rng draws = rng.child("session", s);
            int to = s == 0 ? from : Math.min(n, from + increment);
            if (to > from) {
                ClassIndex fresh = ClassDraws.part(classes, order, from, to, s);
                Dataset shots = drift.apply(
                                train.subset(ClassDraws.shots(trainIds, fresh, config.shots, draws)),
                                draws.child("support"))
                        .data();
                parts.add(new Experience(
                        parts.size(), s, new OnePass(shots), fresh, false, Pace.inOrder((int) shots.size())));
                known = known.plus(fresh.columns());
                from = to;
            }
            int[] at = stream(testIds, known, config, draws);
            Dataset real = drift.apply(test.subset(at), draws.child("drift")).data();
            int waste = (int) Math.round(at.length * config.garbage / (1 - config.garbage));
            if (waste > 0) {
                Dataset other = (garbage == null ? none : drift)
                        .apply(waste(test, garbage, waste, draws.child("garbage")), draws.child("garbage drift"))
                        .data();
                real = mixed(real, other, draws.child("places"));
            }
            parts.add(new Experience(
                    parts.size(),
                    s,
                    new OnePass(real),
                    known,
                    false,
                    Pace.inOrder(config.batchSize),
                    Protocol.TEST_THEN_ADAPT));
        }
        String name = "drifting classes " + base + "+" + increment + ", " + config.drifts.size() + " sessions"
                + (config.batchSize < 8 ? ", batches of " + config.batchSize : "")
                + (config.order == Order.BY_CLASS ? ", by class" : "")
                + (config.garbage > 0 ? ", " + Math.round(100 * config.garbage) + " % garbage" : "");
        return new ListedScenario(name, train.schema(), parts, List.of(), false);
    }

    /** Which test rows stream by, and in which order. */
    private static int[] stream(long[] ids, ClassIndex known, Config config, Rng rng) {
        int[] at = ClassDraws.positions(ids, known);
        if (at.length == 0) {
            throw new IllegalArgumentException(
                    "There is no test row of the classes " + known + ", so nothing streams.");
        }
        int[] order = rng.child("rows").permutation(at.length);
        int[] rows = Arrays.stream(order)
                .limit(config.rows == 0 ? at.length : config.rows)
                .map(i -> at[i])
                .toArray();
        if (config.order == Order.SHUFFLED) {
            return rows;
        }
        return Arrays.stream(rows)
                .boxed()
                .sorted(java.util.Comparator.comparingInt(i -> known.columnOf((int) ids[i])))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** So many rows that belong to no class. */
    private static Dataset waste(Dataset test, Dataset garbage, int n, Rng rng) {
        try (Scope s = Scope.open()) {
            Tensor x;
            if (garbage == null) {
                long[] shape = new long[test.schema().inputs().get(0).shape().size() + 1];
                shape[0] = n;
                for (int i = 1; i < shape.length; i++) {
                    shape[i] = test.schema().inputs().get(0).shape().get(i - 1);
                }
                x = rng.uniform(shape);
            } else {
                int[] order = rng.permutation(Math.toIntExact(garbage.size()));
                x = garbage.rows(IntStream.range(0, n)
                                .map(i -> order[i % order.length])
                                .toArray())
                        .inputs()
                        .x();
            }
            Batch shaped = test.rows(0);
            long[] expected = shaped.inputs().x().shape();
            expected[0] = n;
            Tensors.requireShape("garbage rows", x, expected);
            long[] none = new long[n];
            Arrays.fill(none, Target.ClassIds.NO_CLASS);
            // negative ids: nobody's row, but each with draws of its own
            long[] ids = IntStream.range(0, n).mapToLong(i -> -2L - i).toArray();
            return MemoryDataset.of(
                    test.schema(),
                    Inputs.of(Map.of(
                            test.schema().inputs().get(0).name(),
                            x.to(ScalarType.Float).contiguous())),
                    Target.ClassIds.of(none),
                    ids);
        }
    }

    /** Both kinds of rows in one; the real ones keep their order. */
    private static Dataset mixed(Dataset real, Dataset garbage, Rng rng) {
        int n = Math.toIntExact(real.size());
        int m = Math.toIntExact(garbage.size());
        boolean[] isGarbage = new boolean[n + m];
        int[] places = rng.permutation(n + m);
        for (int i = 0; i < m; i++) {
            isGarbage[places[i]] = true;
        }
        int[] at = new int[n + m];
        for (int i = 0, r = 0, g = n; i < at.length; i++) {
            at[i] = isGarbage[i] ? g++ : r++;
        }
        return new ConcatSource(List.of(real, garbage)).subset(at);
    }
}
