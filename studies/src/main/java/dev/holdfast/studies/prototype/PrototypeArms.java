package dev.holdfast.studies.prototype;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.evaluate.attack.L2Attack;
import dev.holdfast.evaluate.attack.RobustAccuracy;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.prototype.ComponentConfig;
import dev.holdfast.learner.prototype.ComponentConfig.Method;
import dev.holdfast.learner.prototype.ComponentLearner;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.prototype.Certifiable;
import dev.holdfast.nn.prototype.ComponentNet;
import dev.holdfast.nn.prototype.Reasoning;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Training and measuring of one network of prototypes on one data set. */
final class PrototypeArms {
    static final String CLEAN = "clean accuracy %";
    static final String VIOLATION = "rows certified but broken, or broken but wrong already, share";
    static final String ENTROPY = "entropy of reasoning tables, nats";
    static final String AMBIGUOUS = "classes with another table of the same outputs, %";
    static final double[] RADII = {0.25, 0.5, 1, 1.58};

    /** Mass that must be free to move before a table counts as one of several. */
    private static final double MOVES = 0.1;

    private PrototypeArms() {}

    static String certified(double radius) {
        return "certified accuracy at " + radius + " %";
    }

    static String attacked(double radius) {
        return "attacked accuracy at " + radius + " %";
    }

    /** Names and settings of the shallow arms. */
    static Map<String, ComponentConfig> shallow(boolean all) {
        ComponentConfig c = ComponentConfig.defaults();
        Map<String, ComponentConfig> arms = new LinkedHashMap<>();
        arms.put("GLVQ", c.with(Method.LVQ));
        if (all) {
            arms.put("GTLVQ", c.with(Method.LVQ).bending(12));
        }
        arms.put("RBF", c.with(Method.RBF));
        arms.put("old components", c.with(Method.CLASSIC));
        arms.put("margin 0.1", c.forMargin(0.1));
        arms.put("margin 0.3", c.forMargin(0.3));
        arms.put("radius 0.5", c.forRadius(0.5));
        arms.put("radius 1", c.forRadius(1));
        arms.put("radius 1.58", c.forRadius(1.58));
        return arms;
    }

    /** Trains a learner on rows in shuffled batches. */
    static void train(StudyContext c, Learner l, Dataset rows, int epochs, int batch, long seed) {
        try (Loader loader =
                rows.batches(Pace.shuffled(epochs, batch), Rng.of(seed).child("data"))) {
            while (loader.hasNext() && !c.cancelled()) {
                try (Scope s = Scope.open()) {
                    l.learn(loader.next());
                }
            }
        }
    }

    /** Accuracy of any learner in percent. */
    static double accuracy(Learner l, Dataset test) {
        long[] truth = test.classIds();
        int right = 0;
        for (int from = 0; from < truth.length; from += 512) {
            try (Scope s = Scope.open()) {
                int[] at = IntStream.range(from, Math.min(truth.length, from + 512))
                        .toArray();
                int[] said = l.predict(test.rows(at).inputs()).classes();
                for (int i = 0; i < at.length; i++) {
                    right += said[i] == truth[at[i]] ? 1 : 0;
                }
            }
        }
        return 100.0 * right / truth.length;
    }

    /** A linear classifier, the yardstick of clean accuracy. */
    static double logistic(StudyContext c, Dataset train, Dataset test, int epochs, int batch, long seed) {
        var net = ComponentConfig.defaults().net();
        try (Scope s = Scope.open();
                Finetune l = new Finetune(
                        Finetune.Config.of(new dev.holdfast.learner.NetConfig(
                                net.backbone(), net.optimizer().withRate(1e-3), false)),
                        train.schema(),
                        Rng.of(seed).child("learner"))) {
            train(c, l, train, epochs, batch, seed);
            return accuracy(l, test);
        }
    }

    /** Trains one arm and measures all that is told of it. */
    static List<Row> run(
            StudyContext c,
            String arm,
            ComponentConfig config,
            String bed,
            Dataset train,
            Dataset test,
            RobustPrototypes.Size size,
            long seed) {
        List<Row> rows = new ArrayList<>();
        try (Scope s = Scope.open();
                ComponentLearner l = new ComponentLearner(
                        config, train.schema(), Rng.of(seed).child("learner"))) {
            long from = System.nanoTime();
            train(c, l, train, size.epochs(), size.batch(), seed);
            rows.add(new Row(arm, bed, seed, "learning s", (System.nanoTime() - from) * 1e-9));
            Certifiable model = (Certifiable) l.model();
            RobustAccuracy all = RobustAccuracy.of(model, test, RADII, null, 0, Rng.of(seed));
            rows.add(new Row(arm, bed, seed, CLEAN, 100 * all.clean()));
            all.certified().forEach((r, v) -> rows.add(new Row(arm, bed, seed, certified(r), 100 * v)));
            Dataset few = test.subset(IntStream.range(0, (int) Math.min(size.attacked(), test.size()))
                    .toArray());
            L2Attack attack = new L2Attack(size.attackSteps(), size.restarts(), 0.1, 0, 1);
            RobustAccuracy under = RobustAccuracy.of(model, few, RADII, attack, size.attacked(), Rng.of(seed));
            double violation = 0;
            for (double r : RADII) {
                rows.add(new Row(
                        arm, bed, seed, attacked(r), 100 * under.attacked().get(r)));
                violation = Math.max(
                        violation,
                        Math.max(
                                under.certified().get(r) - under.attacked().get(r),
                                under.attacked().get(r) - under.clean()));
            }
            rows.add(new Row(arm, bed, seed, VIOLATION, Math.max(0, violation)));
            if (model instanceof ComponentNet net) {
                rows.addAll(tables(arm, bed, seed, net, config.method()));
            }
        }
        return rows;
    }

    /**
     * How far the tables say what the outputs mean. Equal amounts of positive and negative reasoning may move from one
     * component to another without a change of any output; in the old form any table may also be scaled.
     */
    private static List<Row> tables(String arm, String bed, long seed, ComponentNet net, Method method) {
        Reasoning t = net.head().reasoning(Pass.eval());
        double[][] positive = Tensors.rows(t.positive());
        double[][] negative = Tensors.rows(t.negative());
        boolean[] several = new boolean[t.classes()];
        for (int j = 0; j < positive.length; j++) {
            double free = 0;
            for (int k = 0; k < positive[j].length; k++) {
                free += Math.min(positive[j][k], negative[j][k]);
            }
            several[t.owner()[j]] |= method == Method.CLASSIC || free > MOVES;
        }
        double share = IntStream.range(0, several.length)
                .mapToDouble(c -> several[c] ? 100 : 0)
                .average()
                .orElse(0);
        return Arrays.asList(new Row(arm, bed, seed, ENTROPY, t.entropy()), new Row(arm, bed, seed, AMBIGUOUS, share));
    }
}
