package dev.holdfast.optim;

import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Gradient transforms, then an update rule, then rate and decay of each leaf's group.
 *
 * <p>The order of one step: finite? → transforms → finite? → L2 decay → rule → move with rate and decoupled decay. Every
 * leaf belongs to the first group that claims it.
 */
public final class ChainOptimizer implements Optimizer {
    private final List<GradientTransform> transforms;
    private final UpdateRule rule;
    private final List<ParamGroup> groups;
    private Parameters parameters;
    private ParamGroup[] groupOf;
    private long steps;
    private long skipped;
    private final long maxSkipped;
    private long skippedInARow;

    /** A chain over these leaves; a leaf that no group claims is refused by name. */
    public ChainOptimizer(
            Parameters parameters, List<GradientTransform> transforms, UpdateRule rule, List<ParamGroup> groups) {
        this(parameters, transforms, rule, groups, 0);
    }

    /**
     * The same that gives up.
     *
     * @param maxSkipped gradients in a row that are refused because a number is not finite; one more is an {@link
     *     IllegalStateException}. 0 = any number
     */
    public ChainOptimizer(
            Parameters parameters,
            List<GradientTransform> transforms,
            UpdateRule rule,
            List<ParamGroup> groups,
            long maxSkipped) {
        this.maxSkipped = maxSkipped;
        this.transforms = List.copyOf(transforms);
        this.rule = rule;
        this.groups = List.copyOf(groups);
        this.groupOf = assign(parameters);
        this.parameters = parameters;
    }

    @Override
    public Step step(ParamVector g, Supplier<Evaluated> again) {
        requireAligned(g);
        try (var mode = Autograd.noGrad()) {
            double before = g.norm();
            if (!Double.isFinite(before)) {
                return refused(g, before, before);
            }
            // before the transforms, whose state a refusal must not move
            Factor[] factors = factors();
            StepContext context = new StepContext(steps, parameters, rule.moments(), recording(again));
            ParamVector changed = g;
            for (GradientTransform t : transforms) {
                changed = t.apply(changed, context);
            }
            double after = transforms.isEmpty() ? before : changed.norm();
            if (!Double.isFinite(after)) {
                return refused(changed, before, after);
            }
            Supplier<ParamVector> u = advance(withL2(changed), context, factors);
            steps++;
            skippedInARow = 0;
            return new Step(changed, () -> movedBy(u, factors), before, after, false);
        }
    }

    /** Rate of a leaf and the share of it that decays away, before or after the move. */
    private record Factor(double rate, double shrink, boolean shrinkAfter) {}

    private Factor[] factors() {
        Factor[] f = new Factor[parameters.size()];
        for (int i = 0; i < f.length; i++) {
            ParamGroup group = groupOf[i];
            double factor = group.factor().at(steps);
            double rate = group.peak() * factor;
            double shrink = parameters.meta().get(i).decay()
                    ? switch (group.mode()) {
                        case NONE, L2 -> 0;
                        case LR_COUPLED, LR_COUPLED_AFTER -> rate * group.decay();
                        case INDEPENDENT -> factor * group.decay();
                    }
                    : 0;
            if (group.mode() == Decay.INDEPENDENT && shrink >= 1) {
                throw new IllegalArgumentException("Independent weight decay " + group.decay() + " at schedule factor "
                        + factor + " leaves nothing of leaf '"
                        + parameters.meta().get(i).name() + "' at update " + steps
                        + "; expected factor * decay < 1.\nMaybe a decay coupled to the rate is meant: LR_COUPLED.");
            }
            f[i] = new Factor(rate, shrink, group.mode() == Decay.LR_COUPLED_AFTER);
        }
        return f;
    }

    /** Moves moments and leaves; says how to work the direction out again. */
    private Supplier<ParamVector> advance(ParamVector g, StepContext context, Factor[] factors) {
        if (!(rule instanceof InPlaceRule r && r.fits(g))) {
            ParamVector u = rule.direction(g, context);
            add(u, factors);
            return () -> u;
        }
        double[] rates = new double[factors.length];
        for (int i = 0; i < rates.length; i++) {
            rates[i] = factors[i].rate;
        }
        shrink(g, factors, false);
        Supplier<ParamVector> u = r.advance(g, rates);
        shrink(g, factors, true);
        return u;
    }

