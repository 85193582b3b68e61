package dev.holdfast.studies.training;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Dataset;
import dev.holdfast.diagnose.curvature.Hutchinson;
import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.diagnose.stability.LinearisedSgd;
import dev.holdfast.diagnose.stability.Sharpness;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.math.RankStatistics;
import dev.holdfast.objective.Objective;
import dev.holdfast.objective.PerSampleGradients;
import dev.holdfast.studies.training.StabilityBeds.Ended;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.study.StudyContext.Budget;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What gradient descent (GD) and stochastic gradient descent (SGD) with one row a step settle at, for rates up to where
 * they leave.
 *
 * <p>Bed A: a diagonal linear network a * b, 100 inputs of which 5 matter, 40 rows; a = 0.3, b ~ 0.3 N(0, 1); trained to a
 * loss below 1e-12. All rates and seeds are one tensor. Bed B ({@code full}): a two-layer ReLU network of width 100 learns a
 * teacher of 4 neurons from 200 rows. Bed C: the estimators of trace and largest eigenvalue on a network for Fashion-MNIST,
 * at a point that fits its own outputs, where both are known exactly.
 */
public final class DynamicalStability implements Study {
    private static final String DIAGONAL = "diagonal linear network";
    private static final String RELU = "two-layer ReLU network";
    private static final String ESTIMATES = "estimators, MLP on fashion";

    private static final double[] GD_RATES = {0.05, 0.1, 0.2, 0.4, 0.6, 0.8};
    private static final double[] SGD_RATES = {0.003, 0.01, 0.03, 0.05, 0.07, 0.09, 0.1};

    @Override
    public Paper paper() {
        return new Paper(
                "05-dynamical-stability",
                "The Implicit Regularization of Dynamical Stability in Stochastic Gradient Descent",
                2023,
                "2305.17490");
    }

