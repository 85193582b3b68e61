package dev.holdfast.studies;

import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.hyper.Hypernet;
import dev.holdfast.nn.hyper.HypernetConfig;
import dev.holdfast.nn.hyper.HypernetConfig.Norm;
import dev.holdfast.nn.hyper.MagnitudeEncoding;
import dev.holdfast.nn.hyper.MagnitudeReport;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.study.StudyContext.Budget;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Hypernetworks with and without magnitude invariant parametrization (arXiv 2304.07645). Bed A: the condition is the
 * angle by which Fashion-MNIST images (14x14, one angle a batch of 64) are turned, the main network 196-32-10. Bed B: the
 * factor by which a ConvNet's feature maps are shrunk. Bed C: the strength of weight decay, against networks trained for
 * one strength each. Every form gets the same grid of learning rates; each measure is taken at its own best rate (by the
 * mean over seeds), and the spread over the grid is told. The main network's data, order of batches and conditions are
 * equal for all forms.
 */
public final class MagnitudeInvariance implements Study {
    private static final String CURVE = "mean loss of all steps";
    private static final String LAST = "loss of the last 50 steps";
    private static final String ACCURACY = "accuracy %";
    private static final String GRID = "mean loss of all steps over the grid";
    private static final double[] TEST_AT = {0, 1 / 3.0, 2 / 3.0, 1};

    /** Told for a run that left the finite numbers. */
    private static final double DIVERGED = 20;

    private enum Mover {
        ADAM("Adam"),
        SGD("SGD with Nesterov momentum");

        private final String words;

        Mover(String words) {
            this.words = words;
        }

        String bed(String bed) {
            return bed + ", " + words;
        }

        List<OptimizerConfig> grid() {
            return this == ADAM
                    ? List.of(OptimizerConfig.adam(3e-4), OptimizerConfig.adam(1e-3), OptimizerConfig.adam(3e-3))
                    : List.of(nesterov(3e-3), nesterov(1e-2), nesterov(3e-2));
        }

        private static OptimizerConfig nesterov(double rate) {
            OptimizerConfig s = OptimizerConfig.sgd(rate, 0.9);
            return new OptimizerConfig(
                    s.kind(), rate, 0.9, true, s.beta1(), s.beta2(), s.epsilon(), s.weightDecay(), s.clipNorm());
        }
    }

    /** A parametrization; {@code pair} feeds [gamma, 1 - gamma], so that its direction tells gamma. */
    record Form(String name, HypernetConfig config, boolean pair, boolean rowwise) {
        Form(String name, HypernetConfig config) {
            this(name, config, false, false);
        }

        Form with(String newName, Activation a, Norm n, Integer... hidden) {
            return new Form(newName, config.with(List.of(hidden), a, n), pair, rowwise);
        }

        Form byRow() {
            return new Form(name, config, pair, true);
        }

        long width() {
            return pair ? 2 : 1;
        }

        Tensor condition(double... gamma) {
            double[][] rows = new double[gamma.length][];
            for (int i = 0; i < gamma.length; i++) {
                rows[i] = pair ? new double[] {gamma[i], 1 - gamma[i]} : new double[] {gamma[i]};
            }
            return Tensors.of(rows).to(ScalarType.Float);
        }
    }

    private static final Form PLAIN = new Form("plain", HypernetConfig.plain());
    private static final Form ENCODING =
            new Form("encoding only", HypernetConfig.plain().with(MagnitudeEncoding.COS_SIN, false));
    private static final Form RESIDUAL =
            new Form("residual only", HypernetConfig.plain().with(MagnitudeEncoding.IDENTITY, true));
    private static final Form MIP = new Form("MIP", HypernetConfig.mip());
    private static final List<Form> MAIN = List.of(PLAIN, ENCODING, RESIDUAL, MIP);
    private static final String TURNED = "rot-fashion";

    @Override
    public Paper paper() {
        return new Paper(
                "22-mip", "Magnitude Invariant Parametrizations Improve Hypernetwork Learning", 2023, "2304.07645");
    }

    @Override
    public String claim() {
        return "Encoding the condition at constant length and adding what is generated to weights of their own makes"
                + " hypernetworks train faster and less sensitive to the learning rate, with SGD and with Adam; each of"
                + " the two parts helps, and normalisation does not replace them.";
    }

