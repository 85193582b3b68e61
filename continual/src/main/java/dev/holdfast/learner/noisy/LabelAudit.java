package dev.holdfast.learner.noisy;

import dev.holdfast.data.Dataset;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.SampleEstimates;
import dev.holdfast.learner.SampleEstimates.Estimates;
import dev.holdfast.learner.SampleEstimates.Suspect;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * Ranks the rows of a data set by how likely their label is wrong: learners that hold on to what they learnt early, and
 * do not learn wrong labels by heart, train on all rows, and a row is the more doubtful the less of their opinion its label
 * has, compared with the best other class.
 *
 * <p>The opinions are the running class probabilities of {@link SampleEstimates} at the end, averaged over several
 * networks that differ in their start and in the order of the rows. Liu et al., arXiv 2007.00151. Immutable; safe from any
 * thread.
 *
 * @param learner who has opinions about rows
 * @param networks how many are trained
 * @param epochs passes over the rows, each network
 * @param batchSize rows a step
 */
public record LabelAudit<C extends Record>(
        LearnerPlugin<C> learner, C config, int networks, int epochs, int batchSize) {
    public LabelAudit {
        if (networks < 1) {
            throw new IllegalArgumentException("An audit needs at least one network but has " + networks + ".");
        }
        Dealing.offline(epochs, batchSize);
    }

    /**
     * A row and the opinion about its label.
     *
     * @param position of the row in the data
     * @param suspect given and best other class, and their shares of the opinion
     */
    public record Opinion(int position, Suspect suspect) {
        /** From -1, the label has nothing of the opinion, to 1, it has all. */
        public double margin() {
            return suspect.givenShare() - suspect.suggestedShare();
        }

        /** Whether another class has more of the opinion than the label. */
        public boolean doubtful() {
            return margin() < 0;
        }
    }

    /**
     * All rows, the most doubtful first.
     *
     * @param progress hears steps done and planned
     * @return empty if cut off
     */
    public Optional<List<Opinion>> run(Dataset rows, Rng rng, BooleanSupplier cancelled, Progress progress) {
        if (rows.schema().classes().size() < 2) {
            throw new IllegalArgumentException(
                    "Labels can be wrong only where there are several classes; these rows have "
                            + rows.schema().classes().size() + ".");
        }
        // nothing is measured on the way, so the rows stand for the test set that every scenario has
        Scenario once = Joint.of(Dealing.offline(epochs, batchSize), rows, rows);
        long each = Run.plannedSteps(once);
        Map<Long, double[]> sum = new HashMap<>();
        for (int k = 0; k < networks; k++) {
            long before = k * each;
            Rng own = rng.child("network", k);
            try (Scope all = Scope.open();
                    Learner l = learner.create(config, rows.schema(), own.child("learner"))) {
                Run run = new Run(l, once, List.of(), new MetricLog(), own.child("run"));
                while (run.advance()) {
                    progress.at(before + run.steps(), networks * each);
                    if (cancelled.getAsBoolean()) {
                        return Optional.empty();
                    }
                }
                add(sum, estimates(l), rows);
            }
        }
        return Optional.of(ranked(rows, sum));
    }

    /** Hears how far an audit is. */
    public interface Progress {
        void at(long done, long planned);
    }

    private Estimates estimates(Learner l) {
        return (l instanceof SampleEstimates s ? s.sampleEstimates() : Optional.<Estimates>empty())
                .orElseThrow(() -> new IllegalArgumentException("Learner '" + learner.name()
                        + "' keeps no opinion about the rows it learnt from, so it cannot say which labels are wrong."
                        + "\nMaybe 'elr' or 'elr-plus' is meant."));
    }

    /** Adds probabilities over the declared classes in their order; columns of a growing head come as they are met. */
    private static void add(Map<Long, double[]> sum, Estimates e, Dataset rows) {
        int classes = rows.schema().classes().size();
        int[] to = IntStream.range(0, e.columns().size())
                .map(c -> rows.schema()
                        .classes()
                        .columnOf(e.columns().columns().get(c).classId()))
                .toArray();
        for (int i = 0; i < e.ids().length; i++) {
            double[] row = sum.computeIfAbsent(e.ids()[i], id -> new double[classes]);
            for (int c = 0; c < e.p()[i].length; c++) {
                row[to[c]] += e.p()[i][c];
            }
        }
    }

    private List<Opinion> ranked(Dataset rows, Map<Long, double[]> sum) {
        long[] given = rows.classIds();
        List<Opinion> all = new ArrayList<>();
        for (int i = 0; i < given.length; i++) {
            all.add(opinion(rows, i, given[i], sum.get(rows.id(i)), networks));
        }
        all.sort(Comparator.comparingDouble(Opinion::margin).thenComparingInt(Opinion::position));
        return List.copyOf(all);
    }

    /**
     * All rows, the least weight first, with the opinion of what was trained on the weighted rows: for {@link
     * dev.holdfast.bilevel.HyperCleaning}.
     *
     * @param weights by position
     * @param p class probabilities by position, columns in the declared order
     */
    public static List<Opinion> byWeight(Dataset rows, double[] weights, double[][] p) {
        long[] given = rows.classIds();
        return IntStream.range(0, weights.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> weights[i]))
                .map(i -> opinion(rows, i, given[i], p[i], 1))
                .toList();
    }

    private static Opinion opinion(Dataset rows, int i, long given, double[] p, int networks) {
        int own = rows.schema().classes().columnOf(Math.toIntExact(given));
        int best = -1;
        for (int c = 0; c < p.length; c++) {
            best = c != own && (best < 0 || p[c] > p[best]) ? c : best;
        }
        int suggested = rows.schema().classes().columns().get(best).classId();
        return new Opinion(i, new Suspect(rows.id(i), given, suggested, p[own] / networks, p[best] / networks));
    }

    /**
     * Share of the {@code n} most doubtful rows whose label is truly wrong, n being how many are wrong in all: precision and
     * recall at once. Empty if none is wrong.
     *
     * @param wrong by position in the data
     */
    public static OptionalDouble precisionAtWrong(List<Opinion> ranked, boolean[] wrong) {
        int n = (int) IntStream.range(0, wrong.length).filter(i -> wrong[i]).count();
        return n == 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(ranked.stream()
                                .limit(n)
                                .filter(o -> wrong[o.position()])
                                .count()
                        / (double) n);
    }
}
