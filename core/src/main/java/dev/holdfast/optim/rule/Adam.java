package dev.holdfast.optim.rule;

import dev.holdfast.optim.InPlaceRule;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.tensor.NativeOperation;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Adam: {@code m = beta1*m + (1-beta1)*g}, {@code v = beta2*v + (1-beta2)*g^2}, direction {@code (m/c1) / (sqrt(v/c2) +
 * eps)} with {@code c = 1 - beta^t} and t the number of updates that the leaf has seen. AdamW is this rule in a group
 * with decay {@code LR_COUPLED}.
 *
 * <p>Kingma, Ba: <i>Adam: A Method for Stochastic Optimization</i>, arXiv 1412.6980, algorithm 1.
 */
public final class Adam implements InPlaceRule {
    private static final String FUSED = "aten::_fused_adam_";

    private final double beta1;
    private final double beta2;
    private final double epsilon;
    private Moment first;
    private Moment second;
    private boolean dense;

    /** beta1 and beta2 in [0, 1), epsilon > 0. */
    public Adam(Parameters parameters, double beta1, double beta2, double epsilon) {
        if (!(beta1 >= 0 && beta1 < 1) || !(beta2 >= 0 && beta2 < 1)) {
            throw new IllegalArgumentException(
                    "Adam's beta1 and beta2 must be in [0, 1) but are " + beta1 + " and " + beta2 + ".");
        }
        if (!(epsilon > 0)) {
            throw new IllegalArgumentException("Adam's epsilon must be > 0 but is " + epsilon + ".");
        }
        this.beta1 = beta1;
        this.beta2 = beta2;
        this.epsilon = epsilon;
        this.first = new Moment(parameters);
        this.second = new Moment(parameters);
        this.dense = Fused.fits(parameters);
    }

    @Override
    public ParamVector direction(ParamVector g, StepContext c) {
        Scalar fresh1 = Tensors.scalar(1 - beta1);
        Scalar keep2 = Tensors.scalar(beta2);
        Scalar fresh2 = Tensors.scalar(1 - beta2);
        for (int i = 0; i < g.size(); i++) {
            Tensor gi = g.get(i);
            if (gi != null) {
                first.zeros(i).lerp_(gi, fresh1);
                second.zeros(i).mul_(keep2).addcmul_(gi, gi, fresh2);
                first.count(i);
                second.count(i);
            }
        }
        return directionOfMoments(g);
    }

    /** Where the moments of the leaves with a gradient point now. */
    private ParamVector directionOfMoments(ParamVector g) {
        Scalar toRoot = null;
        Tensor floor = null;
        long countOfScalars = -1;
        Tensor[] u = new Tensor[g.size()];
        for (int i = 0; i < u.length; i++) {
            if (g.get(i) == null) {
                continue;
            }
            Tensor v = second.zeros(i);
            long t = second.counted(i);
            if (t != countOfScalars) {
                double c1 = 1 - Math.pow(beta1, t);
                double c2 = 1 - Math.pow(beta2, t);
                // (m/c1) / (sqrt(v/c2) + eps) = m / (sqrt(v) * c1/sqrt(c2) + eps*c1): both corrections in one pass
                toRoot = Tensors.scalar(c1 / Math.sqrt(c2));
                floor = Tensors.scalarLike(v, epsilon * c1);
                countOfScalars = t;
            }
            u[i] = first.zeros(i).div(floor.add(v.sqrt(), toRoot));
        }
        return new ParamVector(g.of(), u);
    }

    @Override
    public boolean fits(ParamVector g) {
        return dense && Fused.fits(g);
    }

    @Override
    public Supplier<ParamVector> advance(ParamVector g, double[] rates) {
        try (Scope s = Scope.open()) {
            Fused.byRate(g, rates)
                    .forEach((rate, at) -> NativeOperation.call(
                            FUSED,
                            Fused.leaves(g.of(), at),
                            Fused.dense(g, at),
                            at.stream().map(first::zeros).toArray(Tensor[]::new),
                            at.stream().map(second::zeros).toArray(Tensor[]::new),
                            new Tensor[0],
                            counts(at),
                            rate,
                            beta1,
                            beta2,
                            0.0,
                            epsilon,
                            false,
                            false,
                            null,
                            null));
        }
        return () -> directionOfMoments(g);
    }

    /** Counts one more update of these leaves; equal counts are one tensor. */
    private Tensor[] counts(List<Integer> at) {
        Map<Long, Tensor> made = new TreeMap<>();
        return at.stream()
                .map(i -> {
                    first.count(i);
                    return made.computeIfAbsent(second.count(i), t -> Tensors.of(new float[] {t}, 1));
                })
                .toArray(Tensor[]::new);
    }

    @Override
    public UpdateRule copy() {
        Adam r = new Adam(first.view().of(), beta1, beta2, epsilon);
        r.first = first.copy();
        r.second = second.copy();
        return r;
    }

    @Override
    public Map<String, ParamVector> moments() {
        return Map.of("first", first.view(), "second", second.view());
    }

    /** (sqrt(v / (1 - beta2^t)) + epsilon) (1 - beta1^t). */
    @Override
    public Optional<ParamVector> preconditioner() {
        Tensor[] p = new Tensor[second.view().size()];
        for (int i = 0; i < p.length; i++) {
            Tensor v = second.get(i);
            long t = second.counted(i);
            if (v == null || t == 0) {
                return Optional.empty();
            }
            p[i] = v.div(Tensors.scalar(1 - Math.pow(beta2, t)))
                    .sqrt()
                    .add(Tensors.scalar(epsilon))
                    .mul(Tensors.scalar(1 - Math.pow(beta1, t)));
        }
        return Optional.of(new ParamVector(second.view().of(), p));
    }

    /** (2 + 2 beta1) / (1 - beta1), 38 at 0.9: Cohen et al., arXiv 2207.14484. */
    @Override
    public double stabilityLimit() {
        return (2 + 2 * beta1) / (1 - beta1);
    }

    @Override
    public void rebind(Parameters now, List<Resized> grown) {
        first.rebind(now, grown);
        second.rebind(now, grown);
        dense = Fused.fits(now);
    }

    @Override
    public State state() {
        State s = new State();
        first.save("first", s);
        second.save("second", s);
        return s;
    }

    @Override
    public void load(State saved) {
        Moment m = first.read("first", saved);
        second = second.read("second", saved);
        first = m;
    }
}
