package dev.holdfast.bilevel;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.rule.NormalizedMomentum;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Learns a weight for every row of a data set with wrong labels, such that a softmax layer trained on the weighted rows does
 * well on a few trusted ones: data hyper-cleaning by BO-REP, with hypergradients in closed form ({@link RowWeighting}) and
 * normalised momentum. All rows take part in every step, so the lower level takes a Newton step where the paper takes
 * stochastic ones. arXiv 2401.09587. Immutable; safe from any thread.
 *
 * @param features fixed random features max(0, a'x + b) between the standardised inputs and the layer; 0 = the inputs
 *     themselves
 * @param ridge weight decay of the layer, > 0
 * @param steps moves of the weights
 * @param rate length of a move of the logits, root mean square over rows, > 0
 * @param beta momentum, in [0, 1)
 * @param period moves from Newton step to Newton step of the layer
 * @param solverSteps products of a solve at most
 */
public record HyperCleaning(
        @Doc("random features between inputs and softmax layer; 0 = none") int features,
        @Doc("weight decay of the layer") double ridge,
        @Doc("moves of the weights") int steps,
        @Doc("length of a move, root mean square over rows") double rate,
        @Doc("momentum, in [0, 1)") double beta,
        @Doc("moves from training step to training step") int period,
        @Doc("products of a solve at most") int solverSteps) {
    private static final double SOLVED = 1e-3;
    private static final double CONSTANT = 1e-6;

    public HyperCleaning {
        if (features < 0 || steps < 1 || period < 1 || solverSteps < 1) {
            throw new IllegalArgumentException("Hyper-cleaning needs features >= 0, steps >= 1, period >= 1 and"
                    + " solverSteps >= 1 but has " + features + ", " + steps + ", " + period + " and " + solverSteps
                    + ".");
        }
        if (!(ridge > 0) || !(rate > 0) || Double.isInfinite(ridge + rate) || !(beta >= 0 && beta < 1)) {
            throw new IllegalArgumentException("Hyper-cleaning needs a finite ridge > 0 and rate > 0 and beta in [0, 1)"
                    + " but has " + ridge + ", " + rate + " and " + beta + ".");
        }
    }

    /** 512 features, ridge 0.01, 60 moves of 0.2. */
    public static HyperCleaning defaults() {
        return new HyperCleaning(512, 0.01, 60, 0.2, 0.9, 2, 10);
    }

    /**
     * What was learnt, by position in the data.
     *
     * @param ids of the rows
     * @param weights of the rows, in (0, 1); all were 0.5 at the start
     * @param probabilities class probabilities [n][C] of the layer trained on the weighted rows, columns as declared
     * @param lossBefore mean cross entropy on the trusted rows with equal weights
     * @param lossAfter the same with the learnt weights
     */
    public record Cleaned(long[] ids, double[] weights, double[][] probabilities, double lossBefore, double lossAfter) {
        /** Positions, the least weight first. */
        public int[] ranked() {
            return IntStream.range(0, weights.length)
                    .boxed()
                    .sorted((a, b) -> Double.compare(weights[a], weights[b]))
                    .mapToInt(i -> i)
                    .toArray();
        }
    }

    /**
     * Learns the weights; neither data set is changed.
     *
     * @param rows with one class each, some of which may be wrong, and distinct ids
     * @param trusted rows of the same schema with the right class
     * @param cancelled asked before every move
     * @param progress hears how many moves are done
     * @return empty if cut off
     */
    public Optional<Cleaned> run(
            Dataset rows, Dataset trusted, Rng rng, BooleanSupplier cancelled, LongConsumer progress) {
        requireFit(rows, trusted);
        Schema schema = rows.schema();
        long[] ids = IntStream.range(0, Math.toIntExact(rows.size()))
                .mapToLong(rows::id)
                .toArray();
        requireDistinct(ids);
        try (Scope all = Scope.open()) {
            Tensor x = inputs(rows);
            Tensor t = inputs(trusted);
            Tensor mean = x.mean(0);
            Tensor deviation = x.sub(mean).square().mean(0).sqrt().clamp_min(Tensors.scalar(CONSTANT));
            Tensor[] both = lifted(x.sub(mean).div(deviation), t.sub(mean).div(deviation), rng);
            RowWeighting w = new RowWeighting(
                    both[0],
                    columns(rows, schema),
                    both[1],
                    columns(trusted, schema),
                    schema.classes().size(),
                    ridge);
            return learn(w, both[0], ids, schema.classes().size(), cancelled, progress);
        }
    }

    private Optional<Cleaned> learn(
            RowWeighting w, Tensor x, long[] ids, int classes, BooleanSupplier cancelled, LongConsumer progress) {
        int n = ids.length;
        InverseHvp solver = new InverseHvp.ConjugateGradient(SOLVED, solverSteps, 0);
        Parameters lambda = new Parameters(
                List.of(new ParamMeta("lambda", ParamMeta.Role.OTHER, 1, 1, false, 0)),
                List.of(Tensors.zerosLike(x, n)));
        NormalizedMomentum rule = new NormalizedMomentum(lambda, beta, true);
        Tensor layer = Tensors.zerosLike(x, classes, x.size(1));
        // refinement: the layer is trained before the weights move
        for (int k = 0; k < solverSteps; k++) {
            layer.copy_(w.newton(lambda.get(0), layer, solver));
        }
        double before = w.trustedLoss(layer);
        Tensor v = Tensors.zerosLike(x, layer.numel());
        for (int t = 0; t < steps; t++) {
            if (cancelled.getAsBoolean()) {
                return Optional.empty();
            }
            try (Scope s = Scope.open()) {
                if (t > 0 && t % period == 0) {
                    layer.copy_(w.newton(lambda.get(0), layer, solver));
                }
                RowWeighting.Gradient g = w.hypergradient(lambda.get(0), layer, solver, v);
                v.copy_(g.v());
                ParamVector u = rule.direction(
                        new ParamVector(lambda, new Tensor[] {g.lambda()}), new StepContext(t, lambda, Map.of(), null));
                lambda.add(-rate * Math.sqrt(n), u);
            }
            progress.accept(t + 1);
        }
        layer.copy_(w.newton(lambda.get(0), layer, solver));
        return Optional.of(new Cleaned(
                ids,
                Tensors.doubles(lambda.get(0).sigmoid()),
                Tensors.rows(w.probabilities(layer)),
                before,
                w.trustedLoss(layer)));
    }

    /** Features of noisy and trusted rows, with a column of ones, scaled so that curvature does not grow with their number. */
    private Tensor[] lifted(Tensor x, Tensor trusted, Rng rng) {
        if (features == 0) {
            return new Tensor[] {withOnes(x), withOnes(trusted)};
        }
        long d = x.size(1);
        Tensor a = rng.child("features").normal(x.scalar_type(), d, features).div(Tensors.scalar(Math.sqrt(d)));
        Tensor b = rng.child("offsets").normal(x.scalar_type(), features);
        Tensor lift = x.matmul(a).add_(b).relu_();
        Tensor mean = lift.mean(0);
        Tensor deviation = lift.sub(mean).square().mean(0).sqrt().clamp_min(Tensors.scalar(CONSTANT));
        Tensor other = trusted.matmul(a).add_(b).relu_();
        return new Tensor[] {
            withOnes(lift.sub_(mean).div_(deviation)), withOnes(other.sub_(mean).div_(deviation))
        };
    }

    private static Tensor withOnes(Tensor x) {
        Tensor ones = Tensors.zerosLike(x, x.size(0), 1).add_(Tensors.scalar(1));
        return Tensors.cat(1, x, ones);
    }

    private static Tensor inputs(Dataset d) {
        int n = Math.toIntExact(d.size());
        Tensor x = d.rows(IntStream.range(0, n).toArray()).inputs().x().reshape(n, -1);
        return x.is_floating_point() ? x : x.to(ScalarType.Float);
    }

    private static int[] columns(Dataset d, Schema schema) {
        return Arrays.stream(d.classIds())
                .mapToInt(c -> schema.classes().columnOf(Math.toIntExact(c)))
                .toArray();
    }

    private static void requireFit(Dataset rows, Dataset trusted) {
        for (Dataset d : List.of(rows, trusted)) {
            if (d.schema().target() != Target.ClassIds.class) {
                throw new IllegalArgumentException("Hyper-cleaning needs rows with one class each, but the target is "
                        + d.schema().target().getSimpleName() + ".");
            }
        }
        if (rows.size() == 0 || trusted.size() == 0) {
            throw new IllegalArgumentException("Hyper-cleaning needs rows and trusted rows but has " + rows.size()
                    + " and " + trusted.size() + ".");
        }
        if (!rows.schema().x().shape().equals(trusted.schema().x().shape())) {
            throw new IllegalArgumentException(
                    "Rows have inputs " + rows.schema().x().shape() + " but trusted rows have "
                            + trusted.schema().x().shape() + "; expected the same.");
        }
        if (!rows.schema().classes().equals(trusted.schema().classes())) {
            throw new IllegalArgumentException("Rows have the classes "
                    + rows.schema().classes().columns() + " but trusted rows have "
                    + trusted.schema().classes().columns() + "; expected the same.");
        }
    }

    private static void requireDistinct(long[] ids) {
        Set<Long> seen = new HashSet<>();
        for (long id : ids) {
            if (!seen.add(id)) {
                throw new IllegalArgumentException(
                        "Two rows have the id " + id + "; a weight belongs to one row, so ids must be distinct.");
            }
        }
    }
}
