package dev.holdfast.bilevel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.Leaves;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.rule.NormalizedMomentum;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BoRepTest {
    private static final Offset<Double> ROUNDING = within(1e-9);

    private Scope memory;

    @BeforeEach
    void open() {
        memory = Scope.open();
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private static Quadratic problem(double scale) {
        Rng rng = Rng.of(5);
        Tensor m = rng.normal(ScalarType.Double, 4, 4);
        Tensor a = m.matmul(m.t()).mul(Tensors.scalar(0.3));
        a.diagonal().add_(Tensors.scalar(0.5));
        return new Quadratic(
                a,
                rng.normal(ScalarType.Double, 4, 3),
                rng.normal(ScalarType.Double, 4),
                rng.normal(ScalarType.Double, 3),
                rng.normal(ScalarType.Double, 4),
                scale);
    }

    private static void atMinimum(Quadratic p) {
        p.lower().assign(new ParamVector(p.lower(), new Tensor[] {p.best()}));
    }

    private static Hypergradient at(Quadratic p, InverseHvp solver) {
        return Hypergradient.of(p, null, q -> null, solver, null);
    }

    /** Every solver finds the slope of the value after exact training, as finite differences see it. */
    @Test
    void hypergradientsAreTheSlopeOfTheTrainedValue() {
        Quadratic p = problem(1);
        double[] slope = new double[3];
        double e = 1e-5;
        for (int i = 0; i < 3; i++) {
            Tensor unit = Tensors.zeros(ScalarType.Double, 3);
            unit.select(0, i).fill_(Tensors.scalar(1));
            ParamVector d = new ParamVector(p.upper(), new Tensor[] {unit});
            p.upper().add(e, d);
            double up = p.value();
            p.upper().add(-2 * e, d);
            double down = p.value();
            p.upper().add(e, d);
            slope[i] = (up - down) / (2 * e);
        }
        atMinimum(p);
        for (InverseHvp solver : List.of(
                new InverseHvp.Exact(), new InverseHvp.ConjugateGradient(0, 50, 0), new InverseHvp.Neumann(3000, 10))) {
            assertThat(Tensors.doubles(at(p, solver).h().flat()))
                    .as("%s", solver)
                    .containsExactly(slope, within(1e-7));
        }
    }

    @Test
    void neumannKeepsItsBoundAndConjugateGradientsEqualTheExactSolution() {
        Quadratic p = problem(1);
        double[] eigen = Tensors.doubles(
                dev.holdfast.tensor.linalg.LinearAlgebra.eigh(p.a()).values());
        double mu = eigen[0];
        double ell = eigen[3] * 1.2;
        Tensor exact = at(p, new InverseHvp.Exact()).v();
        double length = Tensors.item(p.y().detach().sub(p.c()).norm());
        for (int terms : new int[] {1, 2, 5, 20, 100}) {
            Tensor v = at(p, new InverseHvp.Neumann(terms, ell)).v();
            assertThat(Tensors.item(v.sub(exact).norm()))
                    .isLessThanOrEqualTo(Math.pow(1 - mu / ell, terms) / mu * length + 1e-12);
        }
        assertThat(Tensors.doubles(
                        at(p, new InverseHvp.ConjugateGradient(0, 50, 0)).v()))
                .containsExactly(Tensors.doubles(exact), ROUNDING);
        // the solution is where a z-step stands still
        Tensor z = Hypergradient.of(p, null, q -> null, new InverseHvp.ZStep(0.1), exact)
                .v();
        assertThat(Tensors.doubles(z)).containsExactly(Tensors.doubles(exact), ROUNDING);
    }

    private static BoRepConfig plain(double rate) {
        return BoRepConfig.boRep(rate, 0.05).withRefinement(EpochSgd.none());
    }

    /** Every move has the length of the rate, and a loss counted in other units leads the same way. */
    @Test
    void movesByTheRateWhateverTheScaleOfTheUpperLoss() {
        Quadratic one = problem(1);
        Quadratic large = problem(1000);
        BoRep<Tensor> a = new BoRep<>(one, plain(0.02), Rng.of(1));
        BoRep<Tensor> b = new BoRep<>(large, plain(0.02), Rng.of(1));
        for (int t = 0; t < 20; t++) {
            Tensor before = one.x().detach().clone();
            a.advance();
            b.advance();
            assertThat(Tensors.item(one.x().detach().sub(before).norm())).isCloseTo(0.02, ROUNDING);
            assertThat(Tensors.doubles(one.x().detach()))
                    .containsExactly(Tensors.doubles(large.x().detach()), ROUNDING);
        }
    }

    /** Without period, ball, average and momentum, BO-REP is StocBiO with moves of unit length, step by step. */
    @Test
    void withoutItsPartsItIsNormalisedStocBio() {
        BoRepConfig.Lower everyStep = new BoRepConfig.Lower(0.05, 1, 1, Double.POSITIVE_INFINITY, false, true);
        Quadratic p = problem(1);
        Quadratic q = problem(1);
        BoRep<Tensor> run = new BoRep<>(
                p,
                plain(0.02).withLower(everyStep).withMomentum(0, true).withSolver(new InverseHvp.Neumann(10, 10)),
                Rng.of(1));
        for (int t = 0; t < 5; t++) {
            run.advance();
            LowerSteps.run(q, k -> null, 1, 0.05, Double.POSITIVE_INFINITY, false);
            ParamVector h = at(q, new InverseHvp.Neumann(10, 10)).h();
            q.upper().add(-0.02 / h.norm(), h);
            assertThat(Tensors.doubles(p.x().detach())).containsExactly(Tensors.doubles(q.x().detach()), ROUNDING);
        }
    }

    @Test
    void noLowerIterateLeavesItsBall() {
        for (int steps = 1; steps <= 30; steps++) {
            Quadratic p = problem(1);
            Tensor before = p.y().detach().clone();
            LowerSteps.run(p, k -> null, steps, 0.1, 0.25, false);
            double length = Tensors.item(p.y().detach().sub(before).norm());
            assertThat(length).isLessThanOrEqualTo(0.25 + 1e-12);
            // the minimum is farther away than the ball reaches, so the last iterate is on its surface
            if (steps == 30) {
                assertThat(length).isCloseTo(0.25, ROUNDING);
            }
        }
    }

    @Test
    void refinementComesCloserThanNothingAndEveryVariantDescends() {
        for (BoRepConfig c : List.of(
                BoRepConfig.boRep(0.02, 0.1),
                BoRepConfig.zStep(0.02, 0.1).withSolver(new InverseHvp.ZStep(0.1)),
                BoRepConfig.stocBio(0.02, 0.1),
                BoRepConfig.maSoba(0.003, 0.05),
                plain(0.02).withSolver(new InverseHvp.ConjugateGradient(1e-6, 20, 0)))) {
            Quadratic p = problem(1);
            double before = p.value();
            BoRep<Tensor> run = new BoRep<>(p, c, Rng.of(2));
            List<BoRep.Outer> log = run.run(150);
            assertThat(p.value()).as("%s", c).isLessThan(before - 0.1);
            assertThat(log).hasSize(150).noneMatch(BoRep.Outer::skipped);
            assertThat(run.gradients()).isPositive();
            assertThat(run.products()).isPositive();
        }
        Quadratic p = problem(1);
        double far = Tensors.item(p.y().detach().sub(p.best()).norm());
        new EpochSgd(0.1, 10, 10, 150).run(p, k -> null);
        assertThat(Tensors.item(p.y().detach().sub(p.best()).norm())).isLessThan(0.5 * far);
    }

    /** f of x alone: its gradient; neither loss with x: refused. */
    @Test
    void whatDoesNotDependOnTheLowerVariablesHasAPlainGradient() {
        Quadratic p = problem(1);
        Hypergradient h = Hypergradient.of(onlyUpper(p, true), null, q -> null, new InverseHvp.Exact(), null);
        assertThat(Tensors.doubles(h.h().flat()))
                .containsExactly(Tensors.doubles(p.x().detach().sinh()), ROUNDING);
        assertThatThrownBy(() -> Hypergradient.of(onlyUpper(p, false), null, q -> null, new InverseHvp.Exact(), null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("nothing to tune");
    }

    private static BilevelProblem<Tensor> onlyUpper(Quadratic p, boolean upperInF) {
        return new BilevelProblem<>() {
            @Override
            public Parameters upper() {
                return p.upper();
            }

            @Override
            public Parameters lower() {
                return p.lower();
            }

            @Override
            public Tensor lowerLoss(Tensor batch) {
                return p.y().dot(p.y());
            }

            @Override
            public Tensor upperLoss(Tensor batch) {
                return upperInF ? p.x().cosh().sum() : p.y().sum();
            }

            @Override
            public Tensor lowerBatch(Rng rng) {
                return null;
            }

            @Override
            public Tensor upperBatch(Rng rng) {
                return null;
            }
        };
    }

    /** A bound below the curvature makes the series grow, which ends with words; an unstated one is found. */
    @Test
    void theSeriesKnowsItsBound() {
        Quadratic p = problem(1);
        assertThatThrownBy(() -> at(p, new InverseHvp.Neumann(50, 0.2)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("diverges")
                .hasMessageContaining("0.2");
        BoRep<Tensor> run = new BoRep<>(p, plain(0.01), Rng.of(1));
        run.advance();
        double top = Tensors.item(
                dev.holdfast.tensor.linalg.LinearAlgebra.eigh(p.a()).values().max());
        assertThat(((InverseHvp.Neumann) run.solver()).ell()).isCloseTo(1.1 * top, within(1e-6 * top));
    }

    /** A lower loss that curves down has no minimum: said once, and the step is taken with damping. */
    @Test
    void aLowerLossWithoutAMinimumIsWarnedOf() {
        Quadratic good = problem(1);
        Tensor a = good.a().clone();
        a.diagonal().sub_(Tensors.scalar(1.5));
        Quadratic p = new Quadratic(a, good.b(), good.c(), good.x(), good.y(), 1);
        BoRep<Tensor> run = new BoRep<>(p, plain(0.01), Rng.of(1));
        assertThat(run.advance().skipped()).isFalse();
        assertThat(run.warnings()).singleElement().asString().contains("curvature", "damping");
        assertThat(run.solver()).isInstanceOf(InverseHvp.ConjugateGradient.class);
    }

    @Test
    void aHypergradientThatIsNotFiniteMovesNothing() {
        Quadratic p = problem(1);
        Tensor before = p.x().detach().clone();
        BoRep<Tensor> run = new BoRep<>(p, plain(0.01).withSolver(new InverseHvp.Exact()), new Draws<>() {
            @Override
            public Tensor refinement(int k) {
                return null;
            }

            @Override
            public Tensor inner(long t, int k) {
                return null;
            }

            @Override
            public Tensor curvature(long t, int q) {
                return null;
            }

            @Override
            public Tensor upper(long t) {
                return t == 0 ? Tensors.of(new double[] {0, Double.NaN, 0}, 3) : null;
            }
        });
        assertThat(run.advance().skipped()).isTrue();
        assertThat(Tensors.doubles(p.x().detach())).containsExactly(Tensors.doubles(before));
        assertThat(run.advance().skipped()).isFalse();
        assertThat(run.skipped()).isEqualTo(1);
    }

    /** One norm over all leaves; no gradient, no move; a copy goes its own way. */
    @Test
    void normalisedMomentumIsAnUpdateRule() {
        Parameters p = Leaves.weightAndBias(1);
        StepContext c = new StepContext(0, p, Map.of(), null);
        NormalizedMomentum rule = new NormalizedMomentum(p, 0.9, false);
        ParamVector zero = p.values().times(0);
        assertThat(Leaves.flat(rule.direction(zero, c))).containsOnly(0);
        ParamVector g = Leaves.gradient(p, 2);
        ParamVector first = rule.direction(g, c);
        assertThat(first.norm()).isCloseTo(1, ROUNDING);
        assertThat(Leaves.flat(first)).containsExactly(Leaves.flat(g.times(1 / g.norm())), ROUNDING);
        NormalizedMomentum restored = new NormalizedMomentum(p, 0.9, false);
        restored.load(rule.state());
        ParamVector other = Leaves.gradient(p, 3);
        double[] next = Leaves.flat(rule.direction(other, c));
        assertThat(Leaves.flat(restored.direction(other, c))).containsExactly(next);
        double[] expected = Leaves.flat(g.times(0.09).plus(0.1, other));
        double norm = g.times(0.09).plus(0.1, other).norm();
        for (int i = 0; i < next.length; i++) {
            assertThat(next[i]).isCloseTo(expected[i] / norm, ROUNDING);
        }
    }

    @Test
    void refusesSettingsThatMeanNothing() {
        for (Runnable bad : List.<Runnable>of(
                () -> new BoRepConfig.Lower(0.1, 0, 1, 1, true, true),
                () -> new BoRepConfig.Lower(0.1, 1, 0, 1, true, true),
                () -> new BoRepConfig.Lower(0.1, 1, 1, 0, true, true),
                () -> BoRepConfig.boRep(0, 0.1),
                () -> plain(0.1).withMomentum(1, true),
                () -> new InverseHvp.Neumann(0, 1),
                () -> new InverseHvp.ZStep(0),
                () -> new InverseHvp.ConjugateGradient(0, 1, -1),
                () -> new EpochSgd(0.1, 0, 1, 1),
                () -> new NormalizedMomentum(Leaves.weightAndBias(1), 1, true))) {
            assertThatThrownBy(bad::run)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageMatching("(?s).*-?\\d.*");
        }
    }
}
