package dev.holdfast.select;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.select.QueryRule.Candidates;
import dev.holdfast.select.QueryRule.Context;
import dev.holdfast.select.QueryRule.Selected;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.hipparchus.optim.linear.LinearConstraint;
import org.hipparchus.optim.linear.LinearConstraintSet;
import org.hipparchus.optim.linear.LinearObjectiveFunction;
import org.hipparchus.optim.linear.NonNegativeConstraint;
import org.hipparchus.optim.linear.Relationship;
import org.hipparchus.optim.linear.SimplexSolver;
import org.hipparchus.optim.nonlinear.scalar.GoalType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What is known exactly of the game, of the draws and of the rules. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class QueryRulesTest {
    private static double[] gains(int seed, int n) {
        Rng rng = Rng.of(seed).child("gains");
        return DoubleStream.generate(() -> 0.01 + 0.99 * rng.next()).limit(n).toArray();
    }

    private static Tensor probabilities(int seed, int n) {
        return Rng.of(seed).child("p").normal(ScalarType.Double, n, 4).softmax(1);
    }

    private static Candidates candidates(int seed, int n) {
        return Candidates.of(probabilities(seed, n), Rng.of(seed).child("x").normal(ScalarType.Double, n, 3));
    }

    /** The game as a linear program: maximise v, one constraint for every set of m wrong answers. */
    private static double program(double[] g, int m, double kappa) {
        int n = g.length;
        List<LinearConstraint> all = new java.util.ArrayList<>();
        double[] sum = new double[n + 2];
        Arrays.fill(sum, 0, n, 1);
        all.add(new LinearConstraint(sum, Relationship.EQ, 1));
        for (int set = 0; set < 1 << n; set++) {
            if (Integer.bitCount(set) == m) {
                double[] row = new double[n + 2];
                for (int i = 0; i < n; i++) {
                    row[i] = -g[i] * (1 - kappa * (set >> i & 1));
                }
                row[n] = 1;
                row[n + 1] = -1;
                all.add(new LinearConstraint(row, Relationship.LEQ, 0));
            }
        }
        double[] goal = new double[n + 2];
        goal[n] = 1;
        goal[n + 1] = -1;
        return new SimplexSolver()
                .optimize(
                        new LinearObjectiveFunction(goal, 0),
                        new LinearConstraintSet(all),
                        GoalType.MAXIMIZE,
                        new NonNegativeConstraint(true))
                .getValue();
    }

    @Property(tries = 40)
    void theClosedFormIsTheLinearProgram(
            @ForAll int seed,
            @ForAll @IntRange(min = 3, max = 8) int n,
            @ForAll @IntRange(min = 0, max = 3) int m,
            @ForAll @DoubleRange(min = 0.5, max = 2) double kappa) {
        double[] g = gains(seed, n);
        SamplingGame game = SamplingGame.solve(g, Math.min(m, n), kappa);
        assertThat(Arrays.stream(game.p()).sum()).isCloseTo(1, within(1e-12));
        assertThat(game.value()).isCloseTo(SamplingGame.worst(game.p(), g, Math.min(m, n), kappa), within(1e-12));
        if (game.hedged()) {
            assertThat(game.value()).isCloseTo(program(g, Math.min(m, n), kappa), within(1e-8));
            double[] stakes = IntStream.range(0, n)
                    .filter(i -> game.p()[i] > 0)
                    .mapToDouble(i -> game.p()[i] * g[i])
                    .toArray();
            assertThat(stakes).hasSize(game.prefix());
            assertThat(Arrays.stream(stakes).max().orElseThrow())
                    .isCloseTo(Arrays.stream(stakes).min().orElseThrow(), within(1e-12));
            double[] uniform = new double[n];
            Arrays.fill(uniform, 1. / n);
            assertThat(game.value())
                    .isGreaterThanOrEqualTo(SamplingGame.worst(uniform, g, Math.min(m, n), kappa) - 1e-12);
        }
    }

    @Property(tries = 40)
    void scalingGainsScalesTheValueAndMoreMistakesLengthenThePrefix(
            @ForAll int seed, @ForAll @DoubleRange(min = 0.1, max = 10) double c) {
        double[] g = gains(seed, 30);
        SamplingGame game = SamplingGame.solve(g, 4, 2);
        SamplingGame scaled =
                SamplingGame.solve(Arrays.stream(g).map(x -> c * x).toArray(), 4, 2);
        assertThat(scaled.p()).containsExactly(game.p(), within(1e-12));
        assertThat(scaled.value()).isCloseTo(c * game.value(), within(1e-12));
        int before = 0;
        for (int m = 0; m < 15; m++) {
            int prefix = SamplingGame.solve(g, m, 2).prefix();
            assertThat(prefix).isGreaterThanOrEqualTo(before);
            before = prefix;
        }
    }

    @Test
    void limitsOfTheGame() {
        double[] g = {0.2, 0.9, 0.9, 0};
        assertThat(SamplingGame.solve(g, 0, 2).p()).containsExactly(0, 1, 0, 0);
        assertThat(SamplingGame.solve(new double[] {0.4, 0.4, 0.4, 0.4}, 1, 2).p())
                .containsExactly(new double[] {0.25, 0.25, 0.25, 0.25}, within(1e-15));
        for (SamplingGame none : List.of(SamplingGame.solve(new double[4], 1, 1), SamplingGame.solve(g, 3, 1))) {
            assertThat(none.hedged()).isFalse();
            assertThat(none.p()).containsExactly(0.25, 0.25, 0.25, 0.25);
        }
    }

    @Property(tries = 60)
    void chancesSumToTheBudgetAndDrawsHitAsMany(
            @ForAll int seed,
            @ForAll @IntRange(min = 1, max = 20) int budget,
            @ForAll @DoubleRange(max = 0.99) double u) {
        double[] g = gains(seed, 20);
        double[] p = SamplingGame.solve(g, 3, 2).p();
        double[] q = SystematicDraw.inclusion(p, g, budget);
        assertThat(Arrays.stream(q).sum()).isCloseTo(budget, within(1e-9));
        assertThat(Arrays.stream(q)).allMatch(x -> x >= 0 && x <= 1);
        assertThat(SystematicDraw.draw(q, u)).hasSize(budget).doesNotHaveDuplicates();
    }

    @Test
    void drawsComeAsOftenAsStated() {
        double[] q = {0.5, 1, 0.25, 0.75, 0.5};
        int times = 10_000;
        double[] hits = new double[q.length];
        Rng rng = Rng.of(7);
        for (int t = 0; t < times; t++) {
            for (int i : SystematicDraw.draw(q, rng.next())) {
                hits[i]++;
            }
        }
        double chi = 0;
        for (int i = 0; i < q.length; i++) {
            if (q[i] < 1) {
                chi += Math.pow(hits[i] - q[i] * times, 2) / (q[i] * (1 - q[i]) * times);
            }
        }
        assertThat(hits[1]).isEqualTo(times);
        // 99.9 % point of chi-square with four degrees of freedom
        assertThat(chi).isLessThan(18.5);
    }

    @Test
    void mistakesAreCountedUpAndLimitsAreThoseOfTheBinomial() {
        assertThat(TeacherError.mistakes(0.3, 10)).isEqualTo(3);
        assertThat(TeacherError.mistakes(0.301, 10)).isEqualTo(4);
        assertThat(TeacherError.mistakes(0, 10)).isZero();
        assertThat(TeacherError.of(3, 12)).isEqualTo(0.25);
        // none wrong among n: the limit solves (1 - e)^n = 0.05
        assertThat(TeacherError.upper(0, 20, 0.95)).isCloseTo(1 - Math.pow(0.05, 1 / 20.), within(1e-9));
        assertThat(TeacherError.upper(20, 20, 0.95)).isEqualTo(1);
    }

    @Test
    void everyRuleChoosesAsManyOfThoseThatAreLeft() {
        Candidates c = candidates(3, 40);
        Context context = new Context(0.2, Set.of(0, 5, 39), Rng.of(1));
        for (QueryRule r : List.of(
                new RobustQuery(),
                new GreedyQuery(Informativeness.ENTROPY),
                new UniformQuery(),
                new KCentre(),
                new ClusterMargin(2, 6))) {
            for (int budget : new int[] {1, 10, 37}) {
                Selected s = r.select(c, budget, context);
                assertThat(s.rows())
                        .as("%s", r)
                        .hasSize(budget)
                        .doesNotHaveDuplicates()
                        .doesNotContain(0, 5, 39);
                assertThat(r.select(c, budget, context).rows())
                        .as("%s again", r)
                        .containsExactly(s.rows());
                if (s.inclusion() != null) {
                    assertThat(Arrays.stream(s.inclusion()).sum()).isCloseTo(budget, within(1e-9));
                    assertThat(s.inclusion()[5]).isZero();
                }
            }
        }
    }

    @Test
    void marginSamplingTakesTheSmallestMargins() {
        Tensor p = Tensors.of(new double[][] {{0.9, 0.1}, {0.5, 0.5}, {0.6, 0.4}, {0.55, 0.45}});
        Selected s = new GreedyQuery(Informativeness.MARGIN)
                .select(Candidates.of(p, null), 2, new Context(Double.NaN, Set.of(1), Rng.of(1)));
        assertThat(s.rows()).containsExactly(3, 2);
    }

    @Test
    void centresAreFarthestFromWhatIsKnown() {
        Tensor x = Tensors.of(new double[][] {{0}, {1}, {10}, {4}, {10.5}});
        Candidates c = new Candidates(5, null, x);
        assertThat(new KCentre()
                        .select(c, 2, new Context(Double.NaN, Set.of(0), Rng.of(1)))
                        .rows())
                .containsExactly(4, 3);
        // nothing known: first the row nearest to the mean 5.1
        assertThat(new KCentre().select(c, 2, Context.of(Rng.of(1))).rows()).containsExactly(3, 4);
    }

    @Test
    void aTeacherIsPaidOnceForEveryRowAndNotBeyondItsBudget() {
        int[] calls = {0};
        try (QueriedTeacher t = new QueriedTeacher(
                ids -> {
                    calls[0] += ids.length;
                    return Tensors.of(Arrays.stream(ids)
                            .mapToObj(i -> new double[] {i, 1})
                            .toArray(double[][]::new));
                },
                3)) {
            assertThat(Tensors.rows(t.ask(5, 7, 5))).isDeepEqualTo(new double[][] {{5, 1}, {7, 1}, {5, 1}});
            assertThat(t.asked()).isEqualTo(2);
            t.ask(7);
            assertThat(calls[0]).isEqualTo(2);
            assertThatThrownBy(() -> t.ask(1, 2)).hasMessageContaining("2 new rows, but only 1 of its 3");
            assertThat(t.asked()).isEqualTo(2);
            assertThatThrownBy(t::ask).hasMessageContaining("no row");
        }
        assertThatThrownBy(() -> new QueriedTeacher(ids -> null, 0)).hasMessageContaining(">= 1");
    }

    @Test
    void badInputIsRefused() {
        Candidates c = candidates(1, 5);
        Context none = Context.of(Rng.of(1));
        assertThatThrownBy(() -> new RobustQuery().select(c, 2, none))
                .hasMessageContaining("measured on labelled rows");
        assertThatThrownBy(() -> new UniformQuery().select(c, 6, none)).hasMessageContaining("A budget of 6");
        assertThatThrownBy(() -> new UniformQuery().select(c, 0, none)).hasMessageContaining("A budget of 0");
        assertThatThrownBy(() -> new UniformQuery().select(c, 1, new Context(0, Set.of(9), Rng.of(1))))
                .hasMessageContaining("Position 9");
        assertThatThrownBy(() -> new Context(1.5, Set.of(), Rng.of(1))).hasMessageContaining("[0, 1]");
        assertThatThrownBy(() -> new KCentre().select(Candidates.of(4), 1, none))
                .hasMessageContaining("features");
        Tensor logits = Tensors.of(new double[][] {{2, -1}});
        Tensor nan = Tensors.of(new double[][] {{Double.NaN, 1}});
        assertThatThrownBy(() -> Informativeness.MARGIN.of(logits)).hasMessageContaining("Maybe these are logits");
        assertThatThrownBy(() -> Informativeness.MARGIN.of(nan)).hasMessageContaining("The student's probabilities");
        assertThatThrownBy(() -> Informativeness.MARGIN.of(null)).hasMessageContaining("there are none");
        assertThatThrownBy(() -> SamplingGame.solve(new double[] {0.1, -1}, 1, 1))
                .hasMessageContaining("gain of row 1");
        assertThatThrownBy(() -> SamplingGame.solve(new double[] {0.1}, 2, 1)).hasMessageContaining("wrong answers");
        assertThatThrownBy(() -> SamplingGame.solve(new double[] {0.1}, 1, 0)).hasMessageContaining("kappa");
        assertThatThrownBy(() -> new RobustQuery(Informativeness.MARGIN, -1)).hasMessageContaining("kappa");
        assertThatThrownBy(() -> SystematicDraw.draw(new double[] {0.5, 0.2}, 0))
                .hasMessageContaining("whole number");
        assertThatThrownBy(() -> SystematicDraw.draw(new double[] {1}, 1)).hasMessageContaining("u must be");
        assertThatThrownBy(() -> TeacherError.of(3, 2)).hasMessageContaining("3 of 2");
        assertThatThrownBy(() -> new ClusterMargin(0, 1)).hasMessageContaining("spare");
    }
}
