package dev.holdfast.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.learner.analytic.GAcil;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.nn.Pass;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.PretrainingPlugin;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class ContinualPretrainingTest {
    private static final PretrainingPlugin PLUGIN = new PretrainingPlugin();

    private final Dataset train = Clouds.of(9, 20, 5, 1, "train");
    private final Dataset test = Clouds.of(9, 10, 5, 1, "test");

    private Scenario scenario(String... settings) {
        Map<String, String> set =
                Arrays.stream(settings).map(s -> s.split("=")).collect(Collectors.toMap(s -> s[0], s -> s[1]));
        return PLUGIN.create(ConfigBinder.set(PLUGIN.defaults(), set), train, test, Rng.of(3));
    }

    private static Trial.Result run(Scenario s) {
        Finetune.Plugin p = new Finetune.Plugin();
        return Trial.run(p, p.defaults(), s, 1, Trial.Options.defaults(), () -> false, (done, planned) -> {});
    }

    @Test
    void downstreamClassesAreNeverShown() {
        Scenario s = scenario();
        Set<Integer> shown = new HashSet<>();
        for (Experience e : s.experiences()) {
            e.classes().columns().forEach(c -> assertThat(shown.add(c.classId()))
                    .isTrue());
        }
        assertThat(shown).hasSize(4);
        Set<Integer> down = new HashSet<>();
        for (TestSet t : s.tests()) {
            List<Integer> own = t.classes().columns().stream()
                    .map(ClassIndex.Column::classId)
                    .toList();
            assertThat(own).doesNotContainAnyElementsOf(shown);
            assertThat(Arrays.stream(t.probe().orElseThrow().classIds())
                            .distinct()
                            .sorted())
                    .containsExactlyElementsOf(
                            own.stream().map(Integer::longValue).sorted().toList());
            down.addAll(own);
        }
        assertThat(down).hasSize(5);
    }

    @Test
    void scoresProbesAfterEveryStage() {
        Trial.Result r = run(scenario());
        assertThat(r.status()).as(r.message()).isEqualTo(Trial.Status.DONE);
        assertThat(r.square()).hasDimensions(2, 2);
        // clouds far apart stay apart in the features of any useful network
        assertThat(r.averageAccuracy()).isGreaterThan(0.9);
        assertThat(r.curve()).isEmpty();
        assertThat(run(scenario()).square()).isEqualTo(r.square());
    }

    /** The probe is ridge regression on the features: here against the normal equations by hand. */
    @Test
    void theProbeIsRidgeRegression() {
        Scenario s = scenario();
        Finetune.Plugin p = new Finetune.Plugin();
        try (Scope scope = Scope.open();
                Finetune learner = p.create(p.defaults(), s.schema(), Rng.of(1))) {
            TestSet t = s.tests().get(1);
            Dataset probe = t.probe().orElseThrow();
            double[][] f = features(learner, probe);
            double square = Arrays.stream(f)
                            .flatMapToDouble(Arrays::stream)
                            .map(v -> v * v)
                            .sum()
                    / (f.length * (double) f[0].length);
            double[][] w =
                    RidgeByHand.fit(design(f, Math.sqrt(square)), probe.classIds(), t.classes(), 1e-3 * f.length);
            double[][] x = design(features(learner, t.data()), Math.sqrt(square));
            long[] truth = t.data().classIds();
            int right = 0;
            for (int i = 0; i < x.length; i++) {
                right += t.classes().columns().get(RidgeByHand.best(x[i], w)).classId() == truth[i] ? 1 : 0;
            }
            assertThat(LinearProbe.accuracy(learner, t)).isCloseTo(right / (double) x.length, within(1e-12));
        }
    }

    private static double[][] features(Finetune learner, Dataset d) {
        return Tensors.rows(learner.model()
                .features(d.rows(IntStream.range(0, (int) d.size()).toArray()).inputs(), Pass.eval()));
    }

    private static double[][] design(double[][] f, double scale) {
        return Arrays.stream(f)
                .map(row -> {
                    double[] x = Arrays.copyOf(row, row.length + 1);
                    for (int i = 0; i < row.length; i++) {
                        x[i] = row[i] / scale;
                    }
                    x[row.length] = 1;
                    return x;
                })
                .toArray(double[][]::new);
    }

    /** (X'X + gamma I) W = X'Y by Gaussian elimination. */
    private static final class RidgeByHand {
        static double[][] fit(double[][] x, long[] y, ClassIndex classes, double gamma) {
            int m = x[0].length;
            int c = classes.size();
            double[][] a = new double[m][m + c];
            for (int i = 0; i < m; i++) {
                a[i][i] = gamma;
            }
            for (int n = 0; n < x.length; n++) {
                for (int i = 0; i < m; i++) {
                    for (int j = 0; j < m; j++) {
                        a[i][j] += x[n][i] * x[n][j];
                    }
                    a[i][m + classes.columnOf((int) y[n])] += x[n][i];
                }
            }
            for (int i = 0; i < m; i++) {
                for (int r = 0; r < m; r++) {
                    double factor = a[r][i] / a[i][i];
                    for (int j = i; r != i && j < m + c; j++) {
                        a[r][j] -= factor * a[i][j];
                    }
                }
            }
            double[][] w = new double[m][c];
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < c; j++) {
                    w[i][j] = a[i][m + j] / a[i][i];
                }
            }
            return w;
        }

        static int best(double[] x, double[][] w) {
            int best = 0;
            double most = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < w[0].length; c++) {
                double score = 0;
                for (int i = 0; i < x.length; i++) {
                    score += x[i] * w[i][c];
                }
                if (score > most) {
                    most = score;
                    best = c;
                }
            }
            return best;
        }
    }

    @Test
    void learnersWithoutANetworkAreRefused() {
        GAcil.Plugin p = new GAcil.Plugin();
        assertThat(Compatibility.obstacles(p, p.defaults(), scenario()))
                .containsExactly("it has no network whose features could be read, but here probes on them are scored");
        Trial.Result r =
                Trial.run(p, p.defaults(), scenario(), 1, Trial.Options.defaults(), () -> false, (done, planned) -> {});
        assertThat(r.status()).isEqualTo(Trial.Status.REFUSED);
    }

    @Test
    void tooFewClassesAreRefused() {
        assertThatThrownBy(() -> scenario("stages=3"))
                .hasMessageContaining("3 upstream classes and 6 downstream")
                .hasMessageContaining("4 and 5");
        assertThatThrownBy(() -> scenario("stages=1")).hasMessageContaining("stages >= 2");
    }
}