    @Override
    public List<Criterion> criteria() {
        List<Criterion> all = new ArrayList<>();
        for (Mover m : Mover.values()) {
            String bed = m.bed(TURNED);
            all.add(new Criterion(
                    "faster, " + m.words,
                    "MIP's loss over all steps is at most 0.9 of plain's on " + bed,
                    new Rule.Paired(bed, CURVE, "plain", "MIP", 1 / 0.9, true, 1),
                    true));
            all.add(new Criterion(
                    "lower, " + m.words,
                    "MIP's loss over the last 50 steps is at most 0.97 of plain's on " + bed,
                    new Rule.Paired(bed, LAST, "plain", "MIP", 1 / 0.97, true, 1),
                    true));
            all.add(new Criterion(
                    "accuracy, " + m.words,
                    "MIP's test accuracy is not below plain's on " + bed,
                    new Rule.Paired(bed, ACCURACY, "MIP", "plain", 0, false, 1),
                    true));
            for (String part : List.of("encoding only", "residual only")) {
                all.add(new Criterion(
                        part + ", " + m.words,
                        part + " lowers the loss over all steps on " + bed,
                        new Rule.Paired(bed, CURVE, "plain", part, 0, false, 1),
                        true));
            }
            all.add(new Criterion(
                    "insensitive, " + m.words,
                    "MIP at its worst learning rate is at most 0.05 above plain at its best on " + bed,
                    new Rule.Paired(bed, GRID, "plain, best rate", "MIP, worst rate", -0.05, false, 1),
                    true));
        }
        all.add(new Criterion(
                "ablations",
                "norms, activations, sizes, unit-length input, scale-space and weight-decay beds are reported",
                new Rule.Report(),
                false));
        return all;
    }

    @Override
    public Findings run(StudyContext c) {
        try (Scope all = Scope.open()) {
            return new Findings(measured(c));
        }
    }

    private List<Row> measured(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        if (c.budget() == Budget.SMOKE) {
            // the bundled sample: a look whether everything runs, judged by nobody
            DataPair data = c.data("sample");
            compare(c, new ConditionBed.Turned("smoke", data), List.of(PLAIN, MIP), 1, 6, rows);
            compare(c, new ConditionBed.Shrunk("smoke shrunk", data), List.of(MIP), 1, 3, rows);
            decayed(c, new ConditionBed.Decayed("smoke decay", data), 4, 1, rows);
            return rows;
        }
        DataPair fashion = c.data("fashion");
        ConditionBed.Turned turned = new ConditionBed.Turned(TURNED, fashion);
        if (c.budget() == Budget.QUICK) {
            compare(c, turned, MAIN, 2, 400, rows);
            return rows;
        }
        List<Form> ablations = new ArrayList<>(MAIN);
        ablations.add(PLAIN.with("plain, layer norm", Activation.LEAKY_RELU, Norm.LAYER, 16, 64, 128));
        ablations.add(PLAIN.with("plain, weight norm", Activation.LEAKY_RELU, Norm.WEIGHT, 16, 64, 128));
        ablations.add(new Form(
                "unit-length input", HypernetConfig.plain().with(MagnitudeEncoding.UNIT_NORM, false), true, false));
        compare(c, turned, ablations, 5, 400, rows);
        List<Form> activations = new ArrayList<>();
        for (Activation a : List.of(Activation.TANH, Activation.GELU, Activation.SILU)) {
            activations.add(PLAIN.with("plain, " + a, a, Norm.NONE, 16, 64, 128));
            activations.add(MIP.with("MIP, " + a, a, Norm.NONE, 16, 64, 128));
        }
        activations.add(PLAIN.with("plain, small", Activation.LEAKY_RELU, Norm.NONE, 16, 32));
        activations.add(MIP.with("MIP, small", Activation.LEAKY_RELU, Norm.NONE, 16, 32));
        compare(c, turned.named("rot-fashion, activations and sizes"), activations, 2, 400, rows);
        compare(
                c,
                turned.named("rot-fashion, an angle a row"),
                List.of(
                        PLAIN.byRow(),
                        PLAIN.with("plain, batch norm", Activation.LEAKY_RELU, Norm.BATCH, 16, 64, 128)
                                .byRow(),
                        MIP.byRow()),
                1,
                200,
                rows);
        compare(c, new ConditionBed.Shrunk("scale-space", fashion), List.of(PLAIN, MIP), 2, 400, rows);
        decayed(c, new ConditionBed.Decayed("weight decay", fashion), 800, 3, rows);
        return rows;
    }

