package dev.holdfast.diagnose;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.synth.ModularArithmetic;
import dev.holdfast.data.synth.ModularArithmetic.Operation;
import dev.holdfast.diagnose.neurons.NeuronPruner;
import dev.holdfast.diagnose.neurons.NeuronScores;
import dev.holdfast.nn.small.QuadraticMlp;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class NeuronsGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("42-grok-corrupted");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "ipr-of-rows-rfft-magnitudes-r-2" -> {
                    Tensor rows = c.tensor("rows");
                    c.assertOutput("ipr", NeuronScores.inverseParticipation(rows, c.number("r"), true));
                    c.assertOutput("ipr_mean_removed", NeuronScores.inverseParticipation(rows, c.number("r"), false));
                }
                case "quadratic-mlp-outputs-mse-loss-gradients" -> gradients(c);
                case "adamw-run" -> run(c);
                case "batchnorm-after-the-activation" -> batchNorm(c);
                case "analytic-cosine-neurons-plus-random-neurons-ipr-ranking-and-pruning" -> pruning(c);
                case "corrupted-data-set-bookkeeping" -> bookkeeping(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static int[] column(GoldenCase c, String pairs, int which) {
        return Arrays.stream(c.matrix(pairs)).mapToInt(r -> (int) r[which]).toArray();
    }

    private static void gradients(GoldenCase c) {
        try (QuadraticMlp net = new QuadraticMlp(c.tensor("fc1"), c.tensor("fc2"), new QuadraticMlp.Options())) {
            Tensor out = net.outputs(column(c, "pairs", 0), column(c, "pairs", 1));
            Tensor loss = QuadraticMlp.squaredError(out, c.ints("labels"));
            c.assertOutput("outputs", out);
            c.assertOutput("loss", loss);
            ParamVector g = Autograd.grad(loss, net.parameters(), false);
            c.assertOutput("grad_fc1", g.get(0));
            c.assertOutput("grad_fc2", g.get(1));
        }
    }

    private static void run(GoldenCase c) {
        double[] betas = c.vector("betas");
        try (QuadraticMlp net = new QuadraticMlp(c.tensor("fc1"), c.tensor("fc2"), new QuadraticMlp.Options())) {
            ChainOptimizer o = new ChainOptimizer(
                    net.parameters(),
                    List.of(),
                    new Adam(net.parameters(), betas[0], betas[1], c.number("eps")),
                    List.of(ParamGroup.all(
                            c.number("lr"), Constant.ONE, c.number("weight_decay"), ParamGroup.Decay.LR_COUPLED)));
            List<Double> losses = new ArrayList<>();
            for (int t = 0; t < c.expected("losses").size(); t++) {
                Tensor loss = QuadraticMlp.squaredError(
                        net.train(column(c, "pairs", 0), column(c, "pairs", 1), Rng.of(1)), c.ints("labels"));
                losses.add(Tensors.item(loss));
                o.step(Autograd.grad(loss, net.parameters(), false));
            }
            c.assertOutput("losses", losses);
            c.assertOutput("fc1", net.parameters().get(0).detach());
            c.assertOutput("fc2", net.parameters().get(1).detach());
        }
    }

    private static void batchNorm(GoldenCase c) {
        try (QuadraticMlp net = new QuadraticMlp(
                c.tensor("fc1"), c.tensor("fc2"), new QuadraticMlp.Options(QuadraticMlp.Activation.SQUARE, 0, true))) {
            net.parameters().get(2).detach().copy_(c.tensor("gamma"));
            net.parameters().get(3).detach().copy_(c.tensor("beta"));
            int[] a = column(c, "pairs", 0);
            int[] b = column(c, "pairs", 1);
            c.assertOutput("train_outputs", net.train(a, b, Rng.of(1)));
            c.assertOutput("eval_outputs_after_one_batch", net.outputs(a, b));
            c.assertOutput("running_mean", net.runningMean());
            c.assertOutput("running_var", net.runningVariance());
        }
    }

    private static void pruning(GoldenCase c) {
        int p = c.integer("p");
        try (QuadraticMlp cosines = QuadraticMlp.analytic(p, c.ints("frequencies"), c.matrix("phases"));
                QuadraticMlp net = new QuadraticMlp(
                        Tensors.cat(
                                0,
                                cosines.parameters().get(0).detach(),
                                Tensors.cat(1, c.tensor("random_U"), c.tensor("random_V"))),
                        Tensors.cat(1, cosines.parameters().get(1).detach(), c.tensor("random_W")),
                        new QuadraticMlp.Options())) {
            double[] scores = NeuronScores.inverseParticipation(net.u(), net.v(), net.w());
            c.assertOutput("neuron_ipr", scores);
            c.assertOutput("order_low_to_high", NeuronPruner.order(scores));
            c.assertOutput(
                    "accuracy_after_pruning_low", accuracies(net, NeuronPruner.order(scores), c.ints("prune_low")));
            c.assertOutput("accuracy_after_pruning_high", accuracies(net, high(scores), c.ints("prune_high")));
        }
    }

    /** The highest scores first: the lowest order backwards. */
    private static int[] high(double[] scores) {
        int[] low = NeuronPruner.order(scores);
        return IntStream.range(0, low.length).map(i -> low[low.length - 1 - i]).toArray();
    }

    private static List<Double> accuracies(QuadraticMlp net, int[] order, int[] at) {
        int p = net.modulus();
        int[] a = IntStream.range(0, p * p).map(k -> k / p).toArray();
        int[] b = IntStream.range(0, p * p).map(k -> k % p).toArray();
        int[] label = IntStream.range(0, p * p)
                .map(k -> Operation.ADD.of(a[k], b[k], p))
                .toArray();
        List<Integer> all = IntStream.range(0, p * p).boxed().toList();
        double[] curve = NeuronPruner.curve(
                net.hidden(a, b),
                net.parameters().get(1),
                order,
                at[at.length - 1],
                1,
                out -> NeuronPruner.accuracy(out, all, label));
        return Arrays.stream(at).mapToObj(q -> curve[q]).toList();
    }

    /** Which labels are right, and how many of those drawn anew are wrong; and that our own data keep the same books. */
    private static void bookkeeping(GoldenCase c) {
        int p = c.integer("p");
        int[] a = column(c, "train_pairs", 0);
        int[] b = column(c, "train_pairs", 1);
        int n = a.length;
        int wrong = (int) Math.floor(c.number("noise") * n);
        int[] right =
                IntStream.range(0, n).map(i -> Operation.ADD.of(a[i], b[i], p)).toArray();
        int[] given = c.ints("train_labels");
        c.assertOutput("n_train", n);
        c.assertOutput("n_corrupted_slots", wrong);
        c.assertOutput("clean_labels", right);
        c.assertOutput("actually_wrong", (int)
                IntStream.range(0, n).filter(i -> right[i] != given[i]).count());
        ModularArithmetic own = ModularArithmetic.of(
                new ModularArithmetic.Config(
                        p, Operation.ADD, ModularArithmetic.Encoding.ONE_HOT, c.number("fraction"), c.number("noise")),
                Rng.of(1));
        assertThat(own.train().size()).isEqualTo(n);
        assertThat(own.corrupted()).hasSize(wrong);
    }
}
