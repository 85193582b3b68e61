package dev.holdfast.scenario;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Upstream data arrive in sequence, and what counts is how useful the features become for other, downstream tasks: after
 * every stage a linear probe on the learner's features is fitted to each downstream task and scored. Nothing of the
 * downstream tasks is ever shown to the learner.
 *
 * <p>Wang et al., <i>A Comprehensive Survey of Continual Learning</i>, arXiv 2302.00487, table 1 (continual pre-training).
 */
public final class ContinualPretraining {
    /**
     * @param stages parts of the upstream data, one downstream task each, >= 2
     * @param upstream classes of the upstream data; 0 = half of all
     * @param order in which order classes arrive
     */
    public record Config(int stages, int upstream, ClassIncremental.Order order, Dealing dealing) {
        public Config {
            if (stages < 2 || upstream < 0) {
                throw new IllegalArgumentException("Continual pre-training needs stages >= 2 and upstream >= 0 but has "
                        + stages + " and " + upstream + ".");
            }
        }
    }

    private ContinualPretraining() {}

    /** Deals the first classes of the order to the stages, the others to downstream tasks, as evenly as they go. */
    public static Scenario of(Config config, Dataset train, Dataset test, Rng rng) {
        ClassIndex classes = train.schema().classes();
        int n = classes.size();
        int upstream = config.upstream > 0 ? config.upstream : n / 2;
        int down = n - upstream;
        if (upstream < config.stages || down < 2 * config.stages) {
            throw new IllegalArgumentException("Continual pre-training in " + config.stages + " stages needs at least "
                    + config.stages + " upstream classes and " + 2 * config.stages
                    + " downstream ones, two a task, but of "
                    + n + " classes there are " + upstream + " and " + down + ".\nMaybe fewer stages are meant.");
        }
        int[] order = config.order == ClassIncremental.Order.SEEDED
                ? rng.child("class-order").permutation(n)
                : IntStream.range(0, n).toArray();
        long[] trainIds = ClassIncremental.declared(train, classes, "training");
        long[] testIds = ClassIncremental.declared(test, classes, "test");
        List<Experience> experiences = new ArrayList<>();
        List<TestSet> tests = new ArrayList<>();
        for (int k = 0; k < config.stages; k++) {
            List<ClassIndex.Column> up = share(classes, order, 0, upstream, k, config.stages);
            experiences.add(new Experience(
                    k,
                    k,
                    config.dealing.source(train.subset(ClassIncremental.positions(trainIds, ids(up)))),
                    ClassIndex.of(up),
                    config.dealing.boundaries(),
                    config.dealing.pace()));
            List<ClassIndex.Column> task = share(classes, order, upstream, down, k, config.stages);
            tests.add(new TestSet(
                    k,
                    task.stream().map(ClassIndex.Column::name).collect(Collectors.joining("/")),
                    test.subset(ClassIncremental.positions(testIds, ids(task))),
                    ClassIndex.of(task),
                    Optional.of(train.subset(ClassIncremental.positions(trainIds, ids(task))))));
        }
        return new ListedScenario(
                "continual pre-training " + config.stages + " stages" + config.dealing.suffix(),
                train.schema(),
                experiences,
                tests,
                false);
    }

    /** The k-th of {@code parts} nearly equal shares of a stretch of the order. */
    private static List<ClassIndex.Column> share(ClassIndex all, int[] order, int from, int count, int k, int parts) {
        return IntStream.range(from + k * count / parts, from + (k + 1) * count / parts)
                .mapToObj(i -> all.columns().get(order[i]))
                .map(c -> new ClassIndex.Column(c.classId(), c.name(), c.level(), k))
                .toList();
    }

    private static Set<Long> ids(List<ClassIndex.Column> columns) {
        return columns.stream().map(c -> (long) c.classId()).collect(Collectors.toSet());
    }
}