    @Override
    public String claim() {
        return "A minimum that SGD can stay at has a Hessian with trace at most 2 / rate, so a larger rate finds simpler"
                + " solutions (smaller l1 or path norm) that generalise better; what gradient descent can stay at is bounded"
                + " in its largest eigenvalue only, and its solutions do not get simpler.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                bound(
                        "sgd-trace",
                        "every converged SGD run has trace rate / 2 <= 1 (largest over rates)",
                        "largest trace rate / 2",
                        "SGD",
                        0,
                        1,
                        0.99),
                bound(
                        "gd-edge",
                        "every converged GD run has lambda_max rate / 2 <= 1.02 (largest over rates)",
                        "largest lambda_max rate / 2",
                        "GD",
                        0,
                        1.02,
                        0.99),
                bound(
                        "gd-trace",
                        "GD at its largest converging rate has trace rate / 2 above 2",
                        "trace rate / 2 at the largest rate",
                        "GD",
                        2,
                        1000,
                        0.99),
                bound(
                        "sgd-simpler",
                        "the l1 norm falls with the rate of SGD: Spearman's correlation at most -0.8 for each seed",
                        "rank correlation of l1 norm and rate",
                        "SGD",
                        -1,
                        -0.8,
                        0.99),
                bound(
                        "gd-not-simpler",
                        "the l1 norm of GD moves by less than 10 % over all rates",
                        "spread of the l1 norm over rates",
                        "GD",
                        0,
                        0.1,
                        0.99),
                bound(
                        "sgd-generalises",
                        "SGD at its largest converging rate has at most half the test error of GD at any rate, in 4 of 5"
                                + " seeds",
                        "test error at the largest rate over GD's least",
                        "SGD",
                        0,
                        0.5,
                        0.8),
                bound(
                        "small-rates-agree",
                        "SGD at its smallest rate has GD's l1 norm within 5 %",
                        "l1 norm at the smallest rate over GD's",
                        "SGD",
                        0.95,
                        1.05,
                        0.99),
                new Criterion(
                        "relu",
                        "two-layer ReLU (full): SGD at its largest converging rate has a path norm at least 10 % below that"
                                + " at its smallest",
                        new Rule.Bound(RELU, "path norm, largest rate over smallest", "SGD B=1", 0, 0.9, 1),
                        false),
                new Criterion(
                        "trace-estimate",
                        "Hutchinson's trace is within 3 standard errors of the exact one",
                        new Rule.Bound(ESTIMATES, "trace, standard errors off", "Hutchinson", -3, 3, 1),
                        true),
                new Criterion(
                        "lanczos-estimate",
                        "Lanczos' largest eigenvalue is within 1 % of the exact one",
                        new Rule.Bound(ESTIMATES, "lambda_max over the exact one", "Lanczos", 0.99, 1.01, 1),
                        true));
    }

    private static Criterion bound(
            String id, String sentence, String metric, String arm, double low, double high, double seeds) {
        return new Criterion(id, sentence, new Rule.Bound(DIAGONAL, metric, arm, low, high, seeds), true);
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        boolean smoke = c.budget() == Budget.SMOKE;
        boolean full = c.budget() == Budget.FULL;
        double[] gd = full ? GD_RATES : new double[] {0.05, 0.4, 0.8};
        double[] sgd = full ? SGD_RATES : new double[] {0.01, 0.05, 0.09};
        diagonal(c, rows, gd, sgd, full ? 5 : smoke ? 1 : 2, smoke ? 300 : 60_000);
        if (full && !c.cancelled()) {
            relu(c, rows);
        }
        if (!c.cancelled()) {
            estimators(c, rows, c.data(smoke ? "sample" : "fashion").train(), smoke ? 4 : full ? 100 : 30);
        }
        return new Findings(rows);
    }

    private static void diagonal(
            StudyContext c, List<Row> rows, double[] gdRates, double[] sgdRates, int seeds, int steps) {
        List<Long> which = c.seeds(seeds);
        c.progress(rows.size(), -1, DIAGONAL + ", GD");
        Ended[][] gd = StabilityBeds.diagonal(which, gdRates, 0, steps, c::cancelled);
        c.progress(rows.size(), -1, DIAGONAL + ", SGD");
        Ended[][] sgd = StabilityBeds.diagonal(which, sgdRates, 1, steps, c::cancelled);
        for (int s = 0; s < which.size(); s++) {
            long seed = which.get(s);
            List<Ended> byGd = told(rows, "GD", gdRates, gd[s], seed, DIAGONAL, "l1 norm");
            List<Ended> bySgd = told(rows, "SGD", sgdRates, sgd[s], seed, DIAGONAL, "l1 norm");
            if (byGd.isEmpty() || bySgd.isEmpty()) {
                continue;
            }
            Ended gdTop = byGd.get(byGd.size() - 1);
            Ended sgdTop = bySgd.get(bySgd.size() - 1);
            double least = byGd.stream().mapToDouble(Ended::norm).min().orElseThrow();
            double most = byGd.stream().mapToDouble(Ended::norm).max().orElseThrow();
            double mean = byGd.stream().mapToDouble(Ended::norm).average().orElseThrow();
            double error = byGd.stream().mapToDouble(Ended::testError).min().orElseThrow();
            add(
                    rows,
                    "SGD",
                    seed,
                    "largest trace rate / 2",
                    bySgd.stream().mapToDouble(Ended::traceShare).max().orElseThrow());
            add(
                    rows,
                    "GD",
                    seed,
                    "largest lambda_max rate / 2",
                    byGd.stream().mapToDouble(Ended::edgeShare).max().orElseThrow());
            add(rows, "GD", seed, "trace rate / 2 at the largest rate", gdTop.traceShare());
            add(rows, "GD", seed, "spread of the l1 norm over rates", (most - least) / mean);
            add(rows, "SGD", seed, "test error at the largest rate over GD's least", sgdTop.testError() / error);
            add(
                    rows,
                    "SGD",
                    seed,
                    "l1 norm at the smallest rate over GD's",
                    bySgd.get(0).norm() / mean);
            if (bySgd.size() > 1) {
                add(
                        rows,
                        "SGD",
                        seed,
                        "rank correlation of l1 norm and rate",
                        RankStatistics.spearman(
                                bySgd.stream().mapToDouble(Ended::rate).toArray(),
                                bySgd.stream().mapToDouble(Ended::norm).toArray()));
            }
        }
    }

    private static void add(List<Row> rows, String arm, long seed, String metric, double value) {
        rows.add(new Row(arm, DIAGONAL, seed, metric, value));
    }

    /** Writes down every run; gives back those that fitted all rows, by rate. */
    private static List<Ended> told(
            List<Row> rows, String method, double[] rates, Ended[] ended, long seed, String bed, String norm) {
        List<Ended> converged = new ArrayList<>();
        for (int r = 0; r < rates.length; r++) {
            String arm = method + " " + rates[r];
            Ended e = ended[r];
            rows.add(new Row(arm, bed, seed, "converged", e.converged() ? 1 : 0));
            if (e.converged()) {
                converged.add(e);
                rows.add(new Row(arm, bed, seed, "trace rate / 2", e.traceShare()));
                rows.add(new Row(arm, bed, seed, "lambda_max rate / 2", e.edgeShare()));
                rows.add(new Row(arm, bed, seed, norm, e.norm()));
                rows.add(new Row(arm, bed, seed, "test error", e.testError()));
            }
        }
        return converged;
    }

    private static void relu(StudyContext c, List<Row> rows) {
        List<Long> which = c.seeds(3);
        record Method(String name, int batch, double[] rates, int steps) {}
        List<Method> methods = List.of(
                new Method("GD", 0, new double[] {0.02, 0.05, 0.1, 0.2, 0.4, 0.8}, 20_000),
                new Method("SGD B=8", 8, new double[] {0.005, 0.01, 0.02, 0.05, 0.1, 0.2}, 100_000),
                new Method("SGD B=1", 1, new double[] {0.001, 0.002, 0.005, 0.01, 0.02, 0.03}, 200_000));
        for (Method m : methods) {
            c.progress(rows.size(), -1, RELU + ", " + m.name);
            Ended[][] ended = StabilityBeds.relu(which, m.rates, m.batch, m.steps, c::cancelled);
            for (int s = 0; s < which.size(); s++) {
                List<Ended> ok = told(rows, m.name, m.rates, ended[s], which.get(s), RELU, "path norm");
                if (ok.size() > 1) {
                    Ended top = ok.get(ok.size() - 1);
                    Ended low = ok.get(0);
                    rows.add(new Row(
                            m.name,
                            RELU,
                            which.get(s),
                            "path norm, largest rate over smallest",
                            top.norm() / low.norm()));
                    rows.add(new Row(
                            m.name,
                            RELU,
                            which.get(s),
                            "test error, largest rate over smallest",
                            top.testError() / low.testError()));
                }
            }
        }
    }

    /** Half the mean squared distance of a network 784-100-10 from given outputs. */
    private record Fitting(Parameters parameters, Tensor x, Tensor target) implements Objective {
        Tensor outputs() {
            return x.matmul(parameters.get(0).t())
                    .add(parameters.get(1))
                    .tanh()
                    .matmul(parameters.get(2).t())
                    .add(parameters.get(3));
        }

        @Override
        public LossValue at(Batch b) {
            Tensor miss = outputs().sub(target);
            return new SampleLosses("square", miss.mul(miss).sum(1).div(Tensors.scalar(2)), LossValue.Reduction.MEAN);
        }

        @Override
        public DataSource data() {
            return null;
        }
    }

    private static void estimators(StudyContext c, List<Row> rows, Dataset data, int n) {
        c.progress(rows.size(), -1, ESTIMATES);
        try (Scope all = Scope.open()) {
            Batch b = data.rows(IntStream.range(0, n).toArray());
            Tensor x = b.inputs().x().reshape(n, -1).to(ScalarType.Double);
            x = x.div(x.max());
            long in = x.size(1);
            Rng rng = Rng.of(1);
            List<Tensor> leaves = List.of(
                    leaf(rng.child("w1"), 1 / Math.sqrt(in), 100, in),
                    leaf(rng.child("b1"), 0.1, 100),
                    leaf(rng.child("w2"), 0.1, 10, 100),
                    leaf(rng.child("b2"), 0.1, 10));
            Parameters p = new Parameters(
                    List.of(
                            new ParamMeta("w1", ParamMeta.Role.HIDDEN, in, 100, true, 0),
                            new ParamMeta("b1", ParamMeta.Role.BIAS, 1, 1, true, 0),
                            new ParamMeta("w2", ParamMeta.Role.HEAD, 100, 10, true, 0),
                            new ParamMeta("b2", ParamMeta.Role.BIAS, 1, 1, true, 0)),
                    leaves);
            Fitting open = new Fitting(p, x, null);
            Fitting loss = new Fitting(p, x, open.outputs().detach());
            // the loss sums ten outputs a row, the linearised map averages over its rows
            Tensor g = PerSampleGradients.matrix(open.outputs().reshape(-1), p).mul(Tensors.scalar(Math.sqrt(10)));
            LinearisedSgd exact = new LinearisedSgd(g);
            Sharpness s = Sharpness.of(loss, List.of(b), Rng.of(2), new Lanczos(), new Hutchinson());
            double off = (s.trace().mean() - exact.trace()) / s.trace().standardError();
            rows.add(new Row("exact", ESTIMATES, 1, "trace", exact.trace()));
            rows.add(new Row("Hutchinson", ESTIMATES, 1, "trace", s.trace().mean()));
            rows.add(new Row("Hutchinson", ESTIMATES, 1, "probes", s.trace().n()));
            rows.add(new Row("Hutchinson", ESTIMATES, 1, "trace, standard errors off", off));
            rows.add(new Row("exact", ESTIMATES, 1, "lambda_max", exact.largest()));
            rows.add(new Row("Lanczos", ESTIMATES, 1, "lambda_max", s.largest()));
            rows.add(new Row("Lanczos", ESTIMATES, 1, "lambda_max over the exact one", s.largest() / exact.largest()));
            rows.add(new Row("exact", ESTIMATES, 1, "Frobenius norm", exact.frobenius()));
            rows.add(new Row(
                    "Hutchinson",
                    ESTIMATES,
                    1,
                    "Frobenius norm",
                    Math.sqrt(s.frobeniusSquared().mean())));
        }
    }

    private static Tensor leaf(Rng rng, double sd, long... shape) {
        return rng.normal(ScalarType.Double, shape).mul(Tensors.scalar(sd)).set_requires_grad(true);
    }
}
