package dev.holdfast.loss.robust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.SampleTable;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What is known exactly of the label-distributionally robust losses and their rivals. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class LdrTest {
    private static final int N = 6;

    private static Tensor scores(int seed, int classes) {
        Tensor f = Rng.of(seed)
                .child("scores")
                .normal(ScalarType.Double, N, classes)
                .mul(Tensors.scalar(2));
        f.set_requires_grad(true);
        return f;
    }

    private static LossInput input(Tensor f, long... y) {
        return new LossInput(
                f,
                Target.ClassIds.of(y),
                Rows.of(LongStream.range(100, 100 + y.length).toArray()),
                ClassIndex.numbered((int) f.size(1)));
    }

    private static long[] labels(int seed, int classes) {
        Rng rng = Rng.of(seed).child("labels");
        return LongStream.generate(() -> rng.below(classes)).limit(N).toArray();
    }

    private static double[] each(Loss l, LossInput in) {
        return Tensors.doubles(l.value(in).perSample());
    }

    private static Tensor gradient(Loss l, LossInput in) {
        Parameters leaf =
                new Parameters(List.of(new ParamMeta("f", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(in.scores()));
        return Autograd.grad(l.value(in).perSample().sum(), leaf, false).get(0);
    }

    private static LdrKl ldrKl(double lambda, double margin) {
        return new LdrKl(lambda, margin, ScoreScale.NONE);
    }

    /** delta_k by hand, ascending. */
    private static double[][] deltas(LossInput in, double margin) {
        double[][] f = Tensors.rows(in.scores());
        long[] y = Tensors.longs(((Target.ClassIds) in.target()).ids());
        for (int i = 0; i < f.length; i++) {
            double own = f[i][(int) y[i]];
            for (int k = 0; k < f[i].length; k++) {
                f[i][k] = k == y[i] ? 0 : f[i][k] - own + margin;
            }
            Arrays.sort(f[i]);
        }
        return f;
    }

    @Property(tries = 20)
    void withoutMarginAndScaleItIsCrossEntropy(@ForAll int seed, @ForAll @IntRange(min = 2, max = 9) int k) {
        LossInput in = input(scores(seed, k), labels(seed, k));
        double[] ce = each(new CrossEntropy(), in);
        double[] psi = each(ldrKl(1, 0), in);
        for (int i = 0; i < N; i++) {
            assertThat(psi[i]).isCloseTo(ce[i] - Math.log(k), within(1e-12));
        }
        assertThat(Tensors.doubles(gradient(ldrKl(1, 0), in)))
                .containsExactly(Tensors.doubles(gradient(new CrossEntropy(), in)), within(1e-12));
    }

    @Property(tries = 20)
    void itGoesFromTheLargestMarginToTheMean(
            @ForAll int seed, @ForAll @IntRange(min = 2, max = 9) int k, @ForAll @DoubleRange(max = 2) double margin) {
        LossInput in = input(scores(seed, k), labels(seed, k));
        double[] worst = each(new MarginLoss(MarginLoss.Rivals.WORST, margin), in);
        double[] cold = each(ldrKl(1e-3, margin), in);
        double[] hot = each(ldrKl(1e7, margin), in);
        double[][] d = deltas(in, margin);
        for (int i = 0; i < N; i++) {
            assertThat(worst[i]).isCloseTo(d[i][k - 1], within(1e-12));
            assertThat(worst[i] - cold[i]).isBetween(-1e-12, 1e-3 * Math.log(k) + 1e-12);
            assertThat(hot[i]).isCloseTo(Arrays.stream(d[i]).average().orElseThrow(), within(1e-4));
        }
    }

    @Property(tries = 20)
    void theMeanMarginIsSymmetricAndFiniteTemperaturesAreNot(@ForAll int seed) {
        int k = 5;
        Tensor f = scores(seed, k);
        double[] symmetric = new double[N];
        double[] finite = new double[N];
        for (long y = 0; y < k; y++) {
            long[] all = new long[N];
            Arrays.fill(all, y);
            double[] a = each(new LdrK(k, 0.1, ScoreScale.NONE), input(f, all));
            double[] b = each(ldrKl(1, 0.1), input(f, all));
            for (int i = 0; i < N; i++) {
                symmetric[i] += a[i];
                finite[i] += b[i];
            }
        }
        for (double s : symmetric) {
            assertThat(s).isCloseTo((k - 1) * 0.1, within(1e-12));
        }
        assertThat(Arrays.stream(finite).max().orElseThrow()
                        - Arrays.stream(finite).min().orElseThrow())
                .isGreaterThan(1e-3);
    }

    @Property(tries = 20)
    void theKLargestMarginsAreAveraged(@ForAll int seed, @ForAll @DoubleRange(max = 2) double margin) {
        int classes = 6;
        LossInput in = input(scores(seed, classes), labels(seed, classes));
        double[][] d = deltas(in, margin);
        for (int k = 1; k <= classes; k++) {
            double[] got = each(new LdrK(k, margin, ScoreScale.NONE), in);
            for (int i = 0; i < N; i++) {
                double mean =
                        Arrays.stream(d[i], classes - k, classes).average().orElseThrow();
                assertThat(got[i]).isCloseTo(mean, within(1e-12));
            }
        }
        assertThat(each(new LdrK(1, margin, ScoreScale.NONE), in))
                .containsExactly(each(new MarginLoss(MarginLoss.Rivals.WORST, margin), in), within(1e-12));
    }

    @Property(tries = 20)
    void shiftingAllScoresChangesNothingAndGradientsAddUpToZero(
            @ForAll int seed, @ForAll @DoubleRange(min = -50, max = 50) double shift) {
        int k = 5;
        Tensor f = scores(seed, k);
        long[] y = labels(seed, k);
        for (Loss l : List.of(ldrKl(0.5, 0.1), new LdrK(3, 0.1, ScoreScale.NONE))) {
            assertThat(each(l, input(f.add(Tensors.scalar(shift)), y)))
                    .containsExactly(each(l, input(f, y)), within(1e-11));
            assertThat(Tensors.doubles(gradient(l, input(f, y)).sum(1))).containsExactly(new double[N], within(1e-12));
        }
    }

    @Property(tries = 20)
    void itIsConvexInTheScores(@ForAll int seed, @ForAll @DoubleRange(max = 1) double t) {
        int k = 5;
        long[] y = labels(seed, k);
        Tensor a = scores(seed, k);
        Tensor b = scores(seed + 1, k);
        Tensor between = a.mul(Tensors.scalar(t)).add(b, Tensors.scalar(1 - t));
        for (Loss l : List.of(ldrKl(0.5, 0.1), new LdrK(2, 0.1, ScoreScale.NONE))) {
            double[] at = each(l, input(between, y));
            double[] left = each(l, input(a, y));
            double[] right = each(l, input(b, y));
            for (int i = 0; i < N; i++) {
                assertThat(at[i]).isLessThanOrEqualTo(t * left[i] + (1 - t) * right[i] + 1e-12);
            }
        }
    }

    @Test
    void scalesMakeTheSizeOneAndLeaveZerosAlone() {
        Tensor f = Tensors.of(new double[][] {{3, -1, 2}, {0, 0, 0}, {1e3, -1e3, 500}});
        double[][] l1 = Tensors.rows(ScoreScale.L1.of(f));
        assertThat(l1[0]).containsExactly(new double[] {1.5, -0.5, 1}, within(1e-12));
        assertThat(l1[1]).containsExactly(0, 0, 0);
        for (double[] row : Tensors.rows(ScoreScale.SOFTPLUS_MEAN.of(f))) {
            assertThat(Arrays.stream(row).average().orElseThrow()).isCloseTo(1, within(1e-12));
            assertThat(Arrays.stream(row)).allMatch(v -> v >= 0 && v <= 3);
        }
    }

    private static AldrKl.Config adaptive(double lambda0, double alpha, ScoreScale scale) {
        return new AldrKl.Config(
                lambda0,
                alpha,
                0.1,
                scale,
                AldrKl.From.SCORES,
                1e-5,
                SampleTable.Precision.FLOAT64,
                SampleTable.Duplicates.REFUSE);
    }

    private static double[] temperatures(AldrKl l) {
        return Tensors.doubles(l.temperatures().rows());
    }

    @Property(tries = 20)
    void temperaturesStayInTheirRange(
            @ForAll int seed,
            @ForAll @DoubleRange(min = 1.05, max = 20) double alpha,
            @ForAll @DoubleRange(min = 0.01, max = 10) double lambda0) {
        AldrKl l = new AldrKl(adaptive(lambda0, alpha, ScoreScale.NONE));
        for (int visit = 0; visit < 4; visit++) {
            l.observe(input(scores(seed + visit, 5).mul(Tensors.scalar(10)), labels(seed, 5)));
            assertThat(Arrays.stream(temperatures(l)))
                    .allMatch(t -> t >= lambda0 * (1 - 1 / alpha) - 1e-12 && t <= lambda0 + 1e-12);
        }
    }

    @Test
    void aLargeAlphaGivesTheFixedTemperature() {
        LossInput in = input(scores(3, 5), labels(3, 5));
        AldrKl l = new AldrKl(adaptive(2, 1e9, ScoreScale.L1));
        l.observe(in);
        assertThat(each(l, in)).containsExactly(each(new LdrKl(2, 0.1, ScoreScale.L1), in), within(1e-7));
    }

    @Test
    void equalScoresLeaveTheTemperatureWhereItIs() {
        AldrKl l = new AldrKl(adaptive(2, 2, ScoreScale.L1));
        l.observe(input(Tensors.of(new double[][] {{1, 1, 1, 1}, {-3, -3, -3, -3}, {0, 0, 0, 0}}), 0, 1, 2));
        assertThat(temperatures(l)).containsExactly(new double[] {2, 2, 2}, within(1e-12));
    }

    @Test
    void temperaturesMoveInTrainingOnlyAndByIdNotByPosition() {
        AldrKl l = new AldrKl(adaptive(1, 2, ScoreScale.L1));
        Tensor f = scores(5, 4);
        long[] y = labels(5, 4);
        ClassIndex four = ClassIndex.numbered(4);
        LossInput looking = new LossInput(f, Target.ClassIds.of(y), Rows.of(9, 8, 7, 6, 5, 4), four, Map.of(), false);
        l.observe(looking);
        l.value(looking);
        assertThat(l.temperatures().size()).isZero();
        l.observe(new LossInput(f, Target.ClassIds.of(y), Rows.of(9, 8, 7, 6, 5, 4), four));
        Tensor like = Tensors.zeros(ScalarType.Double, 1);
        double[] there = Tensors.doubles(l.temperatures().read(new long[] {4, 9}, like));
        int[] turned = {5, 0};
        AldrKl other = new AldrKl(adaptive(1, 2, ScoreScale.L1));
        other.observe(new LossInput(Tensors.rows(f, turned), Target.ClassIds.of(y[5], y[0]), Rows.of(4, 9), four));
        assertThat(Tensors.doubles(other.temperatures().read(new long[] {4, 9}, like)))
                .containsExactly(there, within(1e-15));
        // value alone moves nothing, however often
        State before = l.state().copy();
        l.value(new LossInput(f, Target.ClassIds.of(y), Rows.of(9, 8, 7, 6, 5, 4), four));
        assertThat(Tensors.doubles(l.temperatures().rows()))
                .containsExactly(Tensors.doubles(before.child("temperatures").tensor("rows")));
        AldrKl loaded = new AldrKl(adaptive(1, 2, ScoreScale.L1));
        loaded.load(before);
        assertThat(temperatures(loaded)).containsExactly(temperatures(l));
    }

    @Test
    void aSampleIsPrunedByItsLastJudgementInItsEpochs() {
        PrunedCe l = new PrunedCe(new PrunedCe.Config(0.7, 0.5, 4, 3));
        Tensor f = Tensors.of(new double[][] {{3, 0, 0}, {0, 3, 0}});
        ClassIndex three = ClassIndex.numbered(3);
        double[] plain = each(new GeneralisedCe(0.7), input(f, 0, 0));
        for (int epoch : new int[] {0, 3, 5, 6}) {
            l.observe(new LossInput(
                    f, Target.ClassIds.of(0, 0), new Rows(new long[] {100, 101}, null, null, epoch, 0), three));
            assertThat(l.kept().size()).as("epoch %s", epoch).isZero();
        }
        assertThat(each(l, input(f, 0, 0))).containsExactly(plain);
        l.observe(new LossInput(f, Target.ClassIds.of(0, 0), new Rows(new long[] {100, 101}, null, null, 7, 0), three));
        assertThat(each(l, input(f, 0, 0))).containsExactly(plain[0], 0);
        PrunedCe loaded = new PrunedCe(new PrunedCe.Config(0.7, 0.5, 4, 3));
        loaded.load(l.state().copy());
        assertThat(each(loaded, input(f, 0, 0))).containsExactly(plain[0], 0);
    }

    @Test
    void softTargetsWeighTheClassesOfLossesOfProbabilities() {
        Tensor f = scores(8, 3);
        Tensor q = Rng.of(4).uniform(ScalarType.Double, N, 3);
        Tensor soft = q.div(q.sum(1).unsqueeze(1));
        for (LossConfig c : List.of(
                new SymmetricCe(),
                new NormalisedCe.WithReverse(),
                new JensenShannon(),
                new ProbabilityError.Absolute(),
                new RobustLog())) {
            Loss l = c.build(Schema.vectors(1, ClassIndex.numbered(3)));
            double[] expected = new double[N];
            double[][] p = Tensors.rows(soft);
            for (int k = 0; k < 3; k++) {
                long[] y = new long[N];
                Arrays.fill(y, k);
                double[] one = each(l, input(f, y));
                for (int i = 0; i < N; i++) {
                    expected[i] += p[i][k] * one[i];
                }
            }
            LossInput in = new LossInput(
                    f, new Target.Soft(soft), input(f, labels(1, 3)).rows(), ClassIndex.numbered(3));
            assertThat(each(l, in)).as(c.kind()).containsExactly(expected, within(1e-12));
        }
    }

    private static List<LossConfig> configured() {
        List<LossConfig> all = new ArrayList<>();
        ServiceLoader.load(LossConfig.class).forEach(all::add);
        return all;
    }

    @Test
    void everyLossIsKnownByNameAndHasAGridOfItsKind() {
        List<LossConfig> all = configured();
        assertThat(all.stream().map(LossConfig::kind))
                .contains("ldr-kl", "ldr-k", "aldr-kl", "tgce", "crammer-singer", "weston-watkins", "sce", "nce-rce")
                .contains("nce-agce", "nce-aul", "js", "mae", "mse", "rll", "gce", "cross-entropy")
                .doesNotHaveDuplicates();
        assertThat(all).allSatisfy(c -> {
            assertThat(c.grid()).isNotEmpty().doesNotHaveDuplicates();
            assertThat(c.grid()).allMatch(g -> g.kind().equals(c.kind()));
        });
        assertThat(new LdrKl.Config().grid()).hasSize(3);
    }

    /** Losses that are computed in float64 whatever the scores are. */
    private static final List<String> PRECISE = List.of("stablemax", "precise-cross-entropy");

    @Test
    void hugeScoresSingleColumnsAndZerosGiveFiniteLossesAndGradients() {
        double[][] huge = {{1e3, -1e3, 0}, {-1e3, 1e3, 500}, {0, 0, 0}};
        for (ScalarType dtype : List.of(ScalarType.Double, ScalarType.Float)) {
            for (LossConfig c : configured()) {
                for (int columns : new int[] {3, 1}) {
                    Loss l = c.build(Schema.vectors(1, ClassIndex.numbered(3)));
                    Tensor f = Tensors.slice(Tensors.of(huge), 1, 0, columns).to(dtype);
                    f = f.clone();
                    f.set_requires_grad(true);
                    LossInput in = columns == 3 ? input(f, 1, 0, 2) : input(f, 0, 0, 0);
                    l.observe(in);
                    assertThat(l.value(in).perSample().scalar_type().intern())
                            .as(c.kind())
                            .isEqualTo(PRECISE.contains(c.kind()) ? ScalarType.Double : dtype);
                    assertThat(Arrays.stream(each(l, in)))
                            .as("%s, %s columns", c, columns)
                            .allMatch(Double::isFinite);
                    Tensor g = gradient(l, in);
                    assertThat(g == null || Tensors.finite(g))
                            .as("%s, gradient, %s columns", c, columns)
                            .isTrue();
                }
            }
        }
    }

    @Test
    void badSettingsAreRefusedByName() {
        assertThatThrownBy(() -> new LdrKl.Config(0)).hasMessageContaining("lambda must be finite and > 0 but is 0.0");
        assertThatThrownBy(() -> new LdrKl(1, -1, ScoreScale.NONE)).hasMessageContaining("margin");
        assertThatThrownBy(() -> adaptive(0, 2, ScoreScale.L1)).hasMessageContaining("lambda0");
        assertThatThrownBy(() -> adaptive(1, 1, ScoreScale.L1)).hasMessageContaining("alpha must be finite and > 1");
        assertThatThrownBy(() -> new LdrK.Config(0, 0.1, ScoreScale.L1)).hasMessageContaining("k must be >= 1");
        Schema three = Schema.vectors(1, ClassIndex.numbered(3));
        assertThatThrownBy(() -> new LdrK.Config(4, 0.1, ScoreScale.L1).build(three))
                .hasMessageContaining("expected 1 to 3");
        Schema one = Schema.vectors(1, ClassIndex.numbered(1));
        for (LossConfig c : List.of(new LdrKl.Config(), new LdrK.Config(), new AldrKl.Config())) {
            assertThatThrownBy(() -> c.build(one)).hasMessageContaining("at least two are needed");
        }
        assertThatThrownBy(() -> new GeneralisedCe(0.7, 1)).hasMessageContaining("threshold");
        assertThatThrownBy(() -> new PrunedCe.Config(0.7, 0.5, 0, 0)).hasMessageContaining("everyEpochs");
        assertThatThrownBy(() -> new SymmetricCe(2, 4)).hasMessageContaining("share");
        assertThatThrownBy(() -> new NormalisedCe.WithReverse(11)).hasMessageContaining("[0, 10]");
        assertThatThrownBy(() -> new NormalisedCe.WithAul(5, 1, 1.5)).hasMessageContaining("a must be finite and > 1");
        assertThatThrownBy(() -> new JensenShannon(1)).hasMessageContaining("pi must be in (0, 1)");
        assertThatThrownBy(() -> new RobustLog(0)).hasMessageContaining("a must be");
        assertThatThrownBy(() -> new MarginLoss.WestonWatkins(Double.NaN)).hasMessageContaining("margin");
    }

    @Test
    void badRowsAreRefusedAndLeaveNothingBehind() {
        AldrKl l = new AldrKl(adaptive(1, 2, ScoreScale.L1));
        Tensor f = scores(2, 3);
        ClassIndex three = ClassIndex.numbered(3);
        assertThatThrownBy(() -> l.value(input(f, 0, 1, 2, 3, 0, 1))).hasMessageContaining("3");
        Target y = Target.ClassIds.of(labels(1, 3));
        assertThatThrownBy(() -> l.observe(new LossInput(f, y, Rows.of(1, 2, 3, 4, 5, -1), three)))
                .hasMessageContaining("sample id -1");
        assertThatThrownBy(() -> l.observe(new LossInput(f, y, Rows.of(1, 2, 3, 4, 5, 1), three)))
                .hasMessageContaining("both sample 1");
        Tensor nan = Tensors.of(new double[][] {{Double.NaN, 0, 0}});
        assertThatThrownBy(() -> l.observe(input(nan, 0))).hasMessageContaining("Scores for the temperatures");
        Tensor q = Tensors.of(new double[][] {{0.5, 0.5, 0}});
        LossInput soft = new LossInput(nan, new Target.Soft(q), Rows.of(1), three);
        assertThatThrownBy(() -> l.value(soft)).hasMessageContaining("one class a row");
        assertThat(l.temperatures().size()).isZero();
        State broken = new State()
                .put(
                        "temperatures",
                        new State().put("ids", Tensors.ids(1)).put("rows", Tensors.of(new double[] {-1}, 1, 1)));
        assertThatThrownBy(() -> l.load(broken)).hasMessageContaining("temperature is -1.0");
    }
}
