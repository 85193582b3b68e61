package dev.holdfast.studies.training;

import dev.holdfast.data.synth.ModularArithmetic;
import dev.holdfast.data.synth.ModularArithmetic.Operation;
import dev.holdfast.diagnose.neurons.NeuronPruner;
import dev.holdfast.diagnose.neurons.NeuronScores;
import dev.holdfast.diagnose.neurons.Phase;
import dev.holdfast.nn.small.QuadraticMlp;
import dev.holdfast.nn.small.QuadraticMlp.Activation;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Addition modulo a prime with a share of wrong training labels, learnt by a two-layer network with squares (500 neurons at p =
 * 97), squared error on one-hot labels, AdamW with rate 0.01, all rows at once: what weight decay, dropout and batch
 * normalisation make of wrong labels, and what is left when neurons are taken out by their inverse participation ratio.
 */
public final class CorruptedArithmetic implements Study {
    private static final String BED = "addition, 35 % drawn labels";
    private static final String BATCHES = "addition, 20 % drawn labels, batches of 64";
    private static final String PLAIN = "no decay";
    private static final String NORMED = "batch normalisation";
    private static final double NOISE = 0.35;
    private static final double BATCH_NOISE = 0.2;
    private static final int LOOK = 10;

    private record Size(int p, int width, int steps, int batchSteps, int seeds) {}

    @Override
    public Paper paper() {
        return new Paper(
                "42-grok-corrupted",
                "To grok or not to grok: Disentangling generalization and memorization on corrupted algorithmic datasets",
                2023,
                "2310.13061");
    }

