package dev.holdfast.select;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.nn.Pass;
import dev.holdfast.select.QueryRule.Candidates;
import dev.holdfast.select.QueryRule.Context;
import dev.holdfast.select.QueryRule.Selected;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A student learns from a few labelled rows and from a teacher's soft labels of the rows that a rule chooses:
 *
 * <pre>
 * train the student on the labelled rows
 * for each round:  choose budget / rounds rows of the pool by what the student thinks of them;  ask the teacher;
 *                  train a fresh student on the labelled rows and on all that was asked about
 * </pre>
 *
 * <p>Labels count as soft labels with all their mass on one class; the loss is the cross entropy with soft labels at
 * temperature 1. Every rule with the same budget has the same number of training steps.
 *
 * @param student network and optimizer of the student
 * @param epochs passes of each of its trainings, >= 1
 * @param batch rows a step, >= 1
 * @param rule which rows to ask about
 * @param rounds >= 1
 */
public record DistillLoop(NetConfig student, int epochs, int batch, QueryRule rule, int rounds) {
    private static final int CHUNK = 1000;

    public DistillLoop {
        if (rounds < 1 || epochs < 1 || batch < 1) {
            throw new IllegalArgumentException(
                    "epochs, batch and rounds must be >= 1 but are " + epochs + ", " + batch + " and " + rounds + ".");
        }
        student = student.withAllClassesFromStart();
    }

    /**
     * What a run came to.
     *
     * @param student the last student, trained on everything
     * @param asked positions in the pool, in the order of asking
     * @param gains how informative (by margin) each of them was for the student that asked
     */
    public record Result(Net student, List<Integer> asked, List<Double> gains) {}

    /**
     * Runs all rounds; the student's memory belongs to the caller's scope.
     *
     * @param labelled rows with their classes
     * @param pool rows of which only the inputs are looked at; ids are what the teacher is asked by
     * @param teacherError share of wrong answers, measured on labelled rows ({@link TeacherError})
     */
    public Result run(Dataset labelled, Dataset pool, QueriedTeacher teacher, double teacherError, Rng rng) {
        int known = Math.toIntExact(labelled.size());
        int unknown = Math.toIntExact(pool.size());
        int budget = teacher.left();
        if (budget > unknown || budget < rounds) {
            throw new IllegalArgumentException("A budget of " + budget + " answers does not fit a pool of " + unknown
                    + " rows and " + rounds + " rounds.");
        }
        ClassIndex classes = labelled.schema().classes();
        Inputs all = Inputs.concat(everything(labelled), everything(pool));
        Tensor given = Tensors.oneHot(
                classes.columnsOf(labelled.classIds()), classes.size(), Tensors.zeros(ScalarType.Float, 1));
        List<Integer> asked = new ArrayList<>();
        List<Double> gains = new ArrayList<>();
        Net net = train(labelled, all.rows(first(known)), given, rng.child("start"));
        for (int round = 0; round < rounds; round++) {
            int share = budget * (round + 1) / rounds - budget * round / rounds;
            Selected s;
            try (Scope look = Scope.open()) {
                Candidates candidates = look(net, all);
                double[] gain = Informativeness.MARGIN.of(candidates.probabilities());
                Set<Integer> done = new TreeSet<>();
                IntStream.range(0, known).forEach(done::add);
                asked.forEach(i -> done.add(known + i));
                s = rule.select(candidates, share, new Context(teacherError, done, rng.child("rule", round)));
                for (int row : s.rows()) {
                    asked.add(row - known);
                    gains.add(gain[row]);
                }
            }
            long[] ids = asked.stream().mapToLong(pool::id).toArray();
            Tensor soft = Tensors.cat(0, given, teacher.ask(ids).to(given.scalar_type()));
            int[] rows = IntStream.concat(
                            IntStream.range(0, known), asked.stream().mapToInt(i -> known + i))
                    .toArray();
            net = train(labelled, all.rows(rows), soft, rng.child("student", round));
        }
        return new Result(net, asked, gains);
    }

    private static int[] first(int n) {
        return IntStream.range(0, n).toArray();
    }

    private static Inputs everything(Dataset d) {
        return d.rows(first(Math.toIntExact(d.size()))).inputs();
    }

    /** A fresh student, trained with soft cross entropy. */
    private Net train(Dataset like, Inputs x, Tensor soft, Rng rng) {
        Net net = new Net(student, like.schema(), rng.child("net"));
        CrossEntropy loss = new CrossEntropy();
        int n = x.size();
        for (int epoch = 0; epoch < epochs; epoch++) {
            int[] order = rng.child("order", epoch).permutation(n);
            for (int from = 0; from < n; from += batch) {
                int[] at = Arrays.copyOfRange(order, from, Math.min(n, from + batch));
                try (Scope step = Scope.open()) {
                    Batch b = new Batch(
                            x.rows(at),
                            new Target.Soft(Tensors.rows(soft, at)),
                            Rows.of(Arrays.stream(at).asLongStream().toArray()));
                    Tensor scores = net.scores(b.inputs(), net.pass());
                    net.descend(loss.value(net.lossInput(scores, b)).total(null));
                }
            }
        }
        return net;
    }

    /** What the student thinks of all rows, and how it sees them. */
    private static Candidates look(Net net, Inputs x) {
        List<Tensor> p = new ArrayList<>();
        List<Tensor> features = new ArrayList<>();
        for (int from = 0; from < x.size(); from += CHUNK) {
            int[] at = IntStream.range(from, Math.min(x.size(), from + CHUNK)).toArray();
            try (Scope s = Scope.open()) {
                Inputs part = x.rows(at);
                p.add(s.keep(net.predict(part).scores().softmax(1)));
                features.add(s.keep(net.look(() -> net.model().features(part, Pass.eval()))));
            }
        }
        return Candidates.of(Tensors.cat(0, p.toArray(Tensor[]::new)), Tensors.cat(0, features.toArray(Tensor[]::new)));
    }
}
