package dev.holdfast.learner.analytic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.estimate.RidgeHead;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import dev.holdfast.tensor.linalg.RecursiveRidge;
import dev.holdfast.tensor.linalg.RecursiveRidge.Form;
import dev.holdfast.tensor.linalg.Ridge;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.Arrays;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The exact promises of G-ACIL, on the learner as a user has it: expansion, bias, both forms. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class GAcilTest {
    private static final int CLASSES = 5;
    private static final int WIDTH = 6;
    private static final int BUFFER = 20;

    private static MemoryDataset data() {
        return Clouds.of(ScalarType.Double, CLASSES, 8, WIDTH, 1, "train");
    }

    private static Rng rng() {
        return Rng.of(7).child("learner");
    }

    private static GAcil.Config config(double gamma, boolean bias, Form form) {
        return GAcil.Config.of(FeatureSpace.Config.inputs(), BUFFER, gamma, bias, form);
    }

    private static ClosedFormLearner learner(double gamma, boolean bias, Form form) {
        return GAcil.create(config(gamma, bias, form), data().schema(), rng());
    }

    private static RecursiveRidge ridge(ClosedFormLearner l) {
        return ((RidgeHead) l.head()).ridge();
    }

    /** H of rows [n, D], made without the learner. */
    private static Tensor expanded(Tensor x, boolean bias) {
        return RandomBuffer.draw(BUFFER, WIDTH, bias, rng().child("buffer")).apply(x);
    }

    private static int[] all() {
        return IntStream.range(0, CLASSES * 8).toArray();
    }

    private static int[] from(int a, int b) {
        return IntStream.range(a, b).toArray();
    }

    private static void learn(ClosedFormLearner l, int... rows) {
        try (Scope s = Scope.open()) {
            l.learn(data().rows(rows));
        }
    }

    /** W [M, C] with columns in order of class ids, whatever the order of arrival. */
    private static Tensor weight(ClosedFormLearner l) {
        RidgeHead head = (RidgeHead) l.head();
        int[] columns = head.columns()
                .columnsOf(IntStream.range(0, CLASSES).asLongStream().toArray());
        return head.weight().index_select(1, Tensors.ids(columns));
    }

    private static Tensor joint(double gamma, boolean bias, int... rows) {
        Batch b = data().rows(rows);
        Tensor h = expanded(b.inputs().x(), bias);
        int[] y = Arrays.stream(b.classIds()).mapToInt(i -> (int) i).toArray();
        return Ridge.fit(h, Tensors.oneHot(y, CLASSES, h), gamma);
    }

    private static double gap(Tensor a, Tensor b) {
        return a.sub(b).abs().max().item_double();
    }

    /** Checks 1, 2 and 4: any order, mixture and batching gives the weights of joint ridge regression. */
    @Property(tries = 60)
    void anyArrivalGivesTheJointWeights(
            @ForAll @IntRange(max = 1_000_000) int seed,
            @ForAll @IntRange(max = 3) int exponent,
            @ForAll boolean bias,
            @ForAll Form form) {
        double gamma = Math.pow(10, 1 - 2 * exponent);
        double tolerance = gamma >= 1e-3 ? 1e-8 : 1e-6;
        Rng draws = Rng.of(seed);
        int[] order = draws.permutation(all().length);
        ClosedFormLearner l = learner(gamma, bias, form);
        for (int at = 0; at < order.length; ) {
            int to = Math.min(order.length, at + 1 + draws.below(draws.below(3) == 0 ? order.length : 9));
            learn(l, Arrays.copyOfRange(order, at, to));
            at = to;
        }
        assertThat(gap(weight(l), joint(gamma, bias, all()))).isLessThanOrEqualTo(tolerance);
    }

    /** The same over parts of disjoint classes and over blurry ones, in the learner's own scenario. */
    @Test
    void disjointPartsGiveTheJointWeights() {
        ClosedFormLearner l = learner(0.1, false, Form.RECURSIVE);
        Scenario s = ClassIncremental.of(
                new ClassIncremental.Config(2, 1, ClassIncremental.Order.SEEDED, false, Dealing.offline(1, 3)),
                data(),
                data(),
                Rng.of(5));
        for (Experience e : s) {
            var batches = e.train().batches(e.pace(), Rng.of(e.index()));
            while (batches.hasNext()) {
                l.learn(batches.next());
            }
        }
        assertThat(gap(weight(l), joint(0.1, false, all()))).isLessThanOrEqualTo(1e-8);
    }

    /** Check 3. */
    @Property(tries = 20)
    void theCovarianceIsSymmetricAndItsEigenvaluesLieInZeroToOneOverGamma(
            @ForAll @IntRange(max = 1_000_000) int seed, @ForAll @IntRange(max = 3) int exponent) {
        double gamma = Math.pow(10, 1 - exponent);
        ClosedFormLearner l = learner(gamma, true, Form.RECURSIVE);
        for (int i = 0; i < 6; i++) {
            learn(l, Arrays.copyOf(Rng.of(seed).child("rows", i).permutation(all().length), 5));
        }
        Tensor r = ridge(l).covariance();
        assertThat(gap(r, r.t())).isLessThanOrEqualTo(1e-12 / gamma);
        double[] eigenvalues = Tensors.doubles(
                LinearAlgebra.eigh(r.add(r.t()).mul(Tensors.scalar(0.5))).values());
        assertThat(Arrays.stream(eigenvalues).min().orElseThrow()).isPositive();
        assertThat(Arrays.stream(eigenvalues).max().orElseThrow()).isLessThanOrEqualTo((1 + 1e-12) / gamma);
        Tensor unit = r.mm(ridge(l).gram());
        assertThat(gap(unit, torch.eye(BUFFER + 1).to(ScalarType.Double))).isLessThanOrEqualTo(1e-8);
    }

    /** Check 5: W gamma -> H'Y, with the error of the next term of the series. */
    @Test
    void aLargeGammaLeavesTheScaledMoments() {
        Tensor h = expanded(data().rows(all()).inputs().x(), false);
        int[] y = IntStream.range(0, all().length).map(i -> i % CLASSES).toArray();
        Tensor moments = h.t().mm(Tensors.oneHot(y, CLASSES, h));
        double before = Double.POSITIVE_INFINITY;
        for (double gamma : new double[] {1e4, 1e6, 1e8}) {
            ClosedFormLearner l = learner(gamma, false, Form.RECURSIVE);
            learn(l, all());
            double off = gap(weight(l).mul(Tensors.scalar(gamma)), moments);
            assertThat(off).isLessThan(before / 50);
            before = off;
        }
        assertThat(before).isLessThan(1e-4);
    }

    /** Check 6: rows of new classes alone push the columns of the classes that are known already. */
    @ParameterizedTest
    @EnumSource(Form.class)
    void aBatchOfNewClassesMovesTheColumnsOfOldOnes(Form form) {
        ClosedFormLearner l = learner(0.1, false, form);
        learn(l, IntStream.of(all()).filter(i -> i % CLASSES < 2).toArray());
        Tensor before = ((RidgeHead) l.head()).weight().clone();
        learn(l, IntStream.of(all()).filter(i -> i % CLASSES >= 2).toArray());
        Tensor after = Tensors.slice(((RidgeHead) l.head()).weight(), 1, 0, 2);
        assertThat(gap(before, after)).isGreaterThan(1e-3);
        assertThat(gap(weight(l), joint(0.1, false, all()))).isLessThanOrEqualTo(1e-8);
    }

    /** Check 7. */
    @Property(tries = 30)
    void forgettingRestoresTheWeights(
            @ForAll @IntRange(max = 1_000_000) int seed,
            @ForAll @IntRange(min = 1, max = 20) int rows,
            @ForAll Form form) {
        int[] order = Rng.of(seed).permutation(all().length);
        int[] gone = Arrays.copyOf(order, rows);
        int[] stay = Arrays.copyOfRange(order, rows, order.length);
        ClosedFormLearner l = learner(0.1, true, form);
        // every class is known before, so that no column stays behind
        learn(l, stay);
        if (l.head().columns().size() < CLASSES) {
            return;
        }
        Tensor before = weight(l).clone();
        learn(l, gone);
        assertThat(gap(before, weight(l))).isGreaterThan(1e-6);
        l.forget(data().rows(gone));
        assertThat(gap(before, weight(l))).isLessThanOrEqualTo(1e-8);
        assertThat(ridge(l).rows()).isEqualTo(stay.length);
    }

    @Property(tries = 30)
    void mergingTwoPartsIsLearningThemTogether(
            @ForAll @IntRange(max = 1_000_000) int seed,
            @ForAll @IntRange(min = 1, max = 39) int cut,
            @ForAll Form form) {
        int[] order = Rng.of(seed).permutation(all().length);
        ClosedFormLearner a = learner(0.01, false, form);
        ClosedFormLearner b = learner(0.01, false, form);
        learn(a, Arrays.copyOf(order, cut));
        learn(b, Arrays.copyOfRange(order, cut, order.length));
        a.merge(b);
        assertThat(gap(weight(a), joint(0.01, false, all()))).isLessThanOrEqualTo(1e-8);
    }

    /** Check 8: sums only. */
    @ParameterizedTest
    @EnumSource(Form.class)
    void theStateHoldsNoRowOfTheExpansion(Form form) {
        ClosedFormLearner l = learner(0.1, false, form);
        learn(l, all());
        double[][] h = Tensors.rows(expanded(data().rows(all()).inputs().x(), false));
        l.state().tensors().forEach((name, t) -> {
            assertThat(t.shape()).as(name).doesNotContain((long) all().length);
            double[] a = Tensors.doubles(t);
            double[] transposed = t.dim() == 2 ? Tensors.doubles(t.t()) : a;
            for (double[] row : h) {
                assertThat(contains(a, row)).as("a row of H in " + name).isFalse();
                assertThat(contains(transposed, row))
                        .as("a row of H in " + name)
                        .isFalse();
            }
        });
        assertThat(ridge(l).bytes()).isEqualTo(8L * (BUFFER * BUFFER + BUFFER * CLASSES));
    }

    private static boolean contains(double[] a, double[] row) {
        for (int i = 0; i + row.length <= a.length; i++) {
            if (Arrays.equals(a, i, i + row.length, row, 0, row.length)) {
                return true;
            }
        }
        return false;
    }

    @Test
    void scoresAreTheExpandedRowsTimesTheWeights() {
        ClosedFormLearner l = learner(0.1, true, Form.RECURSIVE);
        learn(l, all());
        Tensor x = data().rows(0, 7, 13).inputs().x();
        assertThat(gap(l.predict(Inputs.of(x)).scores(), expanded(x, true).mm(((RidgeHead) l.head()).weight())))
                .isLessThanOrEqualTo(1e-12);
        assertThat(l.predict(data().rows(all()).inputs()).classes())
                .containsExactly(
                        IntStream.range(0, all().length).map(i -> i % CLASSES).toArray());
    }

    @Test
    void rowsOfLaterPassesCountOnce() {
        ClosedFormLearner l = learner(0.1, false, Form.RECURSIVE);
        learn(l, all());
        Tensor before = weight(l).clone();
        Batch b = data().rows(all());
        l.learn(new Batch(b.inputs(), b.target(), new Rows(b.rows().ids(), null, null, 1, 9)));
        assertThat(gap(before, weight(l))).isZero();
    }

    @Test
    void oneRowOfAClassAndEqualRowsAreFine() {
        ClosedFormLearner l = learner(1e-3, false, Form.RECURSIVE);
        learn(l, 0);
        learn(l, 1, 1, 1, 2, 3, 4);
        assertThat(gap(weight(l), joint(1e-3, false, 0, 1, 1, 1, 2, 3, 4))).isLessThanOrEqualTo(1e-8);
    }

    /** The ablation: without a push from rows of other classes, a column is learnt from its own rows alone. */
    @Test
    void withoutTheExposedUpdateColumnsOfAbsentClassesStay() {
        GAcil.Config c = new GAcil.Config(
                FeatureSpace.Config.inputs(), BUFFER, GAcil.Expansion.RELU, 0, false, 0.1, false, Form.RECURSIVE);
        ClosedFormLearner l = GAcil.create(c, data().schema(), rng());
        ClosedFormLearner full = learner(0.1, false, Form.RECURSIVE);
        int[] old = IntStream.of(all()).filter(i -> i % CLASSES < 2).toArray();
        int[] fresh = IntStream.of(all()).filter(i -> i % CLASSES >= 2).toArray();
        learn(l, old);
        learn(full, old);
        // the first batch holds all classes known so far, so nothing is left out of it
        assertThat(gap(((RidgeHead) l.head()).weight(), ((RidgeHead) full.head()).weight()))
                .isZero();
        Tensor before = ((RidgeHead) l.head()).weight().clone();
        learn(l, fresh);
        learn(full, fresh);
        Tensor after = ((RidgeHead) l.head()).weight();
        assertThat(gap(before, Tensors.slice(after, 1, 0, 2))).isZero();
        // the new columns are those of joint training: their classes are all there
        assertThat(gap(
                        Tensors.slice(after, 1, 2, CLASSES),
                        Tensors.slice(((RidgeHead) full.head()).weight(), 1, 2, CLASSES)))
                .isLessThanOrEqualTo(1e-12);
        assertThat(gap(weight(l), joint(0.1, false, all()))).isGreaterThan(1e-3);
        assertThatThrownBy(() -> l.forget(data().rows(0))).hasMessageContaining("absent classes");
        assertThatThrownBy(() -> l.merge(GAcil.create(c, data().schema(), rng())))
                .hasMessageContaining("absent classes");
        assertThatThrownBy(() -> new GAcil.Config(
                        FeatureSpace.Config.inputs(), BUFFER, GAcil.Expansion.RELU, 0, false, 0.1, false, Form.GRAM))
                .hasMessageContaining("RECURSIVE");
    }

    /** Inner products of the expansion are the Gaussian kernel, up to a standard error of 1/sqrt M. */
    @Test
    void theGaussianExpansionApproximatesItsKernel() {
        int units = 40_000;
        double sigma = 1.7;
        Tensor x = data().rows(from(0, 12)).inputs().x();
        Tensor h = RandomBuffer.fourier(units, WIDTH, sigma, false, Rng.of(3)).apply(x);
        double[][] rows = Tensors.rows(x);
        double[][] kernel = Tensors.rows(h.mm(h.t()));
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < rows.length; j++) {
                double d = 0;
                for (int k = 0; k < WIDTH; k++) {
                    d += Math.pow(rows[i][k] - rows[j][k], 2);
                }
                assertThat(kernel[i][j]).isCloseTo(Math.exp(-d / (2 * sigma * sigma)), within(6 / Math.sqrt(units)));
            }
        }
        double[] entries = Tensors.doubles(h);
        assertThat(Arrays.stream(entries).map(Math::abs).max().orElseThrow())
                .isLessThanOrEqualTo(Math.sqrt(2.0 / units) + 1e-15);
    }

    @Property(tries = 20)
    void theGaussianExpansionIsJointTrainingToo(@ForAll @IntRange(max = 1_000_000) int seed, @ForAll Form form) {
        GAcil.Config c = new GAcil.Config(
                FeatureSpace.Config.inputs(), BUFFER, GAcil.Expansion.GAUSSIAN, 0, true, 0.01, true, form);
        ClosedFormLearner l = GAcil.create(c, data().schema(), rng());
        int[] order = Rng.of(seed).permutation(all().length);
        for (int at = 0; at < order.length; at += 7) {
            learn(l, Arrays.copyOfRange(order, at, Math.min(order.length, at + 7)));
        }
        Batch b = data().rows(all());
        Tensor h = RandomBuffer.fourier(BUFFER, WIDTH, Math.sqrt(WIDTH), true, rng().child("buffer"))
                .apply(b.inputs().x());
        int[] y = Arrays.stream(b.classIds()).mapToInt(i -> (int) i).toArray();
        assertThat(gap(weight(l), Ridge.fit(h, Tensors.oneHot(y, CLASSES, h), 0.01)))
                .isLessThanOrEqualTo(1e-8);
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new GAcil.Config(
                        FeatureSpace.Config.inputs(),
                        BUFFER,
                        GAcil.Expansion.GAUSSIAN,
                        Double.NaN,
                        true,
                        1,
                        false,
                        Form.GRAM))
                .hasMessageContaining("sigma");
        assertThatThrownBy(() -> config(0, false, Form.GRAM))
                .hasMessageContaining("gamma")
                .hasMessageContaining("0.1");
        assertThatThrownBy(() -> config(Double.NaN, false, Form.GRAM)).hasMessageContaining("gamma");
        assertThatThrownBy(() -> GAcil.Config.of(FeatureSpace.Config.inputs(), -1, 1, false, Form.GRAM))
                .hasMessageContaining("-1");
        Schema schema = data().schema();
        GAcil.Config huge = GAcil.Config.of(FeatureSpace.Config.inputs(), 3_000_000, 1, false, Form.GRAM);
        assertThatThrownBy(() -> GAcil.create(huge, Schema.vectors(1, schema.classes()), rng()))
                .hasMessageContaining("3000000")
                .hasMessageMatching("(?s).*(byte|GiB|GB|MiB).*");
        ClosedFormLearner l = learner(0.1, false, Form.RECURSIVE);
        assertThatThrownBy(() -> l.predict(data().rows(0).inputs())).isInstanceOf(IllegalStateException.class);
        Batch b = data().rows(0, 1);
        Target real = new Target.Values(Tensors.zeros(ScalarType.Double, 2, 1));
        assertThatThrownBy(() -> l.learn(new Batch(b.inputs(), real, b.rows()))).hasMessageContaining("Values");
        learn(l, 0, 1);
        assertThatThrownBy(() -> l.forget(data().rows(2))).hasMessageContaining("class 2");
        assertThatThrownBy(() -> l.merge(GAcil.create(config(0.2, false, Form.RECURSIVE), schema, rng())))
                .hasMessageContaining("gamma");
        assertThatThrownBy(() -> l.merge(GAcil.create(config(0.1, false, Form.RECURSIVE), schema, Rng.of(8))))
                .hasMessageContaining("seed");
    }

    private static GAcil.Config trained() {
        return GAcil.Config.of(
                new FeatureSpace.Config(FeatureSpace.Extractor.FIRST_PART, NetConfig.defaults()),
                BUFFER,
                0.1,
                false,
                Form.RECURSIVE);
    }

    @Test
    void anExtractorOfItsOwnIsTrainedOnTheFirstPartAndThenFrozen() {
        MemoryDataset data = Clouds.of(4, 8, WIDTH, 1, "train");
        Scenario s = ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, false, Dealing.offline(2, 4)),
                data,
                data,
                Rng.of(5));
        ClosedFormLearner l = GAcil.create(trained(), data.schema(), rng());
        Experience first = s.experiences().get(0);
        var batches = first.train().batches(first.pace(), Rng.of(1));
        while (batches.hasNext()) {
            l.learn(batches.next());
            // the network answers until the statistics begin
            assertThat(l.predict(data.rows(0).inputs()).columns().size()).isPositive();
        }
        l.end(first);
        assertThat(ridge(l).rows()).isEqualTo(first.train().size());
        Tensor features = l.predict(data.rows(0, 1).inputs()).scores().clone();
        Experience second = s.experiences().get(1);
        batches = second.train().batches(Pace.inOrder(4), Rng.of(1));
        while (batches.hasNext()) {
            l.learn(batches.next());
        }
        l.end(second);
        assertThat(ridge(l).rows()).isEqualTo(data.size());
        assertThat(l.head().columns().size()).isEqualTo(4);
        assertThat(features.size(1)).isEqualTo(2);
    }

    @Test
    void anExtractorOfItsOwnCanBeWatchedFromTheFirstUpdate() {
        MemoryDataset data = Clouds.of(4, 8, WIDTH, 1, "train");
        Scenario s = ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, false, Dealing.offline(2, 4)),
                data,
                data,
                Rng.of(5));
        Trial.Result r = Trial.run(
                new GAcil.Plugin(), trained(), s, 1, new Trial.Options(100, 10), () -> false, (done, planned) -> {});
        assertThat(r.message()).isEmpty();
        assertThat(r.status()).isEqualTo(Trial.Status.DONE);
        assertThat(r.curve())
                .isNotEmpty()
                .allSatisfy(p -> assertThat(p.accuracy()).isNotNull().isCloseTo(0.5, within(0.5)));
    }
}
