package dev.holdfast.evaluate;

import dev.holdfast.evaluate.metric.ClassAgreement;
import dev.holdfast.evaluate.metric.MultiLabelMetrics;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Scores of the rows of a stream beside those of the no-change baseline; rows come as sets of labels, [L] each. */
abstract sealed class StreamScore implements Stateful {
    /** Labels of the row before, or null. */
    boolean[] before;

    static StreamScore of(boolean sets, int labels) {
        return sets ? new Sets(labels) : new Classes(labels);
    }

    void add(boolean[] truth, boolean[] said) {
        count(truth, said);
        before = truth;
    }

    abstract void count(boolean[] truth, boolean[] said);

    abstract long rows();

    abstract Term headline();

    abstract Term noChange();

    abstract List<Term> metrics();

    /** Empty, but it remembers the row before. */
    abstract StreamScore next();

    /** Error of one row: whether the class is wrong, or the share of wrong labels of a set. */
    static double error(boolean[] truth, boolean[] said, boolean sets) {
        if (!sets) {
            return Arrays.equals(truth, said) ? 0 : 1;
        }
        int wrong = 0;
        for (int l = 0; l < truth.length; l++) {
            wrong += truth[l] == said[l] ? 0 : 1;
        }
        return wrong / (double) truth.length;
    }

    static String text(double[] a) {
        return Arrays.stream(a).mapToObj(Double::toString).collect(Collectors.joining(" "));
    }

    static double[] numbers(String text) {
        try {
            return text.isEmpty()
                    ? new double[0]
                    : Arrays.stream(text.split(" "))
                            .mapToDouble(Double::parseDouble)
                            .toArray();
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("Saved scores hold something that is not a number (" + e.getMessage()
                    + ").\nMaybe the file is damaged.");
        }
    }

    State remembered() {
        double[] row = before == null ? new double[0] : new double[before.length];
        for (int l = 0; l < row.length; l++) {
            row[l] = before[l] ? 1 : 0;
        }
        return new State().put("before", text(row));
    }

    void remember(State saved) {
        double[] row = numbers(saved.value("before"));
        before = row.length == 0 ? null : new boolean[row.length];
        for (int l = 0; l < row.length; l++) {
            before[l] = row[l] == 1;
        }
    }

    /** One class a row. */
    private static final class Classes extends StreamScore {
        private final int labels;
        private ClassAgreement agreement;

        Classes(int labels) {
            this.labels = labels;
            this.agreement = new ClassAgreement(labels);
        }

        @Override
        void count(boolean[] truth, boolean[] said) {
            agreement.add(at(truth), at(said), before == null ? -1 : at(before));
        }

        private static int at(boolean[] row) {
            for (int l = 0; l < row.length; l++) {
                if (row[l]) {
                    return l;
                }
            }
            return -1;
        }

        @Override
        long rows() {
            return agreement.rows();
        }

        @Override
        Term headline() {
            return new Term("accuracy", agreement.accuracy());
        }

        @Override
        Term noChange() {
            return new Term("no-change accuracy", agreement.noChangeAccuracy());
        }

        @Override
        List<Term> metrics() {
            return List.of(
                    headline(),
                    new Term("kappa", agreement.kappa()),
                    new Term("temporal kappa", agreement.temporalKappa()),
                    noChange());
        }

        @Override
        StreamScore next() {
            StreamScore n = new Classes(labels);
            n.before = before;
            return n;
        }

        @Override
        public State state() {
            return remembered().put("counts", text(agreement.save()));
        }

        @Override
        public void load(State saved) {
            remember(saved);
            agreement = ClassAgreement.restore(numbers(saved.value("counts")));
        }
    }

    /** A set of labels a row. */
    private static final class Sets extends StreamScore {
        private final int labels;
        private MultiLabelMetrics learner;
        private MultiLabelMetrics repeated;

        Sets(int labels) {
            this.labels = labels;
            this.learner = new MultiLabelMetrics(labels);
            this.repeated = new MultiLabelMetrics(labels);
        }

        @Override
        void count(boolean[] truth, boolean[] said) {
            learner.add(truth, said);
            repeated.add(truth, before == null ? new boolean[labels] : before);
        }

        @Override
        long rows() {
            return learner.rows();
        }

        @Override
        Term headline() {
            return new Term("micro-F1", learner.microF1());
        }

        @Override
        Term noChange() {
            return new Term("no-change micro-F1", repeated.microF1());
        }

        @Override
        List<Term> metrics() {
            return List.of(
                    headline(),
                    new Term("macro-F1", learner.macroF1()),
                    new Term("example-F1", learner.exampleF1()),
                    new Term("subset accuracy", learner.subsetAccuracy()),
                    new Term("Hamming loss", learner.hammingLoss()),
                    noChange(),
                    new Term("no-change subset accuracy", repeated.subsetAccuracy()),
                    new Term("no-change Hamming loss", repeated.hammingLoss()));
        }

        @Override
        StreamScore next() {
            StreamScore n = new Sets(labels);
            n.before = before;
            return n;
        }

        @Override
        public State state() {
            return remembered().put("learner", text(learner.save())).put("repeated", text(repeated.save()));
        }

        @Override
        public void load(State saved) {
            remember(saved);
            learner = MultiLabelMetrics.restore(numbers(saved.value("learner")));
            repeated = MultiLabelMetrics.restore(numbers(saved.value("repeated")));
        }
    }
}