    private void shrink(ParamVector g, Factor[] factors, boolean after) {
        for (int i = 0; i < factors.length; i++) {
            if (g.get(i) != null && factors[i].shrink != 0 && factors[i].shrinkAfter == after) {
                parameters.get(i).mul_(Tensors.scalar(1 - factors[i].shrink));
            }
        }
    }

    private void add(ParamVector u, Factor[] factors) {
        shrink(u, factors, false);
        Scalar minusRate = null;
        double rateOfScalar = Double.NaN;
        for (int i = 0; i < u.size(); i++) {
            if (u.get(i) == null) {
                continue;
            }
            Factor f = factors[i];
            if (f.rate != rateOfScalar) {
                minusRate = Tensors.scalar(-f.rate);
                rateOfScalar = f.rate;
            }
            parameters.get(i).add_(u.get(i), minusRate);
        }
        shrink(u, factors, true);
    }

    /** The move from the leaves as they stand now, after it. */
    private ParamVector movedBy(Supplier<ParamVector> direction, Factor[] factors) {
        try (var mode = Autograd.noGrad()) {
            ParamVector u = direction.get();
            Tensor[] r = new Tensor[u.size()];
            for (int i = 0; i < r.length; i++) {
                if (u.get(i) != null) {
                    Factor f = factors[i];
                    double kept = 1 - f.shrink;
                    // before: w' = (1-s)w - r u, so w' - w = -(s w' + r u)/(1-s); after: w' = (1-s)(w - r u), so
                    // w' - w = -s w'/(1-s) - r u
                    r[i] = u.get(i).mul(Tensors.scalar(-f.rate / (f.shrinkAfter ? 1 : kept)));
                    if (f.shrink != 0) {
                        r[i].add_(parameters.get(i), Tensors.scalar(-f.shrink / kept));
                    }
                }
            }
            return new ParamVector(parameters, r);
        }
    }

    /** The move from the leaves as they stand now, before it. */
    private ParamVector moveBy(ParamVector u, Factor[] factors) {
        Tensor[] r = new Tensor[u.size()];
        for (int i = 0; i < r.length; i++) {
            if (u.get(i) != null) {
                Factor f = factors[i];
                r[i] = u.get(i).mul(Tensors.scalar(-f.rate * (f.shrinkAfter ? 1 - f.shrink : 1)));
                if (f.shrink != 0) {
                    r[i].add_(parameters.get(i), Tensors.scalar(-f.shrink));
                }
            }
        }
        return new ParamVector(parameters, r);
    }

    @Override
    public ParamVector peek(ParamVector g) {
        requireAligned(g);
        Stateful[] parts = transforms.toArray(new Stateful[0]);
        Snapshot before = Snapshot.of(parts);
        try (var mode = Autograd.noGrad()) {
            StepContext context = new StepContext(steps, parameters, rule.moments(), null);
            ParamVector changed = g;
            for (GradientTransform t : transforms) {
                changed = t.apply(changed, context);
            }
            return moveBy(rule.copy().direction(withL2(changed), context), factors());
        } finally {
            before.restore(parts);
        }
    }

    /** A step runs without a graph, but a second look at the batch needs one. */
    private static Supplier<Evaluated> recording(Supplier<Evaluated> again) {
        return again == null
                ? null
                : () -> {
                    try (var mode = Autograd.withGrad()) {
                        return again.get();
                    }
                };
    }

    private ParamVector withL2(ParamVector g) {
        Tensor[] r = null;
        for (int i = 0; i < g.size(); i++) {
            ParamGroup group = groupOf[i];
            if (g.get(i) != null
                    && group.mode() == Decay.L2
                    && group.decay() != 0
                    && parameters.meta().get(i).decay()) {
                r = r == null ? copyOf(g) : r;
                r[i] = g.get(i).add(parameters.get(i), Tensors.scalar(group.decay()));
            }
        }
        return r == null ? g : new ParamVector(parameters, r);
    }

    private static Tensor[] copyOf(ParamVector g) {
        Tensor[] r = new Tensor[g.size()];
        for (int i = 0; i < r.length; i++) {
            r[i] = g.get(i);
        }
        return r;
    }