    @Override
    public String claim() {
        return "A network can learn wrong labels by heart and generalise all the same, with different neurons, which the"
                + " inverse participation ratio of their weights tells apart: taking out the low ones unlearns the wrong"
                + " labels. Weight decay, dropout and batch normalisation make the network contradict wrong labels by itself.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                bound(
                        "coexist-train",
                        "without decay at least 95 % of the training labels are learnt, right or wrong",
                        PLAIN,
                        "training accuracy",
                        0.95,
                        1),
                bound("coexist-test", "and test accuracy is at least 90 %", PLAIN, "test accuracy", 0.9, 1),
                bound(
                        "invert-train",
                        "with decay 15 training accuracy is within 3 points of the share of rows that were not drawn anew",
                        "decay 15.0",
                        "training accuracy less rows kept",
                        -0.03,
                        0.03),
                bound("invert-test", "and test accuracy is at least 99 %", "decay 15.0", "test accuracy", 0.99, 1),
                bound(
                        "forget",
                        "with decay 20 for twice as long test accuracy is below 10 %",
                        "decay 20.0",
                        "test accuracy",
                        0,
                        0.1),
                new Criterion(
                        "prune-low",
                        "taking out the lowest until at most 15 % of drawn labels are predicted keeps test accuracy at least at"
                                + " 90 %, or raises it",
                        new Rule.AnyOf(List.of(
                                new Rule.Bound(BED, "test accuracy after as many", "lowest ratio first", 0.9, 1, 0.99),
                                new Rule.Bound(BED, "test accuracy lost", "lowest ratio first", -1, 0, 0.99))),
                        true),
                new Criterion(
                        "prune-random",
                        "as many random neurons lower test accuracy more",
                        new Rule.Paired(
                                BED, "test accuracy after as many", "lowest ratio first", "random", 0.001, false, 1),
                        true),
                bound(
                        "prune-high",
                        "as many of the highest lower it by at least 30 points",
                        "highest ratio first",
                        "test accuracy lost",
                        0.3,
                        1),
                new Criterion(
                        "ratio",
                        "the mean ratio with decay 15 is at least 0.2 above that without",
                        new Rule.Paired(BED, "mean ratio", "decay 15.0", PLAIN, 0.2, false, 1),
                        true),
                new Criterion(
                        "scale",
                        "scales of batch normalisation go with the ratio: correlation above 0.3",
                        new Rule.Bound(BATCHES, "correlation of scale and ratio", NORMED, 0.3, 1, 0.99),
                        true),
                bound(
                        "stages",
                        "with decay 10 the test rows are understood before the drawn labels are given up",
                        "decay 10.0",
                        "steps between",
                        0,
                        1e6));
    }

    private static Criterion bound(String id, String sentence, String arm, String metric, double low, double high) {
        return new Criterion(id, sentence, new Rule.Bound(BED, metric, arm, low, high, 0.99), true);
    }

    @Override
    public String remarks() {
        return "The baselines of early stopping and of small losses were added after the first full run; no rule is about them.";
    }

    @Override
    public Findings run(StudyContext c) {
        Size size =
                switch (c.budget()) {
                    case SMOKE -> new Size(7, 20, 40, 40, 1);
                    case QUICK -> new Size(47, 250, 600, 2000, 1);
                    case FULL -> new Size(97, 500, 1000, 8000, 3);
                };
        List<Row> rows = new ArrayList<>();
        for (long seed : c.seeds(size.seeds)) {
            Books books = Books.of(size.p, 0.5, NOISE, seed);
            for (double decay : new double[] {0, 5, 10, 15, 20}) {
                c.progress(rows.size(), -1, "decay " + decay + ", seed " + seed);
                fullBatch(c, rows, books, size, decay, 0, decay == 20 ? 2 * size.steps : size.steps, seed);
            }
            c.progress(rows.size(), -1, "dropout, seed " + seed);
            fullBatch(c, rows, books, size, 0, 0.3, size.steps, seed);
            c.progress(rows.size(), -1, "early stopping, seed " + seed);
            stoppedEarly(c, rows, books, size, seed);
            c.progress(rows.size(), -1, "small losses, seed " + seed);
            smallLosses(c, rows, books, size, seed);
            for (boolean norm : new boolean[] {true, false}) {
                c.progress(rows.size(), -1, "batches, seed " + seed);
                batches(c, rows, Books.of(size.p, 0.65, BATCH_NOISE, seed), size, norm, seed);
            }
        }
        return new Findings(rows);
    }

    /** The pairs, in training order, with what is known of their labels. */
    private record Books(
            int p, int[] a, int[] b, int[] given, int[] right, List<Integer> drawn, List<Integer> train, Pairs test) {
        static Books of(int p, double fraction, double noise, long seed) {
            ModularArithmetic data = ModularArithmetic.of(
                    new ModularArithmetic.Config(p, Operation.ADD, ModularArithmetic.Encoding.INDEX, fraction, noise),
                    Rng.of(seed).child("data"));
            int n = Math.toIntExact(data.train().size());
            int[] pair =
                    IntStream.range(0, n).map(i -> (int) data.train().id(i)).toArray();
            int m = Math.toIntExact(data.test().size());
            int[] tested =
                    IntStream.range(0, m).map(i -> (int) data.test().id(i)).toArray();
            return new Books(
                    p,
                    Arrays.stream(pair).map(k -> k / p).toArray(),
                    Arrays.stream(pair).map(k -> k % p).toArray(),
                    ints(data.train().classIds()),
                    ints(data.truth()),
                    Arrays.stream(data.corrupted()).boxed().toList(),
                    upTo(n),
                    new Pairs(
                            Arrays.stream(tested).map(k -> k / p).toArray(),
                            Arrays.stream(tested).map(k -> k % p).toArray(),
                            ints(data.test().classIds())));
        }

        private static int[] ints(long[] l) {
            return Arrays.stream(l).mapToInt(Math::toIntExact).toArray();
        }

        double training(QuadraticMlp net) {
            try (Scope s = Scope.open()) {
                return NeuronPruner.accuracy(net.outputs(a, b).detach(), train, given);
            }
        }

        double testing(QuadraticMlp net) {
            try (Scope s = Scope.open()) {
                return NeuronPruner.accuracy(net.outputs(test.a, test.b).detach(), test.all(), test.right);
            }
        }
    }

    private record Pairs(int[] a, int[] b, int[] right) {
        List<Integer> all() {
            return upTo(a.length);
        }
    }

    private static ChainOptimizer adamW(QuadraticMlp net, double rate, double decay) {
        return new ChainOptimizer(
                net.parameters(),
                List.of(),
                new Adam(net.parameters(), 0.9, 0.98, 1e-8),
                List.of(ParamGroup.all(
                        rate, Constant.ONE, decay, decay == 0 ? ParamGroup.Decay.NONE : ParamGroup.Decay.LR_COUPLED)));
    }

    private static void fullBatch(
            StudyContext c,
            List<Row> rows,
            Books books,
            Size size,
            double decay,
            double dropout,
            int steps,
            long seed) {
        String arm = dropout > 0 ? "dropout " + dropout : decay == 0 ? PLAIN : "decay " + decay;
        Rng rng = Rng.of(seed);
        try (QuadraticMlp net = QuadraticMlp.of(
                size.p, size.width, new QuadraticMlp.Options(Activation.SQUARE, dropout, false), rng.child("net"))) {
            ChainOptimizer optimizer = adamW(net, 0.01, decay);
            int understood = steps;
            int givenUp = steps;
            for (int t = 0; t < steps && !c.cancelled(); t++) {
                try (Scope s = Scope.open()) {
                    Tensor out = net.train(books.a, books.b, rng.child("step", t));
                    optimizer.step(Autograd.grad(QuadraticMlp.squaredError(out, books.given), net.parameters(), false));
                    if (decay == 10 && t % LOOK == 0) {
                        understood = books.testing(net) >= 0.95 ? Math.min(understood, t) : understood;
                        // at the start nothing has been learnt yet that could be given up
                        givenUp = understood < steps && books.training(net) < 1 - NOISE / 2
                                ? Math.min(givenUp, t)
                                : givenUp;
                    }
                }
            }
            double train = told(rows, arm, BED, seed, books, net, NOISE);
            if (decay == 10 && understood < steps) {
                rows.add(new Row(arm, BED, seed, "steps to 95 % test accuracy", understood));
                rows.add(new Row(arm, BED, seed, "steps between", givenUp - understood));
            }
            rows.add(new Row(
                    arm,
                    BED,
                    seed,
                    "training accuracy less rows kept",
                    train - (1 - books.drawn.size() / (double) books.train.size())));
            if (decay == 0 && dropout == 0) {
                prune(rows, books, net, seed);
            }
        }
    }

    /** Without decay, on nine tenths of the rows, as it was when the last tenth, drawn labels and all, was foretold best. */
    private static void stoppedEarly(StudyContext c, List<Row> rows, Books books, Size size, long seed) {
        Rng rng = Rng.of(seed);
        int n = books.train.size();
        int[] order = rng.child("held").permutation(n);
        int[] held = Arrays.copyOf(order, n / 10);
        int[] kept = Arrays.copyOfRange(order, n / 10, n);
        try (QuadraticMlp net = net(size, rng)) {
            ChainOptimizer optimizer = adamW(net, 0.01, 0);
            double best = -1;
            double test = 0;
            int at = 0;
            for (int t = 0; t < size.steps && !c.cancelled(); t++) {
                try (Scope s = Scope.open()) {
                    step(net, optimizer, books, kept, rng.child("step", t));
                    if (t % LOOK == 0) {
                        Tensor out = net.outputs(pick(books.a, held), pick(books.b, held))
                                .detach();
                        double right = NeuronPruner.accuracy(out, upTo(held.length), pick(books.given, held));
                        if (right > best) {
                            best = right;
                            test = books.testing(net);
                            at = t;
                        }
                    }
                }
            }
            rows.add(new Row("early stopping", BED, seed, "test accuracy", test));
            rows.add(new Row("early stopping", BED, seed, "steps to the stop", at));
        }
    }

    /** Without decay; after a tenth of the steps every step leaves out the share of rows with the largest losses that was drawn. */
    private static void smallLosses(StudyContext c, List<Row> rows, Books books, Size size, long seed) {
        Rng rng = Rng.of(seed);
        int n = books.train.size();
        int[] all = IntStream.range(0, n).toArray();
        try (QuadraticMlp net = net(size, rng)) {
            ChainOptimizer optimizer = adamW(net, 0.01, 0);
            int[] kept = all;
            for (int t = 0; t < size.steps && !c.cancelled(); t++) {
                try (Scope s = Scope.open()) {
                    if (t >= size.steps / 10) {
                        Tensor miss = net.outputs(books.a, books.b)
                                .detach()
                                .sub(Tensors.oneHot(books.given, size.p, net.w()));
                        Tensor loss = miss.mul(miss).sum(1);
                        kept = Tensors.ints(Tensors.slice(loss.argsort(), 0, n - books.drawn.size()));
                    }
                    step(net, optimizer, books, kept, rng.child("step", t));
                }
            }
            told(rows, "small losses only", BED, seed, books, net, NOISE);
            List<Integer> drawnKept = new ArrayList<>(books.drawn);
            drawnKept.retainAll(Arrays.stream(kept).boxed().toList());
            rows.add(new Row(
                    "small losses only",
                    BED,
                    seed,
                    "drawn labels among rows kept",
                    drawnKept.size() / (double) kept.length));
        }
    }

    private static QuadraticMlp net(Size size, Rng rng) {
        return QuadraticMlp.of(
                size.p, size.width, new QuadraticMlp.Options(Activation.SQUARE, 0, false), rng.child("net"));
    }

    private static void step(QuadraticMlp net, ChainOptimizer optimizer, Books books, int[] at, Rng rng) {
        Tensor out = net.train(pick(books.a, at), pick(books.b, at), rng);
        optimizer.step(Autograd.grad(QuadraticMlp.squaredError(out, pick(books.given, at)), net.parameters(), false));
    }

    private static List<Integer> upTo(int n) {
        return IntStream.range(0, n).boxed().toList();
    }

    private static double told(
            List<Row> rows, String arm, String bed, long seed, Books books, QuadraticMlp net, double noise) {
        double train = books.training(net);
        double test = books.testing(net);
        rows.add(new Row(arm, bed, seed, "training accuracy", train));
        rows.add(new Row(arm, bed, seed, "test accuracy", test));
        try (Scope s = Scope.open()) {
            Tensor out = net.outputs(books.a, books.b).detach();
            rows.add(new Row(
                    arm, bed, seed, "drawn labels predicted", NeuronPruner.accuracy(out, books.drawn, books.given)));
            double[] ratio = NeuronScores.inverseParticipation(net.u(), net.v(), net.w());
            rows.add(new Row(
                    arm, bed, seed, "mean ratio", Arrays.stream(ratio).average().orElseThrow()));
        }
        rows.add(new Row(
                arm,
                bed,
                seed,
                "phase " + Phase.of(train, test, noise).name().toLowerCase().replace('_', ' '),
                1));
        return train;
    }

    /** Takes neurons out in four orders, as many as unlearn the drawn labels when the lowest ratios go first. */
    private static void prune(List<Row> rows, Books books, QuadraticMlp net, long seed) {
        try (Scope s = Scope.open()) {
            double[] ratio = NeuronScores.inverseParticipation(net.u(), net.v(), net.w());
            int[] low = NeuronPruner.order(ratio);
            int every = Math.max(1, net.width() / 100);
            int most = net.width() - net.width() % every;
            Tensor w = net.parameters().get(1);
            Tensor h = net.hidden(books.a, books.b);
            Tensor tested = net.hidden(books.test.a, books.test.b);
            List<Integer> all = books.test.all();
            double[] drawn = NeuronPruner.curve(
                    h, w, low, most, every, out -> NeuronPruner.accuracy(out, books.drawn, books.given));
            double[] kept = NeuronPruner.curve(
                    tested, w, low, most, every, out -> NeuronPruner.accuracy(out, all, books.test.right));
            int q = 0;
            while (q < drawn.length - 1 && drawn[q] > 0.15) {
                q++;
            }
            double[] size = new double[net.width()];
            double[] u = Tensors.doubles(net.u().pow(Tensors.scalar(2)).sum(1));
            double[] out = Tensors.doubles(net.w().pow(Tensors.scalar(2)).sum(1));
            Arrays.setAll(size, k -> Math.sqrt(u[k]) * Math.sqrt(out[k]));
            int taken = q * every;
            String arm = "lowest ratio first";
            rows.add(new Row(arm, BED, seed, "neurons taken out", taken));
            rows.add(new Row(arm, BED, seed, "drawn labels predicted after as many", drawn[q]));
            rows.add(new Row(arm, BED, seed, "test accuracy after as many", kept[q]));
            rows.add(new Row(arm, BED, seed, "test accuracy lost", kept[0] - kept[q]));
            rows.add(new Row("cut at the valley", BED, seed, "neurons taken out", NeuronPruner.valley(ratio)));
            int[][] orders = {
                NeuronPruner.reversed(ratio),
                Rng.of(seed).child("random neurons").permutation(net.width()),
                NeuronPruner.order(size)
            };
            String[] names = {"highest ratio first", "random", "smallest weights first"};
            for (int i = 0; i < orders.length; i++) {
                double after = taken == 0
                        ? kept[0]
                        : NeuronPruner.curve(
                                tested,
                                w,
                                orders[i],
                                taken,
                                taken,
                                o -> NeuronPruner.accuracy(o, all, books.test.right))[1];
                rows.add(new Row(names[i], BED, seed, "test accuracy after as many", after));
                rows.add(new Row(names[i], BED, seed, "test accuracy lost", kept[0] - after));
            }
        }
    }

    private static void batches(StudyContext c, List<Row> rows, Books books, Size size, boolean norm, long seed) {
        String arm = norm ? NORMED : "no normalisation";
        Rng rng = Rng.of(seed);
        int n = books.train.size();
        int batch = Math.min(64, n);
        try (QuadraticMlp net = QuadraticMlp.of(
                size.p, size.width, new QuadraticMlp.Options(Activation.SQUARE, 0, norm), rng.child("net"))) {
            ChainOptimizer optimizer = adamW(net, 0.01 * Math.sqrt(batch / 256.0), 0);
            int[] order = new int[0];
            for (int t = 0, at = 0; t < size.batchSteps && !c.cancelled(); t++, at += batch) {
                if (at + batch > order.length) {
                    order = rng.child("pass", t).permutation(n);
                    at = 0;
                }
                try (Scope s = Scope.open()) {
                    int[] rowsNow = Arrays.copyOfRange(order, at, at + batch);
                    step(net, optimizer, books, rowsNow, rng.child("step", t));
                }
            }
            told(rows, arm, BATCHES, seed, books, net, BATCH_NOISE);
            if (norm) {
                try (Scope s = Scope.open()) {
                    double[] gamma = Tensors.doubles(net.gamma().abs());
                    double[] ratio = NeuronScores.inverseParticipation(net.u(), net.v(), net.w());
                    rows.add(new Row(arm, BATCHES, seed, "correlation of scale and ratio", correlation(gamma, ratio)));
                }
            }
        }
    }

    private static int[] pick(int[] of, int[] at) {
        return Arrays.stream(at).map(i -> of[i]).toArray();
    }

    private static double correlation(double[] x, double[] y) {
        double mx = Arrays.stream(x).average().orElseThrow();
        double my = Arrays.stream(y).average().orElseThrow();
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int i = 0; i < x.length; i++) {
            xy += (x[i] - mx) * (y[i] - my);
            xx += (x[i] - mx) * (x[i] - mx);
            yy += (y[i] - my) * (y[i] - my);
        }
        return xy / Math.sqrt(xx * yy);
    }
}
