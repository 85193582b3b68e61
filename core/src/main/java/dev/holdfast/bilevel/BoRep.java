package dev.holdfast.bilevel;

import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.optim.rule.NormalizedMomentum;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * BO-REP: bilevel optimisation with normalised momentum above, and an initialization refinement and periodic updates below.
 * Because every move of x has one length, the minimum of the lower loss drifts by a known amount, and y needs to follow only
 * now and then; steep places of f cannot throw x far away.
 *
 * <p>Hao et al.: <i>Bilevel Optimization under Unbounded Smoothness: A New Algorithm and Convergence Analysis</i>, arXiv
 * 2401.09587. Moves the leaves of the problem in place; one thread at a time.
 *
 * @param <B> what a loss is evaluated on
 */
public final class BoRep<B> {
    private static final int BOUND_STEPS = 10;
    private static final double BOUND_MARGIN = 1.1;
    private static final long BOUND_PERIOD = 100;
    private static final double DAMPING = 1e-3;

    private final BilevelProblem<B> problem;
    private final BoRepConfig config;
    private final Draws<B> draws;
    private final UpdateRule rule;
    private final List<String> warnings = new ArrayList<>();
    private InverseHvp solver;
    private Tensor z;
    private long steps;
    private long skipped;
    private long gradients;
    private long products;

    /**
     * What an outer step did.
     *
     * @param step number of the step, from 0
     * @param hypergradientNorm length of the hypergradient; not finite where the step was skipped
     * @param lowerGradientNorm length of dg/dy on one batch, after the lower update
     * @param skipped whether x stayed where it was because the hypergradient was not finite
     */
    public record Outer(long step, double hypergradientNorm, double lowerGradientNorm, boolean skipped) {}

    /** Draws come from the problem. */
    public BoRep(BilevelProblem<B> problem, BoRepConfig config, Rng rng) {
        this(problem, config, Draws.of(problem, rng));
    }

    public BoRep(BilevelProblem<B> problem, BoRepConfig config, Draws<B> draws) {
        if (problem.upper().count() == 0 || problem.lower().count() == 0) {
            throw new IllegalArgumentException("A bilevel problem needs upper and lower variables but has "
                    + problem.upper().count() + " and " + problem.lower().count() + " numbers.");
        }
        this.problem = problem;
        this.config = config;
        this.draws = draws;
        this.rule = config.normalized()
                ? new NormalizedMomentum(problem.upper(), config.beta(), config.momentumFromFirst())
                : plain(problem, config);
        this.solver = config.solver();
    }

    /** The same momentum without a norm. */
    private static UpdateRule plain(BilevelProblem<?> p, BoRepConfig c) {
        Sgd rule = new Sgd(p.upper(), c.beta(), c.beta(), false);
        if (c.beta() > 0 && !c.momentumFromFirst()) {
            // Sgd's buffer starts as the first direction: give it a zero one
            try (Scope s = Scope.open()) {
                rule.direction(p.upper().values().times(0), null);
            }
        }
        return rule;
    }

    /** One outer step; the first one refines y before. Opens its own scope. */
    public Outer advance() {
        long t = steps;
        if (t == 0) {
            config.refinement().run(problem, draws::refinement);
            gradients += config.refinement().budget();
        }
        BoRepConfig.Lower lower = config.lower();
        if (t % lower.period() == 0 && (t > 0 || lower.atStart())) {
            LowerSteps.run(
                    problem, k -> draws.inner(t, k), lower.steps(), lower.rate(), lower.radius(), lower.average());
            gradients += lower.steps();
        }
        try (Scope s = Scope.open()) {
            bound(t);
            Hypergradient found = Hypergradient.of(problem, draws.upper(t), q -> draws.curvature(t, q), solver, z);
            gradients += 3;
            products += found.products();
            steps++;
            double norm = found.h().norm();
            if (!Double.isFinite(norm) || !Tensors.finite(found.v())) {
                skipped++;
                return new Outer(t, norm, found.lowerGradientNorm(), true);
            }
            if (solver instanceof InverseHvp.ZStep) {
                remember(found.v());
            }
            ParamVector u = rule.direction(found.h(), new StepContext(t, problem.upper(), rule.moments(), null));
            problem.upper().add(-config.outerRate() * config.schedule().at(t), u);
            return new Outer(t, norm, found.lowerGradientNorm(), false);
        }
    }

    /** So many outer steps. */
    public List<Outer> run(long outerSteps) {
        List<Outer> log = new ArrayList<>();
        for (long t = 0; t < outerSteps; t++) {
            log.add(advance());
        }
        return log;
    }

    private void remember(Tensor v) {
        if (z == null) {
            z = Scope.own(v.clone());
        } else {
            z.copy_(v);
        }
    }

    /** Where the series has no bound of the curvature, it is estimated now and then; the largest found so far counts. */
    private void bound(long t) {
        if (!(config.solver() instanceof InverseHvp.Neumann series) || series.ell() > 0 || t % BOUND_PERIOD != 0) {
            return;
        }
        try (Scope s = Scope.open()) {
            Hypergradient.Curvature<B> h = new Hypergradient.Curvature<>(problem, q -> draws.curvature(t, q), false);
            Tensor like = problem.lower().get(0);
            Tensor start = Rng.of(t).child("curvature").normal(like.scalar_type(), h.size());
            Lanczos.Result ritz = new Lanczos(BOUND_STEPS, 0).run(h, start);
            products += h.products;
            double before = solver instanceof InverseHvp.Neumann n ? n.ell() : 0;
            double ell = Math.max(before, BOUND_MARGIN * ritz.largest());
            if (!(ritz.smallest() > 0)) {
                double damping = -ritz.smallest() * BOUND_MARGIN + DAMPING * Math.max(ritz.largest(), DAMPING);
                solver = new InverseHvp.ConjugateGradient(DAMPING, series.terms(), damping);
                warnings.add("In step " + t + " the lower loss has the curvature " + ritz.smallest()
                        + ", so it has no single minimum; conjugate gradients with damping " + damping
                        + " take the place of the series.");
            } else {
                solver = new InverseHvp.Neumann(series.terms(), ell);
            }
        }
    }

    /** Starts the followed linear system of {@link InverseHvp.ZStep} here [d] instead of at zero. */
    public void startSystemAt(Tensor start) {
        Tensors.requireShape(
                "start of the linear system", start, problem.lower().count());
        remember(start);
    }

    /** The followed linear system's present solution [d]; null before the first step and for other solvers. */
    public Tensor system() {
        return z;
    }

    /** The momentum of the upper variables; live. */
    public ParamVector momentum() {
        return rule.moments().get("momentum");
    }

    /** Steps whose hypergradient was not finite. */
    public long skipped() {
        return skipped;
    }

    /** Gradients taken so far, each of one batch. */
    public long gradients() {
        return gradients;
    }

    /** Products with second derivatives taken so far, each of one batch. */
    public long products() {
        return products;
    }

    /** What was odd, in sentences. */
    public List<String> warnings() {
        return List.copyOf(warnings);
    }

    /** The solver in use, with its bound where that was estimated. */
    public InverseHvp solver() {
        return solver;
    }
}