    /** What was measured of one form at one learning rate with one seed. */
    private record Trained(int rate, long seed, double curve, double last, double accuracy, List<Row> more) {}

    private void compare(StudyContext c, ConditionBed bed, List<Form> forms, int seeds, int steps, List<Row> rows) {
        for (Mover m : Mover.values()) {
            String name = m.bed(bed.name());
            List<OptimizerConfig> grid = c.budget() == Budget.SMOKE ? m.grid().subList(0, 2) : m.grid();
            for (Form f : forms) {
                List<Trained> all = new ArrayList<>();
                for (int rate = 0; rate < grid.size(); rate++) {
                    for (long seed : c.seeds(seeds)) {
                        if (c.cancelled()) {
                            return;
                        }
                        c.progress(
                                rows.size(),
                                -1,
                                f.name + ", " + name + ", rate "
                                        + grid.get(rate).rate());
                        all.add(train(bed, f, name, grid.get(rate), rate, seed, steps));
                    }
                }
                tell(f.name, name, CURVE, all, Trained::curve, false, rows);
                tell(f.name, name, LAST, all, Trained::last, false, rows);
                int chosen = tell(f.name, name, ACCURACY, all, Trained::accuracy, true, rows);
                all.stream().filter(t -> t.rate == chosen).forEach(t -> rows.addAll(t.more));
                if (f == PLAIN || f == MIP) {
                    int best = best(all, Trained::curve, false);
                    int worst = best(all, Trained::curve, true);
                    all.stream()
                            .filter(t -> t.rate == best)
                            .forEach(t -> rows.add(new Row(f.name + ", best rate", name, t.seed, GRID, t.curve)));
                    all.stream()
                            .filter(t -> t.rate == worst)
                            .forEach(t -> rows.add(new Row(f.name + ", worst rate", name, t.seed, GRID, t.curve)));
                }
            }
        }
    }

    /** Rows of a measure at its own best rate; returns that rate. */
    private static int tell(
            String arm,
            String bed,
            String metric,
            List<Trained> all,
            ToDoubleFunction<Trained> measure,
            boolean high,
            List<Row> rows) {
        int rate = best(all, measure, high);
        all.stream()
                .filter(t -> t.rate == rate)
                .forEach(t -> rows.add(new Row(arm, bed, t.seed, metric, measure.applyAsDouble(t))));
        return rate;
    }

    /** The rate whose mean over seeds is lowest, or highest. */
    private static int best(List<Trained> all, ToDoubleFunction<Trained> measure, boolean high) {
        ToDoubleFunction<Integer> mean = r -> all.stream()
                .filter(t -> t.rate == r)
                .mapToDouble(measure)
                .average()
                .orElseThrow();
        Comparator<Integer> order = Comparator.comparingDouble(mean);
        List<Integer> rates = all.stream().map(Trained::rate).distinct().toList();
        return high
                ? rates.stream().max(order).orElseThrow()
                : rates.stream().min(order).orElseThrow();
    }

