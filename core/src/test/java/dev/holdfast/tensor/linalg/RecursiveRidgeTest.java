package dev.holdfast.tensor.linalg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.RecursiveRidge.Form;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class RecursiveRidgeTest {
    private static final int WIDTH = 12;

    static Stream<GoldenCase> cases() {
        return Golden.cases("24-g-acil");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        if (!c.kind().equals("recursive-ridge")) {
            c.failOnKind();
        }
        for (Form form : Form.values()) {
            boolean bias = c.flag("bias");
            Tensor projection = c.tensor("projection");
            RecursiveRidge ridge = new RecursiveRidge(projection.size(0) + (bias ? 1 : 0), c.number("gamma"), form);
            List<Tensor> rows = new ArrayList<>();
            List<int[]> labels = new ArrayList<>();
            List<Map<String, Object>> after = new ArrayList<>();
            int columns = 0;
            for (JsonNode batch : c.input("batches")) {
                Tensor h = hidden(Golden.tensor(batch.get("x")), projection, bias);
                int[] y = Golden.ints(batch.get("y"));
                // these vectors number columns by class id
                columns = Math.max(columns, Arrays.stream(y).max().orElse(-1) + 1);
                ridge.learn(h, Tensors.oneHot(y, columns, h));
                rows.add(h);
                labels.add(y);
                Tensor joint = Ridge.fit(
                        Tensors.cat(0, rows.toArray(new Tensor[0])),
                        Tensors.oneHot(
                                labels.stream().flatMapToInt(Arrays::stream).toArray(), columns, h),
                        c.number("gamma"));
                double off = joint.sub(ridge.weight()).abs().max().item_double();
                after.add(Map.of("weight", ridge.weight().clone(), "jointRidge", joint, "maxAbsDifference", off));
            }
            c.assertOutput("afterEachBatch", after);
            c.assertOutput("R", ridge.covariance());
            c.assertOutput(
                    "queryLogits", hidden(c.tensor("queries"), projection, bias).mm(ridge.weight()));
        }
        c.assertAllCompared();
    }

    private static Tensor hidden(Tensor x, Tensor projection, boolean bias) {
        Tensor h = x.mm(projection.t()).relu();
        return bias ? Tensors.cat(1, h, Tensors.emptyLike(h, h.size(0), 1).fill_(Tensors.scalar(1))) : h;
    }

    @ParameterizedTest
    @CsvSource({"RECURSIVE,1e-3,1e-8", "RECURSIVE,1,1e-10", "RECURSIVE,1e-5,1e-6", "GRAM,1e-3,1e-8", "GRAM,1e-5,1e-6"})
    void anyOrderAndAnyBatchesGiveTheJointSolution(Form form, double gamma, double tolerance) {
        Rng rng = Rng.of(1);
        Tensor h = rng.normal(ScalarType.Double, 60, WIDTH);
        int[] y = new int[60];
        for (int i = 0; i < 60; i++) {
            y[i] = rng.below(5);
        }
        double[] joint = Tensors.doubles(Ridge.fit(h, Tensors.oneHot(y, 5, h), gamma));
        for (int trial = 0; trial < 5; trial++) {
            int[] order = rng.permutation(60);
            RecursiveRidge ridge = new RecursiveRidge(WIDTH, gamma, form);
            for (int at = 0; at < 60; ) {
                int[] part = Arrays.copyOfRange(order, at, Math.min(60, at + 1 + rng.below(25)));
                ridge.learn(
                        Tensors.rows(h, part),
                        Tensors.oneHot(Arrays.stream(part).map(i -> y[i]).toArray(), 5, h));
                at += part.length;
            }
            assertThat(Tensors.doubles(ridge.weight())).containsExactly(joint, within(tolerance));
            assertThat(ridge.rows()).isEqualTo(60);
        }
    }

    @Test
    void theCovarianceIsTheInverseOfTheGramMatrixAndSymmetric() {
        RecursiveRidge ridge = learnt(Form.RECURSIVE, 0.5, 1, 40);
        Tensor r = ridge.covariance();
        assertThat(r.sub(r.t()).abs().max().item_double()).isZero();
        Tensor h = rows(1, 40);
        Tensor gram = h.t().mm(h);
        gram.diagonal().add_(Tensors.scalar(0.5));
        double[] unit = Tensors.doubles(r.mm(gram));
        for (int i = 0; i < unit.length; i++) {
            assertThat(unit[i]).isCloseTo(i / WIDTH == i % WIDTH ? 1 : 0, within(1e-8));
        }
        double[] eigenvalues = Tensors.doubles(LinearAlgebra.eigh(r).values());
        assertThat(eigenvalues[0]).isPositive();
        assertThat(eigenvalues[WIDTH - 1]).isLessThanOrEqualTo(1 / 0.5 + 1e-12);
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void whatIsForgottenWasNeverThere(Form form) {
        RecursiveRidge ridge = learnt(form, 0.1, 1, 40);
        double[] before = Tensors.doubles(ridge.weight());
        Tensor more = rows(2, 9);
        Tensor y = targets(2, 9, 4);
        ridge.learn(more, y);
        assertThat(Tensors.doubles(ridge.weight())).isNotEqualTo(before);
        ridge.forget(more, y);
        double[] after = Tensors.doubles(Tensors.slice(ridge.weight(), 1, 0, 3));
        assertThat(after).containsExactly(before, within(1e-8));
        assertThat(Tensors.doubles(Tensors.slice(ridge.weight(), 1, 3, 4)))
                .containsExactly(new double[WIDTH], within(1e-8));
        assertThat(ridge.rows()).isEqualTo(40);
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void mergingIsLearningBoth(Form form) {
        RecursiveRidge a = learnt(form, 0.1, 1, 30);
        RecursiveRidge b = learnt(form, 0.1, 2, 25);
        // b's columns 0, 1, 2 mean 2, 3, 0 of a
        a.merge(b, 2, 3, 0);
        Tensor yb = targets(2, 25, 3);
        Tensor placed = Tensors.cat(
                1, Tensors.slice(yb, 1, 2, 3), Tensors.zeros(ScalarType.Double, 25, 1), Tensors.slice(yb, 1, 0, 2));
        Tensor ya = Tensors.cat(1, targets(1, 30, 3), Tensors.zeros(ScalarType.Double, 30, 1));
        Tensor joint = Ridge.fit(Tensors.cat(0, rows(1, 30), rows(2, 25)), Tensors.cat(0, ya, placed), 0.1);
        assertThat(Tensors.doubles(a.weight())).containsExactly(Tensors.doubles(joint), within(1e-9));
        assertThat(a.rows()).isEqualTo(55);
        // and it learns on
        a.learn(rows(3, 5), targets(3, 5, 4));
        assertThatThrownBy(() -> a.merge(b, 0, 0, 1)).hasMessageContaining("place of its own");
        assertThatThrownBy(() -> a.merge(new RecursiveRidge(WIDTH, 0.2, form))).hasMessageContaining("gamma");
    }

    @Test
    void samplesOfNewClassesPushOldColumns() {
        RecursiveRidge ridge = learnt(Form.RECURSIVE, 0.1, 1, 40);
        double[] before = Tensors.doubles(ridge.weight());
        Tensor only = Tensors.zeros(ScalarType.Double, 6, 4);
        only.select(1, 3).fill_(Tensors.scalar(1));
        ridge.learn(rows(5, 6), only);
        assertThat(Tensors.doubles(Tensors.slice(ridge.weight(), 1, 0, 3))).isNotEqualTo(before);
    }

    @Test
    void aLargeGammaLeavesTheScaledMoments() {
        double gamma = 1e9;
        RecursiveRidge ridge = learnt(Form.RECURSIVE, gamma, 1, 20);
        double[] expected =
                Tensors.doubles(rows(1, 20).t().mm(targets(1, 20, 3)).div(Tensors.scalar(gamma)));
        double[] w = Tensors.doubles(ridge.weight());
        for (int i = 0; i < w.length; i++) {
            assertThat(w[i]).isCloseTo(expected[i], within(1e-6 * Math.abs(expected[i]) + 1e-15));
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void savesAndResumesToTheBit(Form form) {
        RecursiveRidge a = learnt(form, 0.1, 1, 30);
        State saved = a.state().copy();
        RecursiveRidge b = new RecursiveRidge(WIDTH, 0.1, form);
        b.load(saved);
        a.learn(rows(2, 7), targets(2, 7, 5));
        b.learn(rows(2, 7), targets(2, 7, 5));
        assertThat(b.state().sameAs(a.state())).isTrue();
        assertThatThrownBy(() -> new RecursiveRidge(WIDTH, 0.2, form).load(saved))
                .hasMessageContaining("gamma");
    }

    @Test
    void batchesLargerThanAPieceAreTakenWhole() {
        Tensor h = rows(1, 3000);
        Tensor y = targets(1, 3000, 3);
        RecursiveRidge ridge = new RecursiveRidge(WIDTH, 0.1, Form.RECURSIVE);
        ridge.learn(h, y);
        assertThat(Tensors.doubles(ridge.weight()))
                .containsExactly(Tensors.doubles(Ridge.fit(h, y, 0.1)), within(1e-11));
    }

    @Test
    void weightsThatOverflowAreRefusedAndChangeNothing() {
        for (Form form : Form.values()) {
            RecursiveRidge ridge = new RecursiveRidge(WIDTH, 1e-3, form);
            State before = ridge.state().copy();
            // small rows need large weights: about 9 times the targets
            Tensor h = rows(2, 1).mul(Tensors.scalar(0.01));
            Tensor y = targets(2, 1, 1).mul(Tensors.scalar(0)).add(Tensors.scalar(0.99 * Double.MAX_VALUE));
            assertThatThrownBy(() -> {
                        ridge.learn(form == Form.GRAM ? h.mul(Tensors.scalar(1e3)) : h, y);
                        ridge.weight();
                    })
                    .hasMessageContaining("finite");
            assertThat(ridge.state().sameAs(before)).isTrue();
        }
    }

    @Test
    void badInputChangesNothing() {
        RecursiveRidge ridge = learnt(Form.RECURSIVE, 0.1, 1, 30);
        State before = ridge.state().copy();
        Tensor bad = rows(2, 3);
        bad.select(0, 1).fill_(Tensors.scalar(Double.NaN));
        assertThatThrownBy(() -> ridge.learn(bad, targets(2, 3, 3))).hasMessageContaining("row 1");
        assertThatThrownBy(() -> ridge.learn(rows(2, 3), targets(2, 3, 2))).hasMessageContaining("2 columns");
        assertThatThrownBy(() -> ridge.learn(rows(2, 3), targets(2, 4, 3))).hasMessageContaining("[4, 3]");
        assertThatThrownBy(() -> ridge.forget(rows(9, 31), targets(9, 31, 3))).hasMessageContaining("only 30");
        assertThatThrownBy(() -> ridge.forget(rows(9, 29).mul(Tensors.scalar(5)), targets(9, 29, 3)))
                .hasMessageContaining("never learnt");
        ridge.learn(Tensors.zeros(ScalarType.Double, 0, WIDTH), Tensors.zeros(ScalarType.Double, 0, 3));
        assertThat(ridge.state().sameAs(before)).isTrue();
    }

    @Test
    void nonsenseIsRefusedBeforeAllocating() {
        assertThatThrownBy(() -> new RecursiveRidge(10, 0, Form.GRAM)).hasMessageContaining("gamma");
        assertThatThrownBy(() -> new RecursiveRidge(0, 1, Form.GRAM)).hasMessageContaining("width");
        assertThatThrownBy(() -> new RecursiveRidge(10_000_000, 1, Form.GRAM))
                .hasMessageContaining("2400000000000000 bytes");
        assertThatThrownBy(() -> new RecursiveRidge(Long.MAX_VALUE, 1, Form.GRAM))
                .hasMessageContaining("bytes");
    }

    @Test
    void nothingLearntIsNoColumns() {
        RecursiveRidge ridge = new RecursiveRidge(WIDTH, 1, Form.RECURSIVE);
        assertThat(ridge.columns()).isZero();
        assertThat(ridge.weight().shape()).containsExactly(WIDTH, 0);
        assertThat(ridge.bytes()).isEqualTo(8 * WIDTH * WIDTH);
    }

    private static RecursiveRidge learnt(Form form, double gamma, long seed, int n) {
        RecursiveRidge ridge = new RecursiveRidge(WIDTH, gamma, form);
        ridge.learn(rows(seed, n), targets(seed, n, 3));
        return ridge;
    }

    private static Tensor rows(long seed, int n) {
        return Rng.of(seed).child("rows").normal(ScalarType.Double, n, WIDTH);
    }

    private static Tensor targets(long seed, int n, int columns) {
        Rng rng = Rng.of(seed).child("targets");
        int[] y = new int[n];
        for (int i = 0; i < n; i++) {
            y[i] = rng.below(Math.min(3, columns));
        }
        return Tensors.oneHot(y, columns, Tensors.zeros(ScalarType.Double, 1));
    }

    /** Columns that are left out stay to the bit; the others are those of an update of all. */
    @Test
    void someColumnsCanBeLearntAlone() {
        Tensor first = Rng.of(1).normal(ScalarType.Double, 9, 4);
        Tensor second = Rng.of(2).normal(ScalarType.Double, 1500, 4);
        Tensor y = Rng.of(3).normal(ScalarType.Double, 1500, 3);
        RecursiveRidge some = new RecursiveRidge(4, 0.1, RecursiveRidge.Form.RECURSIVE);
        RecursiveRidge all = new RecursiveRidge(4, 0.1, RecursiveRidge.Form.RECURSIVE);
        for (RecursiveRidge r : List.of(some, all)) {
            r.learn(first, Tensors.slice(y, 0, 9));
        }
        Tensor before = some.weight().clone();
        some.learn(second, y, new int[] {0, 2});
        all.learn(second, y);
        for (int c = 0; c < 3; c++) {
            Tensor expected = (c == 1 ? before : all.weight()).select(1, c);
            assertThat(some.weight().select(1, c).sub(expected).abs().max().item_double())
                    .as("column " + c)
                    .isZero();
        }
        assertThat(some.covariance().sub(all.covariance()).abs().max().item_double())
                .isZero();
        assertThatThrownBy(() -> some.learn(first, Tensors.slice(y, 0, 9), new int[] {3}))
                .hasMessageContaining("3 columns");
        RecursiveRidge sums = new RecursiveRidge(4, 0.1, RecursiveRidge.Form.GRAM);
        assertThatThrownBy(() -> sums.learn(first, Tensors.slice(y, 0, 9), new int[] {0}))
                .hasMessageContaining("RECURSIVE");
    }
}
