package dev.holdfast.scenario;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * New classes arrive in groups: the class- and the task-incremental scenario, which differ only in whether the task id
 * is given at test time (van de Ven, Tolias, arXiv 1904.07734).
 */
public final class ClassIncremental {
    /** In which order classes arrive. */
    public enum Order {
        /** By class id. */
        NATURAL,
        /** A permutation drawn from the seed. */
        SEEDED
    }

    /**
     * @param first classes in the first experience; 0 = {@code increment}
     * @param increment classes in each later experience; 0 = so many that there are five experiences, at least one
     * @param order in which order classes arrive
     * @param taskIdAtTest true: task-incremental, only the task's classes compete at test time
     * @param dealing how rows are dealt
     */
    public record Config(int first, int increment, Order order, boolean taskIdAtTest, Dealing dealing) {
        public Config {
            if (first < 0 || increment < 0) {
                throw new IllegalArgumentException(
                        "first and increment must be >= 0 but are " + first + " and " + increment + ".");
            }
        }
    }

    private ClassIncremental() {}

    /** Splits train and test by class; every part must have rows in both, and every row a declared class. */
    public static Scenario of(Config config, Dataset train, Dataset test, Rng rng) {
        ClassIndex classes = train.schema().classes();
        int n = classes.size();
        if (n < 2) {
            throw new IllegalArgumentException("Class-incremental learning needs at least 2 classes but there is " + n
                    + ": " + classes.columns() + ".");
        }
        int[] order = config.order == Order.SEEDED
                ? rng.child("class-order").permutation(n)
                : IntStream.range(0, n).toArray();
        int increment = config.increment > 0 ? config.increment : Math.max(1, (n + 4) / 5);
        int first = config.first > 0 ? config.first : increment;
        if (first >= n) {
            throw new IllegalArgumentException("The first experience would take " + first + " of " + n
                    + " classes, so nothing new would arrive.\nMaybe a smaller first or increment is meant, or the joint"
                    + " scenario.");
        }
        long[] trainIds = declared(train, classes, "training");
        long[] testIds = declared(test, classes, "test");
        List<Experience> experiences = new ArrayList<>();
        List<TestSet> tests = new ArrayList<>();
        for (int from = 0, task = 0; from < n; task++) {
            int to = Math.min(n, from + (task == 0 ? first : increment));
            List<ClassIndex.Column> columns = new ArrayList<>();
            Set<Long> ids = new HashSet<>();
            for (int i = from; i < to; i++) {
                ClassIndex.Column c = classes.columns().get(order[i]);
                columns.add(new ClassIndex.Column(c.classId(), c.name(), c.level(), task));
                ids.add((long) c.classId());
            }
            ClassIndex present = ClassIndex.of(columns);
            Dataset part = train.subset(positions(trainIds, ids));
            experiences.add(new Experience(
                    task,
                    task,
                    config.dealing.source(part),
                    present,
                    config.dealing.boundaries(),
                    config.dealing.pace()));
            tests.add(new TestSet(
                    task,
                    String.join(
                            "/", columns.stream().map(ClassIndex.Column::name).toList()),
                    test.subset(positions(testIds, ids)),
                    present));
            from = to;
        }
        String sizes = first == increment ? experiences.size() + "x" + increment : first + "+" + increment;
        String name =
                (config.taskIdAtTest ? "task-incremental " : "class-incremental ") + sizes + config.dealing.suffix();
        return new ListedScenario(name, train.schema(), experiences, tests, config.taskIdAtTest);
    }

    /** Class ids of all rows; one that no part would take is refused by row. */
    static long[] declared(Dataset d, ClassIndex classes, String what) {
        long[] ids = d.classIds();
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] > Integer.MAX_VALUE || classes.columnOf((int) ids[i]) < 0) {
                throw new IllegalArgumentException("Row " + d.id(i) + " of the " + what + " data has class " + ids[i]
                        + ", which is not among the " + classes.size() + " declared classes.");
            }
        }
        return ids;
    }

    /** Positions of rows of these classes, ascending. */
    static int[] positions(long[] classIds, Set<Long> wanted) {
        return IntStream.range(0, classIds.length)
                .filter(i -> wanted.contains(classIds[i]))
                .toArray();
    }
}
