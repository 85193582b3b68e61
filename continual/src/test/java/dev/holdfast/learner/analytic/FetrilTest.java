package dev.holdfast.learner.analytic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.estimate.LinearSoftmax;
import dev.holdfast.estimate.LinearSvm;
import dev.holdfast.learner.analytic.FeatureTranslation.Selector;
import dev.holdfast.learner.analytic.FeatureTranslation.Similarity;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What FeTrIL promises exactly, beyond its golden vectors. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class FetrilTest {
    private static final int CLASSES = 6;
    private static final int WIDTH = 5;

    private static final LinearSoftmax.Config LAYER = new LinearSoftmax.Config(50, 0.05, 0.9, 5e-4, 128);

    private static MemoryDataset data() {
        return Clouds.of(ScalarType.Double, CLASSES, 7, WIDTH, 1, "train");
    }

    private static Fetril.Config config(Selector selector, Fetril.Returning returning) {
        return new Fetril.Config(
                FeatureSpace.Config.inputs(),
                selector,
                Similarity.COSINE,
                2,
                Fetril.Classifier.SVC,
                1,
                1e-12,
                LAYER,
                Integer.MAX_VALUE,
                true,
                returning);
    }

    private static Fetril learner(Selector selector) {
        return new Fetril(config(selector, Fetril.Returning.REFUSE), data().schema(), Rng.of(3));
    }

    private static Experience part(int index, Dataset d, int... classes) {
        Set<Long> wanted = new HashSet<>();
        Arrays.stream(classes).forEach(c -> wanted.add((long) c));
        long[] y = d.classIds();
        Dataset rows = d.subset(
                IntStream.range(0, y.length).filter(i -> wanted.contains(y[i])).toArray());
        return new Experience(index, index, rows, ClassIndex.numbered(CLASSES), true, Pace.inOrder(100));
    }

    private static Tensor normal(String name, int n) {
        return Rng.of(4).child(name).normal(ScalarType.Double, n, WIDTH);
    }

    private static double gap(Tensor a, Tensor b) {
        return a.sub(b).abs().max().item_double();
    }

    @Property(tries = 30)
    void pseudoFeaturesHaveThePastMeanAndTheCovarianceOfTheirSource(@ForAll @IntRange(max = 1_000_000) int seed) {
        Tensor rows = Rng.of(seed).normal(ScalarType.Double, 9, WIDTH).mul(Tensors.scalar(3));
        Tensor past =
                Rng.of(seed).child("past").normal(ScalarType.Double, WIDTH).mul(Tensors.scalar(10));
        Tensor moved = FeatureTranslation.translate(rows, rows.mean(new long[] {0}), past);
        assertThat(gap(moved.mean(new long[] {0}), past)).isLessThanOrEqualTo(1e-10);
        assertThat(gap(moved.t().cov(), rows.t().cov())).isLessThanOrEqualTo(1e-10);
    }

    @Test
    void theFirstStateIsAPlainSupportVectorMachine() {
        Fetril l = learner(Selector.NEAREST);
        Experience first = part(0, data(), 0, 1, 2);
        l.end(first);
        Dataset rows = (Dataset) first.train();
        Tensor x = FeatureTranslation.normalise(rows.rows(all(rows)).inputs().x());
        int[] y = Arrays.stream(rows.classIds()).mapToInt(c -> (int) c).toArray();
        LinearSvm.Fit svm = LinearSvm.fit(new LinearSvm.Config(1, 1e-12), x, y, 3);
        Tensor w = l.state().tensor("weights");
        assertThat(gap(Tensors.slice(w, 1, 0, WIDTH), svm.weight())).isLessThanOrEqualTo(1e-8);
        assertThat(gap(w.select(1, WIDTH), svm.bias())).isLessThanOrEqualTo(1e-8);
    }

    private static int[] all(Dataset d) {
        return IntStream.range(0, (int) d.size()).toArray();
    }

    @ParameterizedTest
    @EnumSource(Selector.class)
    void withOneNewClassEverySelectorTakesItAsTheSourceOfAll(Selector selector) {
        Tensor past = normal("past", 4);
        Tensor fresh = normal("fresh", 6);
        int[][][] chosen = FeatureTranslation.select(
                past,
                fresh.mean(new long[] {0}).unsqueeze(0),
                List.of(fresh),
                selector,
                Similarity.COSINE,
                3,
                Integer.MAX_VALUE,
                Rng.of(1));
        for (int[][] p : chosen) {
            assertThat(p).hasDimensions(1, 6);
            assertThat(Arrays.stream(p[0]).sorted().toArray()).containsExactly(0, 1, 2, 3, 4, 5);
        }
    }

    @Test
    void nearestAndKthFollowTheSimilarity() {
        // three new classes at angles 0, 90, 180 degrees but of other length: cosine and distance disagree
        Tensor past = Tensors.of(new double[][] {{10, 1}, {-0.2, 0.3}});
        Tensor fresh = Tensors.of(new double[][] {{1, 0}, {0, 9}, {-2, 0}});
        assertThat(FeatureTranslation.sources(past, fresh, Similarity.COSINE, 1))
                .containsExactly(0, 1);
        assertThat(FeatureTranslation.sources(past, fresh, Similarity.EUCLIDEAN, 1))
                .containsExactly(0, 0);
        assertThat(FeatureTranslation.sources(past, fresh, Similarity.COSINE, 2))
                .containsExactly(1, 2);
        assertThat(FeatureTranslation.sources(past, fresh, Similarity.COSINE, 3))
                .containsExactly(2, 0);
        // beyond the last there is the least similar
        assertThat(FeatureTranslation.sources(past, fresh, Similarity.COSINE, 99))
                .containsExactly(2, 0);
    }

    @Test
    void randomTakesDistinctRowsOfAllNewClassesAsManyAsTheNearestHas() {
        Tensor past = normal("past", 5);
        List<Tensor> fresh = List.of(normal("a", 8), normal("b", 3), normal("c", 6));
        Tensor means = means(fresh);
        int[] nearest = FeatureTranslation.sources(past, means, Similarity.COSINE, 1);
        int[][][] chosen = FeatureTranslation.select(
                past, means, fresh, Selector.RANDOM, Similarity.COSINE, 1, Integer.MAX_VALUE, Rng.of(2));
        Set<Integer> used = new HashSet<>();
        for (int p = 0; p < 5; p++) {
            int rows = 0;
            for (int k = 0; k < 3; k++) {
                assertThat(chosen[p][k]).doesNotHaveDuplicates();
                for (int row : chosen[p][k]) {
                    assertThat(row).isBetween(0, (int) fresh.get(k).size(0) - 1);
                    used.add(k);
                }
                rows += chosen[p][k].length;
            }
            assertThat(rows).isEqualTo((int) fresh.get(nearest[p]).size(0));
        }
        assertThat(used).containsExactlyInAnyOrder(0, 1, 2);
    }

    @Test
    void herdingPicksRowsWhoseMeanStaysNearThePastMean() {
        Tensor past = normal("past", 2);
        List<Tensor> fresh = List.of(normal("a", 12), normal("b", 12));
        Tensor means = means(fresh);
        int[][][] chosen =
                FeatureTranslation.select(past, means, fresh, Selector.HERDING, Similarity.COSINE, 1, 4, Rng.of(2));
        int[][][] random =
                FeatureTranslation.select(past, means, fresh, Selector.RANDOM, Similarity.COSINE, 1, 4, Rng.of(2));
        for (int p = 0; p < 2; p++) {
            assertThat(offCentre(past, means, fresh, chosen, p)).isLessThan(offCentre(past, means, fresh, random, p));
            // the first choice is the moved row nearest to the mean of all
            double best = Double.POSITIVE_INFINITY;
            for (int k = 0; k < 2; k++) {
                Tensor moved = FeatureTranslation.translate(fresh.get(k), means.select(0, k), past.select(0, p));
                for (double[] row : Tensors.rows(moved.sub(past.select(0, p)))) {
                    best = Math.min(best, Arrays.stream(row).map(v -> v * v).sum());
                }
            }
            double chosenBest = Double.POSITIVE_INFINITY;
            for (int k = 0; k < 2; k++) {
                if (chosen[p][k].length > 0) {
                    Tensor d = Tensors.rows(fresh.get(k), chosen[p][k]).sub(means.select(0, k));
                    chosenBest = Math.min(chosenBest, d.mul(d).sum(1).min().item_double());
                }
            }
            assertThat(chosenBest).isLessThanOrEqualTo(best + 1e-12);
        }
    }

    /** Distance of the mean of the borrowed rows of a past class to its mean. */
    private static double offCentre(Tensor past, Tensor means, List<Tensor> fresh, int[][][] chosen, int p) {
        List<Tensor> rows = new ArrayList<>();
        for (int k = 0; k < fresh.size(); k++) {
            if (chosen[p][k].length > 0) {
                rows.add(FeatureTranslation.translate(
                        Tensors.rows(fresh.get(k), chosen[p][k]), means.select(0, k), past.select(0, p)));
            }
        }
        return Tensors.cat(0, rows.toArray(new Tensor[0]))
                .mean(new long[] {0})
                .sub(past.select(0, p))
                .norm()
                .item_double();
    }

    private static Tensor means(List<Tensor> fresh) {
        return Tensors.cat(
                0, fresh.stream().map(f -> f.mean(new long[] {0}).unsqueeze(0)).toArray(Tensor[]::new));
    }

    @Test
    void aCapLimitsWhatEveryPastClassBorrows() {
        Tensor past = normal("past", 3);
        List<Tensor> fresh = List.of(normal("a", 8), normal("b", 8));
        for (Selector s : Selector.values()) {
            for (int[][] p :
                    FeatureTranslation.select(past, means(fresh), fresh, s, Similarity.COSINE, 1, 3, Rng.of(5))) {
                assertThat(p[0].length + p[1].length).as(s.name()).isEqualTo(3);
                assertThat(p[0]).doesNotHaveDuplicates();
            }
        }
    }

    private static Tensor finalWeights(Dataset d, Selector selector, int[][] parts) {
        Fetril l = learner(selector);
        for (int i = 0; i < parts.length; i++) {
            l.end(part(i, d, parts[i]));
        }
        // columns in order of class ids
        int[] classes = Tensors.ints(l.state().tensor("classes"));
        Integer[] order = IntStream.range(0, classes.length).boxed().toArray(Integer[]::new);
        Arrays.sort(order, (a, b) -> Integer.compare(classes[a], classes[b]));
        return Tensors.rows(
                l.state().tensor("weights"),
                Arrays.stream(order).mapToInt(Integer::intValue).toArray());
    }

    /** Sources are cosines, rows are normalised: the scale of the features does not show. */
    @Test
    void scalingAllFeaturesChangesNothing() {
        Tensor x = data().rows(all(data())).inputs().x();
        Tensor y = ((Target.ClassIds) data().target()).ids();
        int[][] parts = {{0, 1, 2}, {3, 4}, {5}};
        Tensor plain = finalWeights(data(), Selector.NEAREST, parts);
        for (double a : new double[] {1e-3, 7, 1e5}) {
            MemoryDataset scaled = MemoryDataset.of(
                    data().schema(), Inputs.of(x.mul(Tensors.scalar(a))), new Target.ClassIds(y.clone()));
            assertThat(gap(finalWeights(scaled, Selector.NEAREST, parts), plain))
                    .isLessThanOrEqualTo(1e-8);
        }
    }

    @Test
    void permutingClassIdsPermutesTheResult() {
        Tensor x = data().rows(all(data())).inputs().x();
        int[] renamed = {4, 2, 5, 0, 3, 1};
        long[] y = Arrays.stream(data().classIds()).map(c -> renamed[(int) c]).toArray();
        MemoryDataset other = MemoryDataset.of(data().schema(), Inputs.of(x.clone()), Target.ClassIds.of(y));
        Tensor plain = finalWeights(data(), Selector.NEAREST, new int[][] {{0, 1, 2}, {3, 4}, {5}});
        Tensor permuted = finalWeights(other, Selector.NEAREST, new int[][] {{4, 2, 5}, {0, 3}, {1}});
        assertThat(gap(Tensors.rows(permuted, renamed), plain)).isLessThanOrEqualTo(1e-8);
    }

    /** Without past classes the layer is plain softmax regression on the normalised rows; later it knows all classes. */
    @Test
    void aLayerCanTakeThePlaceOfTheMachines() {
        Fetril.Config c =
                config(Selector.NEAREST, Fetril.Returning.REFUSE).with(Selector.NEAREST, Fetril.Classifier.FC, 1);
        Fetril l = new Fetril(c, data().schema(), Rng.of(3));
        Experience first = part(0, data(), 0, 1, 2);
        l.end(first);
        Dataset rows = (Dataset) first.train();
        long[] y = rows.classIds();
        // the part's rows come class by class
        int[] at = IntStream.range(0, y.length)
                .boxed()
                .sorted(java.util.Comparator.comparingLong((Integer i) -> y[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        Tensor x = FeatureTranslation.normalise(rows.rows(at).inputs().x());
        int[] column = Arrays.stream(at).map(i -> (int) y[i]).toArray();
        Tensor plain = LinearSoftmax.fit(
                LAYER, x, column, 3, null, Rng.of(3).child("selector").child("layer", 0));
        assertThat(gap(l.state().tensor("weights"), plain)).isLessThanOrEqualTo(1e-12);
        l.end(part(1, data(), 3, 4, 5));
        Prediction p = l.predict(data().rows(all(data())).inputs());
        assertThat(p.columns().size()).isEqualTo(CLASSES);
        long[] truth = data().classIds();
        int[] said = p.classes();
        long right =
                IntStream.range(0, said.length).filter(i -> said[i] == truth[i]).count();
        assertThat(right).isGreaterThan(said.length / 2);
    }

    @Test
    void onlyMeansAndMachinesAreKept() {
        Fetril l = learner(Selector.NEAREST);
        l.end(part(0, data(), 0, 1, 2));
        l.end(part(1, data(), 3, 4, 5));
        long numbers =
                l.state().tensors().values().stream().mapToLong(Tensor::numel).sum();
        // means C D, machines C (D + 1), and for each class its id and count
        assertThat(numbers).isEqualTo(CLASSES * (2 * WIDTH + 1 + 2));
        assertThat(l.footprint().bytes()).isEqualTo(8L * CLASSES * (2 * WIDTH + 1));
        Tensor means = l.state().tensor("means");
        for (int c = 0; c < CLASSES; c++) {
            Dataset rows = (Dataset) part(0, data(), c).train();
            assertThat(gap(means.select(0, c), rows.rows(all(rows)).inputs().x().mean(new long[] {0})))
                    .isLessThanOrEqualTo(1e-12);
        }
    }

    @Test
    void aClassWithOneRowIsAllowed() {
        Fetril l = learner(Selector.NEAREST);
        l.end(part(0, data(), 0, 1));
        long[] y = data().classIds();
        int row =
                IntStream.range(0, y.length).filter(i -> y[i] == 3).findFirst().orElseThrow();
        Dataset one = data().subset(row);
        l.end(new Experience(1, 1, one, ClassIndex.numbered(CLASSES), true, Pace.inOrder(10)));
        Prediction p = l.predict(one.rows(0).inputs());
        assertThat(p.classes()).containsExactly(3);
        assertThat(Tensors.finite(p.scores())).isTrue();
    }

    @Test
    void aRowOfZerosStaysZero() {
        Tensor zero = Tensors.zeros(ScalarType.Double, 1, WIDTH);
        assertThat(gap(FeatureTranslation.normalise(zero), zero)).isZero();
        Fetril l = learner(Selector.NEAREST);
        l.end(part(0, data(), 0, 1));
        assertThat(Tensors.finite(l.predict(Inputs.of(zero)).scores())).isTrue();
    }

    @Test
    void oneClassInAllIsPredictedAlways() {
        Fetril l = learner(Selector.NEAREST);
        l.end(part(0, data(), 2));
        assertThat(l.predict(data().rows(0, 1, 2, 3).inputs()).classes()).containsOnly(2);
    }

    @Test
    void aReturningClassIsRefusedAndChangesNothing() {
        Fetril l = learner(Selector.NEAREST);
        l.end(part(0, data(), 0, 1));
        var before = l.state().copy();
        assertThatThrownBy(() -> l.end(part(1, data(), 1, 2)))
                .hasMessageContaining("Class 1")
                .hasMessageContaining("UPDATE_MEAN");
        assertThat(l.state().sameAs(before)).isTrue();
        before.tensors().values().forEach(Tensor::close);
    }

    @Test
    void aReturningClassCanUpdateItsMean() {
        Fetril l = new Fetril(config(Selector.NEAREST, Fetril.Returning.UPDATE_MEAN), data().schema(), Rng.of(3));
        Dataset train = (Dataset) part(0, data(), 0).train();
        Dataset some = train.subset(0, 1);
        Dataset rest = train.subset(IntStream.range(2, (int) train.size()).toArray());
        l.end(new Experience(0, 0, some, ClassIndex.numbered(CLASSES), true, Pace.inOrder(10)));
        l.end(part(1, data(), 1));
        l.end(new Experience(2, 2, rest, ClassIndex.numbered(CLASSES), true, Pace.inOrder(10)));
        Tensor mean = train.rows(all(train)).inputs().x().mean(new long[] {0});
        assertThat(gap(l.state().tensor("means").select(0, 0), mean)).isLessThanOrEqualTo(1e-12);
        assertThat(Tensors.doubles(l.state().tensor("counts"))).containsExactly(7, 7);
        assertThat(l.predict(data().rows(0, 1).inputs()).classes()).containsExactly(0, 1);
    }

    @Test
    void featuresThatAreNotFiniteNameTheirClass() {
        double[][] x = {{1, 2, 3, 4, 5}, {1, 1, 1, 1, 1}, {0, Double.NaN, 0, 0, 0}};
        MemoryDataset bad = MemoryDataset.of(data().schema(), Inputs.of(Tensors.of(x)), Target.ClassIds.of(0, 1, 4));
        Fetril l = learner(Selector.NEAREST);
        var before = l.state().copy();
        assertThatThrownBy(() -> l.end(part(0, bad, 0, 1, 4))).hasMessageContaining("class 4");
        assertThat(l.state().sameAs(before)).isTrue();
    }

    @Test
    void anotherWidthIsRefused() {
        Fetril l = learner(Selector.NEAREST);
        l.end(part(0, data(), 0, 1));
        Schema wide = Schema.vectors(WIDTH + 2, data().schema().classes());
        MemoryDataset rows = MemoryDataset.of(
                wide, Inputs.of(Tensors.zeros(ScalarType.Double, 4, WIDTH + 2)), Target.ClassIds.of(2, 2, 3, 3));
        assertThatThrownBy(() -> l.end(part(1, rows, 2, 3)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(Integer.toString(WIDTH));
        assertThatCode(() -> l.predict(data().rows(0).inputs())).doesNotThrowAnyException();
    }

    @Test
    void theStartOfTheSearchDoesNotMatter() {
        Fetril.Config warm = config(Selector.NEAREST, Fetril.Returning.REFUSE);
        Fetril.Config cold = new Fetril.Config(
                warm.features(),
                warm.selector(),
                warm.similarity(),
                warm.rank(),
                warm.classifier(),
                warm.c(),
                warm.tolerance(),
                warm.fc(),
                warm.maxPseudoPerClass(),
                false,
                warm.returning());
        List<Tensor> weights = new ArrayList<>();
        for (Fetril.Config c : List.of(warm, cold)) {
            Fetril l = new Fetril(c, data().schema(), Rng.of(3));
            l.end(part(0, data(), 0, 1, 2));
            l.end(part(1, data(), 3, 4));
            weights.add(l.state().tensor("weights").clone());
        }
        assertThat(gap(weights.get(0), weights.get(1))).isLessThanOrEqualTo(1e-8);
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new Fetril.Config(
                        FeatureSpace.Config.inputs(),
                        Selector.KTH,
                        Similarity.COSINE,
                        0,
                        Fetril.Classifier.SVC,
                        1,
                        1e-6,
                        LAYER,
                        1,
                        true,
                        Fetril.Returning.REFUSE))
                .hasMessageContaining("rank");
        assertThatThrownBy(
                        () -> learner(Selector.NEAREST).predict(data().rows(0).inputs()))
                .isInstanceOf(IllegalStateException.class);
    }
}
