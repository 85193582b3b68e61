package dev.holdfast.scenario;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Pace;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Few-shot class-incremental learning: a base of many classes with all their rows, then sessions of {@code way} new classes
 * with {@code shot} rows each; all parts are announced. After every session all classes so far are told apart; there is a
 * test set for the classes of each session.
 *
 * <p>Tao et al., <i>Few-Shot Class-Incremental Learning</i>, CVPR 2020, arXiv 2004.10956.
 */
public final class FewShot {
    /**
     * @param base classes of the base; 0 = what the sessions leave, or six tenths of all
     * @param way new classes a session
     * @param shot rows of each new class
     * @param sessions after the base; 0 = as many as the classes allow
     * @param order in which order classes arrive
     * @param draw which of the many choices of the few rows: another number draws other rows of the same classes
     * @param epochs passes over the base; a session's rows come once, all in one batch
     * @param batchSize rows a batch of the base
     */
    public record Config(
            int base,
            int way,
            int shot,
            int sessions,
            ClassIncremental.Order order,
            int draw,
            int epochs,
            int batchSize) {
        public Config {
            if (base < 0 || sessions < 0 || way < 1 || shot < 1 || draw < 0) {
                throw new IllegalArgumentException("base, sessions and draw must be >= 0, way and shot >= 1 but are "
                        + base + ", " + sessions + ", " + draw + ", " + way + " and " + shot + ".");
            }
            Dealing.offline(epochs, batchSize);
        }

        /** Drawn order and rows. */
        public static Config of(int base, int way, int shot, int sessions, int epochs, int batchSize) {
            return new Config(base, way, shot, sessions, ClassIncremental.Order.SEEDED, 0, epochs, batchSize);
        }

        /** The same with another choice of the few rows. */
        public Config withDraw(int newDraw) {
            return new Config(base, way, shot, sessions, order, newDraw, epochs, batchSize);
        }
    }

    private FewShot() {}

    /** Splits train and test by class and draws the few rows; classes beyond the last session take no part. */
    public static Scenario of(Config config, Dataset train, Dataset test, Rng rng) {
        ClassIndex classes = train.schema().classes();
        int n = classes.size();
        int base = config.base > 0
                ? config.base
                : config.sessions > 0 ? n - config.sessions * config.way : (int) Math.ceil(0.6 * n);
        int sessions = config.sessions > 0 ? config.sessions : (n - base) / config.way;
        if (base < 1 || sessions < 1 || base + (long) sessions * config.way > n) {
            throw new IllegalArgumentException("A base of " + base + " classes and " + Math.max(1, sessions)
                    + " session(s) of " + config.way + " need " + (base + Math.max(1L, sessions) * config.way)
                    + " classes but there are " + n + ".\nMaybe a smaller base, or fewer sessions, are meant.");
        }
        int[] order = ClassDraws.order(config.order, n, rng);
        long[] trainIds = ClassIncremental.declared(train, classes, "training");
        long[] testIds = ClassIncremental.declared(test, classes, "test");
        List<Experience> parts = new ArrayList<>();
        List<TestSet> tests = new ArrayList<>();
        for (int s = 0; s <= sessions; s++) {
            int from = s == 0 ? 0 : base + (s - 1) * config.way;
            ClassIndex present = ClassDraws.part(classes, order, from, base + s * config.way, s);
            int[] rows = s == 0
                    ? ClassDraws.positions(trainIds, present)
                    : ClassDraws.shots(trainIds, present, config.shot, rng.child("draw", config.draw));
            Pace pace = s == 0 ? Pace.shuffled(config.epochs, config.batchSize) : Pace.inOrder(rows.length);
            parts.add(new Experience(s, s, train.subset(rows), present, true, pace));
            tests.add(new TestSet(
                    s,
                    s == 0
                            ? "base"
                            : present.columns().stream()
                                    .map(ClassIndex.Column::name)
                                    .collect(Collectors.joining("/")),
                    test.subset(ClassDraws.positions(testIds, present)),
                    present));
        }
        String name = "few-shot " + base + "+" + sessions + "x" + config.way + ", " + config.shot
                + (config.shot == 1 ? " row a class" : " rows a class");
        return new ListedScenario(name, train.schema(), parts, tests, false);
    }
}