    private static Trained train(
            ConditionBed bed, Form form, String name, OptimizerConfig config, int rate, long seed, int steps) {
        try (Scope all = Scope.open()) {
            Rng rng = Rng.of(seed);
            Layer net = bed.net(rng.child("net"));
            Hypernet.replace(net, s -> true, Map.of("gamma", form.width()), form.config, rng.child("hyper"));
            List<Row> more = new ArrayList<>();
            magnitudes(bed, form, net, name, seed, more);
            Optimizer optimizer = config.build(net.parameters());
            Parameters parameters = optimizer.parameters();
            double[] losses = new double[steps];
            for (int step = 0; step < steps; step++) {
                try (Scope s = Scope.open()) {
                    int[] at = bed.rows(rng, step);
                    Rng draw = rng.child("gamma", step);
                    double[] gamma = IntStream.range(0, form.rowwise ? at.length : 1)
                            .mapToDouble(i -> draw.next())
                            .toArray();
                    Pass pass = Pass.train(rng.child("pass", step)).withCondition(form.condition(gamma));
                    Tensor loss = bed.loss(net, at, gamma, pass);
                    losses[step] = loss.item_double();
                    if (!Double.isFinite(losses[step])) {
                        java.util.Arrays.fill(losses, step, steps, DIVERGED);
                        break;
                    }
                    ParamVector g = Autograd.grad(loss, parameters, false);
                    optimizer.step(g, null);
                }
            }
            double accuracy = 0;
            for (double gamma : TEST_AT) {
                double a = bed.accuracy(net, gamma, form);
                more.add(new Row(form.name, name, seed, String.format("accuracy %% at %.2f", gamma), a));
                accuracy += a / TEST_AT.length;
            }
            more.add(new Row(form.name, name, seed, "variance of theta over gamma, trained", variance(bed, form, net)));
            double curve = java.util.Arrays.stream(losses).average().orElseThrow();
            double last = java.util.Arrays.stream(losses, Math.max(0, steps - 50), steps)
                    .average()
                    .orElseThrow();
            return new Trained(rate, seed, curve, last, accuracy, more);
        }
    }

    /** Whether the condition is used at all: with weights of its own a network can learn without it. */
    private static double variance(ConditionBed bed, Form form, Layer net) {
        int[] at = IntStream.range(0, ConditionBed.BATCH).toArray();
        double[] middle = {0.5};
        try (Scope s = Scope.open()) {
            return MagnitudeReport.of(net, form.condition(TEST_AT), pass -> bed.loss(net, at, middle, pass))
                    .thetaVariance();
        }
    }

    /** How much what is generated grows with the condition, before training. */
    private static void magnitudes(ConditionBed bed, Form form, Layer net, String name, long seed, List<Row> rows) {
        int[] at = IntStream.range(0, ConditionBed.BATCH).toArray();
        double[] gammas = {0.1, 0.4, 0.7, 1};
        double[] theta = new double[gammas.length];
        double[] gradient = new double[gammas.length];
        for (int i = 0; i < gammas.length; i++) {
            try (Scope s = Scope.open()) {
                double[] gamma = {gammas[i]};
                MagnitudeReport.Point p = MagnitudeReport.of(
                                net, form.condition(gamma), pass -> bed.loss(net, at, gamma, pass))
                        .points()
                        .get(0);
                theta[i] = p.theta();
                gradient[i] = p.gradient();
            }
        }
        rows.add(new Row(form.name, name, seed, "size of theta at 1 / at 0.1, at the start", theta[3] / theta[0]));
        rows.add(
                new Row(form.name, name, seed, "gradient norm at 1 / at 0.1, at the start", gradient[3] / gradient[0]));
    }

    /** All strengths by one hypernetwork, and one strength each by networks of their own. */
    private void decayed(StudyContext c, ConditionBed.Decayed bed, int steps, int seeds, List<Row> rows) {
        compare(c, bed, List.of(PLAIN, MIP), seeds, steps, rows);
        String name = Mover.ADAM.bed(bed.name());
        for (long seed : c.seeds(seeds)) {
            for (double gamma : TEST_AT) {
                c.progress(rows.size(), -1, "a network of its own, " + name);
                try (Scope all = Scope.open()) {
                    Rng rng = Rng.of(seed);
                    Layer net = bed.net(rng.child("net"));
                    Optimizer optimizer = OptimizerConfig.adam(1e-3).build(net.parameters());
                    for (int step = 0; step < steps; step++) {
                        try (Scope s = Scope.open()) {
                            Tensor loss = bed.loss(
                                    net,
                                    bed.rows(rng, step),
                                    new double[] {gamma},
                                    Pass.train(rng.child("pass", step)));
                            optimizer.step(Autograd.grad(loss, optimizer.parameters(), false), null);
                        }
                    }
                    rows.add(new Row(
                            "a network for each strength",
                            name,
                            seed,
                            String.format("accuracy %% at %.2f", gamma),
                            bed.accuracy(net, gamma, PLAIN)));
                }
            }
        }
    }
}
