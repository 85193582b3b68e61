package dev.holdfast.studies.training;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.diagnose.signals.OpposingToy;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.rule.SplitSgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.Clip;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Small networks with the square loss, and the optimizers that are compared on them. */
final class SignalBeds {
    private SignalBeds() {}

    /** Half the squared distance from the targets, which are kept by the place of the row. */
    interface Squares extends Objective {
        Tensor outputs(Tensor x);

        Tensor targets();

        @Override
        default LossValue at(Batch b) {
            int[] at = Arrays.stream(b.rows().ids()).mapToInt(Math::toIntExact).toArray();
            Tensor miss = outputs(b.inputs().x()).sub(Tensors.rows(targets(), at));
            return new SampleLosses("square", miss.mul(miss).sum(1).div(Tensors.scalar(2)), LossValue.Reduction.MEAN);
        }

        @Override
        default DataSource data() {
            return null;
        }
    }

    /** d-60-60-10 with tanh; targets are one-hot. */
    record Tanh(Parameters parameters, Tensor targets) implements Squares {
        static Tanh of(long inputs, Tensor targets, Rng rng) {
            long[] widths = {inputs, 60, 60, targets.size(1)};
            List<Tensor> leaves = new ArrayList<>();
            List<ParamMeta> meta = new ArrayList<>();
            for (int l = 0; l < 3; l++) {
                double bound = 1 / Math.sqrt(widths[l]);
                leaves.add(leaf(rng.child("w", l), bound, widths[l + 1], widths[l]));
                leaves.add(leaf(rng.child("b", l), bound, widths[l + 1]));
                meta.add(new ParamMeta("w" + l, ParamMeta.Role.HIDDEN, widths[l], widths[l + 1], true, 0));
                meta.add(new ParamMeta("b" + l, ParamMeta.Role.BIAS, 1, widths[l + 1], true, 0));
            }
            return new Tanh(new Parameters(meta, leaves), targets);
        }

        @Override
        public Tensor outputs(Tensor x) {
            Tensor h = x;
            for (int l = 0; l < 3; l++) {
                h = h.matmul(parameters.get(2 * l).t()).add(parameters.get(2 * l + 1));
                h = l < 2 ? h.tanh() : h;
            }
            return h;
        }
    }

    private static Tensor leaf(Rng rng, double bound, long... shape) {
        Tensor u = rng.uniform(ScalarType.Double, shape).mul(Tensors.scalar(2 * bound));
        return Scope.own(u.sub(Tensors.scalar(bound)).to(ScalarType.Float)).set_requires_grad(true);
    }

    /** Two linear layers for the toy. */
    record Linear(Parameters parameters, Tensor targets) implements Squares {
        static Linear of(OpposingToy toy, int width, Rng rng) {
            long d = toy.x().size(1);
            Tensor w = rng.child("w").normal(ScalarType.Double, width, d).mul(Tensors.scalar(0.15));
            Tensor v = rng.child("v").normal(ScalarType.Double, 1, width).mul(Tensors.scalar(0.15));
            return new Linear(
                    new Parameters(
                            List.of(
                                    new ParamMeta("w", ParamMeta.Role.HIDDEN, d, width, true, 0),
                                    new ParamMeta("v", ParamMeta.Role.HEAD, width, 1, true, 0)),
                            List.of(
                                    Scope.own(w).set_requires_grad(true),
                                    Scope.own(v).set_requires_grad(true))),
                    toy.y().unsqueeze(1));
        }

        @Override
        public Tensor outputs(Tensor x) {
            return x.matmul(parameters.get(0).t()).matmul(parameters.get(1).t());
        }
    }

    static void close(Objective o) {
        for (Tensor t : o.parameters().tensors()) {
            t.close();
        }
    }

    /** Rows of images as numbers in [0, 1], with one-hot targets. */
    record Pixels(Tensor x, Tensor targets, long[] labels) {
        static Pixels of(Dataset d) {
            int n = Math.toIntExact(d.size());
            Tensor x = d.rows(IntStream.range(0, n).toArray()).inputs().x().reshape(n, -1);
            x = x.is_floating_point() ? x : x.to(ScalarType.Float).div(Tensors.scalar(255));
            long[] y = d.classIds();
            int[] column = Arrays.stream(y).mapToInt(Math::toIntExact).toArray();
            return new Pixels(x, Tensors.oneHot(column, 10, x), y);
        }