    private Step refused(ParamVector g, double before, double after) {
        skipped++;
        skippedInARow++;
        if (maxSkipped > 0 && skippedInARow > maxSkipped) {
            throw new IllegalStateException("The last " + skippedInARow + " gradients were refused because a number was"
                    + " not finite; nothing has moved since update " + steps
                    + ".\nMaybe the learning rate is too high, or the data hold numbers that are not finite.");
        }
        return new Step(g, () -> new ParamVector(parameters, new Tensor[parameters.size()]), before, after, true);
    }

    /** Number of updates made. */
    public long steps() {
        return steps;
    }

    /** Number of updates refused because a number was not finite. */
    public long skipped() {
        return skipped;
    }

    /** The rule, to be looked at; only this optimizer moves it. */
    public UpdateRule rule() {
        return rule;
    }

    /** Rate that the next update gives to leaf i. */
    public double rate(int i) {
        return groupOf[i].peak() * groupOf[i].factor().at(steps);
    }

    @Override
    public Parameters parameters() {
        return parameters;
    }

    @Override
    public void resize(List<Resized> grown) {
        rebind(swapped(grown), grown);
    }

    @Override
    public void rebind(Parameters now, List<Resized> grown) {
        ParamGroup[] newGroups = assign(now);
        rule.rebind(now, grown);
        groupOf = newGroups;
        parameters = now;
    }

    private Parameters swapped(List<Resized> grown) {
        List<Tensor> leaves = new ArrayList<>(List.of(parameters.tensors()));
        for (Resized r : grown) {
            int at = -1;
            for (int i = 0; i < leaves.size(); i++) {
                at = leaves.get(i) == r.before() ? i : at;
            }
            if (at >= 0) {
                leaves.set(at, r.after());
            }
        }
        return new Parameters(parameters.meta(), leaves);
    }

    @Override
    public State state() {
        State s = new State().put("steps", steps).put("skipped", skipped).put("rule", rule);
        for (int i = 0; i < transforms.size(); i++) {
            s.put("transform." + i, transforms.get(i));
        }
        for (int i = 0; i < groups.size(); i++) {
            s.put("schedule." + i, groups.get(i).factor());
        }
        return s;
    }

    @Override
    public void load(State saved) {
        long newSteps = saved.integer("steps");
        long newSkipped = saved.integer("skipped");
        List<Stateful> parts = new ArrayList<>();
        List<State> states = new ArrayList<>();
        parts.add(rule);
        states.add(saved.child("rule"));
        for (int i = 0; i < transforms.size(); i++) {
            parts.add(transforms.get(i));
            states.add(saved.child("transform." + i));
        }
        for (int i = 0; i < groups.size(); i++) {
            parts.add(groups.get(i).factor());
            states.add(saved.child("schedule." + i));
        }
        Snapshot before = Snapshot.of(parts.toArray(new Stateful[0]));
        try {
            for (int i = 0; i < parts.size(); i++) {
                parts.get(i).load(states.get(i));
            }
        } catch (RuntimeException e) {
            before.restore(parts.toArray(new Stateful[0]));
            throw e;
        }
        steps = newSteps;
        skipped = newSkipped;
    }

    private ParamGroup[] assign(Parameters p) {
        ParamGroup[] of = new ParamGroup[p.size()];
        for (int i = 0; i < of.length; i++) {
            ParamMeta meta = p.meta().get(i);
            of[i] = groups.stream()
                    .filter(g -> g.of().test(meta))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("No parameter group claims leaf '" + meta.name()
                            + "'.\nMaybe a last group for all other leaves is missing."));
        }
        return of;
    }

    private void requireAligned(ParamVector g) {
        if (g.of() == parameters) {
            return;
        }
        boolean same = g.size() == parameters.size();
        for (int i = 0; same && i < g.size(); i++) {
            same = g.of().get(i) == parameters.get(i);
        }
        if (!same) {
            throw new IllegalArgumentException("The gradient is over other leaves than this optimizer moves ("
                    + g.size() + " against " + parameters.size()
                    + ").\nMaybe a head grew: hand its Resized leaves to resize.");
        }
    }
}