        Batch batch(int... at) {
            return rows(x, at);
        }

        Batch all() {
            return batch(IntStream.range(0, labels.length).toArray());
        }
    }

    /** Rows of a matrix; their ids are their places. */
    static Batch rows(Tensor x, int... at) {
        return new Batch(
                Inputs.of(Tensors.rows(x, at)),
                Target.ClassIds.of(new long[at.length]),
                Rows.of(Arrays.stream(at).asLongStream().toArray()));
    }

    /** Loss of every row [n]. */
    static double[] losses(Objective o, Batch all) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            return Tensors.doubles(o.at(all).perSample().to(ScalarType.Double));
        }
    }

    /** One step of gradient descent on all rows. */
    static void descend(Objective o, Batch all, double rate) {
        try (Scope s = Scope.open()) {
            ParamVector g = Autograd.grad(o.at(all).total(null), o.parameters(), false);
            try (var mode = Autograd.noGrad()) {
                o.parameters().add(-rate, g);
            }
        }
    }

    /** An optimizer of the comparison, with the rates it is tuned over. */
    record Arm(String name, Function<Parameters, UpdateRule> rule, List<GradientTransform> transforms, double[] rates) {
        ChainOptimizer on(Parameters p, double rate) {
            return new ChainOptimizer(
                    p,
                    transforms,
                    rule.apply(p),
                    List.of(ParamGroup.all(rate, Constant.ONE, 0, ParamGroup.Decay.NONE)));
        }
    }

    static final String ADAM = "Adam";
    static final String SGD = "SGD with momentum";

    /**
     * All optimizers, each with five rates. Dampened momentum moves a tenth as far, so its rates are ten times those of plain
     * momentum.
     *
     * @param middle the middle of the rates of plain momentum
     */
    static List<Arm> arms(double middle) {
        double[] plain =
                DoubleStream.of(0.1, 0.3, 1, 3, 10).map(f -> f * middle).toArray();
        double[] dampened = DoubleStream.of(plain).map(r -> 10 * r).toArray();
        return List.of(
                new Arm(ADAM, p -> new Adam(p, 0.9, 0.999, 1e-8), List.of(), new double[] {3e-4, 1e-3, 3e-3, 1e-2, 3e-2
                }),
                new Arm(SGD, p -> new Sgd(p, 0.9, 0, false), List.of(), plain),
                new Arm("dampened momentum", SplitSgd::dampened, List.of(), dampened),
                new Arm("momentum, clipped", p -> new Sgd(p, 0.9, 0, false), List.of(Clip.norm(1)), plain),
                new Arm("dampened, clipped", SplitSgd::dampened, List.of(Clip.norm(1)), dampened),
                new Arm("split SGD", p -> new SplitSgd(p, 0.9, 0.9, 0.05, 0.05), List.of(), dampened),
                new Arm("split SGD by quantile", p -> SplitSgd.byQuantile(p, 0.9, 0.9, 0.9, 1), List.of(), dampened));
    }

    /** The mean loss over all rows after so many steps on batches of 64; infinite if it left the finite numbers. */
    static double trained(Objective o, Tensor x, Arm arm, double rate, int steps, Rng rng) {
        int n = Math.toIntExact(x.size(0));
        ChainOptimizer optimizer = arm.on(o.parameters(), rate);
        int[] order = new int[0];
        for (int t = 0, at = 0; t < steps; t++, at += 64) {
            if (at + 64 > order.length) {
                order = rng.child("pass", t).permutation(n);
                at = 0;
            }
            try (Scope s = Scope.open()) {
                Batch b = rows(x, Arrays.copyOfRange(order, at, Math.min(n, at + 64)));
                optimizer.step(Autograd.grad(o.at(b).total(null), o.parameters(), false));
            }
        }
        double loss = Arrays.stream(losses(o, rows(x, IntStream.range(0, n).toArray())))
                .average()
                .orElseThrow();
        return Double.isFinite(loss) ? loss : Double.POSITIVE_INFINITY;
    }
}
