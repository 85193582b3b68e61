package dev.holdfast.nn.prototype;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.evaluate.attack.L2Attack;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.prototype.ReasoningHead.Form;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What the theory promises holds for networks at random. */
class CertificateTest {
    private static final int WIDTH = 6;
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /** A float64 network with components and tables far from their even start. */
    private static ComponentNet net(Form form, boolean squared, int rank, int classes, int perClass, long seed) {
        Rng rng = Rng.of(seed);
        Components.Config config = new Components.Config(5, squared, rank, 0.8, false, 0, 0.5, 0.5);
        Components components = new Components(config, WIDTH, rng, ScalarType.Double);
        ReasoningHead head = new ReasoningHead.Spec(form, perClass)
                .build("head", 5, ClassIndex.numbered(classes), rng, ScalarType.Double);
        ComponentNet net =
                new ComponentNet(new InputShape(List.of((long) WIDTH)), components, head, 1, ScalarType.Double);
        try (var mode = Autograd.noGrad()) {
            Tensor theta = net.parameters().get("head");
            Tensor noise = rng.child("theta").normal(ScalarType.Double, theta.shape());
            if (form == Form.CLASSIC) {
                theta.copy_(noise.sigmoid());
            } else {
                theta.add_(noise.mul(Tensors.scalar(2)));
            }
            Tensor sigma = net.parameters().get("sigma");
            sigma.copy_(rng.child("sigma").uniform(ScalarType.Double, 5).add(Tensors.scalar(0.4)));
        }
        return net;
    }

    private static Tensor rows(long seed, int n) {
        return Rng.of(seed).child("x").uniform(ScalarType.Double, n, WIDTH);
    }

    static Stream<Arguments> networks() {
        return Stream.of(
                Arguments.of(Form.STABLE, false, 0),
                Arguments.of(Form.STABLE, false, 2),
                Arguments.of(Form.STABLE, true, 0),
                Arguments.of(Form.STABLE, true, 2),
                Arguments.of(Form.CLASSIC, false, 0),
                Arguments.of(Form.POSITIVE, false, 0));
    }

    @ParameterizedTest
    @MethodSource("networks")
    void nothingWithinTheRadiusAltersThePrediction(Form form, boolean squared, int rank) {
        for (long seed = 1; seed <= 4; seed++) {
            ComponentNet net = net(form, squared, rank, 4, 2, seed);
            Tensor x = rows(seed, 60);
            Certificate c = net.certify(Inputs.of(x));
            int[] column = Tensors.ints(c.column());
            double[] radius = Tensors.doubles(c.radius());
            assertThat(Arrays.stream(radius).max().orElseThrow()).isGreaterThan(0);
            Tensor r = c.radius().mul(Tensors.scalar(0.999)).unsqueeze(1);
            for (int k = 0; k < 20; k++) {
                Tensor v = Rng.of(seed).child("direction", k).normal(ScalarType.Double, x.shape());
                Tensor moved = x.add(v.div(v.mul(v).sum(1).sqrt().unsqueeze(1)).mul(r));
                assertThat(Tensors.ints(net.certify(Inputs.of(moved)).column())).isEqualTo(column);
            }
            double[] almost = Arrays.stream(radius).map(v -> 0.999 * v).toArray();
            L2Attack attack = new L2Attack(30, 3, 0.1, Double.NaN, Double.NaN);
            L2Attack.Outcome o = attack.attack(t -> net.scores(t, Pass.eval()), x, column, almost, Rng.of(seed));
            assertThat(o.broken()).containsOnly(false);
            // the same attack with more room does find ways, so its silence above means something
            double[] far = new double[60];
            Arrays.fill(far, 3);
            assertThat(attack.attack(t -> net.scores(t, Pass.eval()), x, column, far, Rng.of(seed))
                            .broken())
                    .contains(true);
        }
    }

    @Test
    void nothingWithinTheRadiusAltersTheNearestPrototype() {
        for (int rank : new int[] {0, 2}) {
            LvqHead head = new LvqHead.Spec(2, rank, 0, 0.5, 0.5)
                    .build("head", WIDTH, ClassIndex.numbered(3), Rng.of(3), ScalarType.Double);
            LvqNet net = new LvqNet(new InputShape(List.of((long) WIDTH)), head, ScalarType.Double);
            Tensor x = rows(3, 60);
            Certificate c = net.certify(Inputs.of(x));
            double[] almost = Arrays.stream(Tensors.doubles(c.radius()))
                    .map(v -> 0.999 * v)
                    .toArray();
            L2Attack attack = new L2Attack(30, 3, 0.1, Double.NaN, Double.NaN);
            assertThat(attack.attack(
                                    t -> net.scores(Inputs.of(t), Pass.eval()),
                                    x,
                                    Tensors.ints(c.column()),
                                    almost,
                                    Rng.of(1))
                            .broken())
                    .containsOnly(false);
        }
    }

    @Test
    void agreementAndDisagreementSumToOneAndTheRadiusIsPositiveWhereTheClassLeads() {
        ComponentNet net = net(Form.STABLE, false, 0, 4, 2, 9);
        Tensor x = rows(9, 50);
        Tensor d = net.detections(x, Pass.eval());
        Reasoning tables = net.head().reasoning(Pass.eval());
        double[][] p = Tensors.rows(tables.probability(d));
        double[][] best = Tensors.rows(tables.byClass(tables.probability(d)));
        List<Explanation> why = Explanation.of(d, tables);
        ComponentNet.Detected detected = net.detected(x, Pass.eval());
        int[] own = new int[50];
        for (int column = 0; column < 4; column++) {
            Arrays.fill(own, column);
            double[] radius = Tensors.doubles(detected.radius(tables, own));
            for (int i = 0; i < 50; i++) {
                int here = column;
                int row = i;
                double other = IntStream.range(0, 4)
                        .filter(c -> c != here)
                        .mapToDouble(c -> best[row][c])
                        .max()
                        .orElseThrow();
                assertThat(radius[i] > 0).isEqualTo(best[i][column] - other > 0);
            }
        }
        for (int i = 0; i < 50; i++) {
            assertThat(Arrays.stream(p[i])).allMatch(v -> v >= 0 && v <= 1);
            Explanation e = why.get(i);
            assertThat(e.agreement()).isCloseTo(best[i][e.column()], within(1e-12));
            assertThat(e.agreement() + e.disagreement()).isCloseTo(1, within(1e-12));
        }
    }

    @Test
    void forFixedDetectionsTheRadiusIsLinearInTheWidth() {
        Reasoning tables = net(Form.STABLE, false, 0, 3, 1, 5).head().reasoning(Pass.eval());
        Tensor d = Rng.of(5).uniform(ScalarType.Double, 7, 5);
        int[] y = {0, 1, 2, 0, 1, 2, 0};
        double[] one = Tensors.doubles(Certificate.radius(d, tables, Tensors.scalarLike(d, 1), y));
        double[] three = Tensors.doubles(Certificate.radius(d, tables, Tensors.scalarLike(d, 3), y));
        for (int i = 0; i < one.length; i++) {
            assertThat(three[i]).isCloseTo(3 * one[i], within(1e-12));
        }
    }

    @Test
    void positiveReasoningAloneIsTheRadiusOfRadialBasisFunctions() {
        ComponentNet net = net(Form.POSITIVE, false, 0, 3, 1, 6);
        Tensor x = rows(6, 20);
        ComponentNet.Detected d = net.detected(x, Pass.eval());
        Reasoning tables = net.head().reasoning(Pass.eval());
        double[][] p = Tensors.rows(tables.probability(d.detections()));
        int[] y = new int[20];
        double[] radius = Tensors.doubles(d.radius(tables, y));
        double sigma = d.sigma().item_double();
        for (int i = 0; i < 20; i++) {
            double other = Math.max(p[i][1], p[i][2]);
            assertThat(radius[i]).isCloseTo(sigma / 2 * Math.log(p[i][0] / other), within(1e-7));
        }
    }

    @Test
    void aTableWithOneEntryAsksForTheNearestComponent() {
        double[][] eye = new double[5][5];
        for (int k = 0; k < 5; k++) {
            eye[k][k] = 1;
        }
        Reasoning tables = Reasoning.of(eye, new double[5][5], 0, 1, 2, 3, 4);
        Tensor d = Rng.of(8).uniform(ScalarType.Double, 30, 5);
        assertThat(Tensors.rows(tables.probability(d))).isEqualTo(Tensors.rows(d));
        assertThat(tables.entropy()).isCloseTo(0, within(1e-12));
        assertThat(Tensors.rows(tables.requiredness())[0]).containsExactly(1, 0.5, 0.5, 0.5, 0.5);
        assertThat(Tensors.rows(tables.prior())).isEqualTo(eye);
    }

    @Test
    void tangentsOfRankNoneAreTheEuclideanDistance() {
        Tensor x = rows(2, 9);
        Tensor w = rows(3, 4);
        Tensor none = Tensors.zeros(ScalarType.Double, 4, WIDTH, 0);
        assertThat(Tensors.rows(Distances.tangentSquared(x, w, none))).isEqualTo(Tensors.rows(Distances.squared(x, w)));
    }

    @Test
    void equalTablesOfTwoClassesLeaveNoRadiusAndOneClassNoLimit() {
        double[][] half = {{0.5, 0}, {0.5, 0}};
        double[][] rest = {{0, 0.5}, {0, 0.5}};
        Tensor d = Tensors.of(new double[] {0.3, 0.6}, 1, 2);
        Tensor sigma = Tensors.scalarLike(d, 2);
        Tensor none = Certificate.radius(d, Reasoning.of(half, rest, 0, 1), sigma, 0);
        assertThat(none.item_double()).isCloseTo(0, within(1e-12));
        Tensor alone = Certificate.radius(d, Reasoning.of(half, rest, 0, 0), sigma, 0);
        assertThat(alone.item_double()).isInfinite().isPositive();
    }

    @Test
    void ofSeveralReasoningsThoseOfTheOwnClassAreNoRivals() {
        // both reasonings of class 0 are far ahead; only the reasoning of class 1 limits the radius
        double[][] positive = {{1, 0}, {1, 0}, {0, 1}};
        double[][] nothing = {{0, 0}, {0, 0}, {0, 0}};
        Tensor d = Tensors.of(new double[] {0.8, 0.2}, 1, 2);
        Tensor r = Certificate.radius(d, Reasoning.of(positive, nothing, 0, 0, 1), Tensors.scalarLike(d, 1), 0);
        assertThat(r.item_double()).isCloseTo(0.5 * Math.log(4), within(1e-12));
    }

    @Test
    void squaredDistancesSolveTheirEquation() {
        Tensor radius = Tensors.of(new double[] {0.7, -0.4}, 2);
        Tensor m = Tensors.of(new double[] {2, 2}, 2);
        double[] eps = Tensors.doubles(Certificate.squared(radius, m, 1));
        assertThat(3 * eps[0] * eps[0] + 2 * 2 * eps[0]).isCloseTo(0.7, within(1e-12));
        assertThat(eps[1]).isEqualTo(-0.4);
    }

    @Test
    void faintDetectionsAreTold() {
        ComponentNet net = net(Form.STABLE, false, 0, 3, 1, 4);
        try (var mode = Autograd.noGrad()) {
            net.parameters().get("sigma").fill_(new Scalar(1e-3));
        }
        assertThat(net.certify(Inputs.of(rows(4, 10))).faint()).isGreaterThan(0.5);
    }

    @Test
    void copiesShareNothingAndStatesLoadAlsoWithMoreClasses() {
        for (int rank : new int[] {0, 2}) {
            ComponentNet net = net(Form.STABLE, false, rank, 4, 2, 1);
            ComponentNet small = net(Form.STABLE, false, rank, 2, 2, 7);
            ComponentNet copy = net.copy(new Copier());
            Tensor x = rows(1, 5);
            small.load(net.state().copy());
            double[][] said = Tensors.rows(net.scores(x, Pass.eval()));
            assertThat(Tensors.rows(small.scores(x, Pass.eval()))).isEqualTo(said);
            try (var mode = Autograd.noGrad()) {
                net.parameters().get("components").zero_();
            }
            assertThat(Tensors.rows(copy.scores(x, Pass.eval()))).isEqualTo(said);
            LvqHead lvq = new LvqHead.Spec(1, rank, 0, 0, 1)
                    .build("head", 4, ClassIndex.numbered(3), Rng.of(1), ScalarType.Double);
            LvqHead other =
                    new LvqHead.Spec(1, rank, 0, 0, 1).build("head", 4, ClassIndex.EMPTY, Rng.of(2), ScalarType.Double);
            Snapshot.loadAll(new dev.holdfast.tensor.State().put("h", lvq), java.util.Map.of("h", other));
            assertThat(other.state().sameAs(lvq.state())).isTrue();
        }
    }

    @Test
    void boundsPutLeavesBack() {
        ComponentNet net = net(Form.CLASSIC, false, 2, 2, 1, 3);
        try (var mode = Autograd.noGrad()) {
            net.parameters().tensors()[0].mul_(new Scalar(10.0));
            net.parameters().get("tangents").add_(new Scalar(0.3));
            net.parameters().get("head").mul_(new Scalar(5.0));
        }
        new PrototypeBounds(0, 1, true, false).apply(net.parameters(), 1);
        Tensor w = net.parameters().get("tangents").detach();
        double[] gram = Tensors.doubles(w.transpose(1, 2).matmul(w).select(0, 0));
        assertThat(gram[0]).isCloseTo(1, within(1e-12));
        assertThat(gram[1]).isCloseTo(0, within(1e-12));
        for (String leaf : List.of("components", "head")) {
            assertThat(Arrays.stream(Tensors.doubles(net.parameters().get(leaf))))
                    .allMatch(v -> v >= 0 && v <= 1);
        }
    }

    @Test
    void badInputIsRefusedWithWhatWasExpected() {
        assertThatThrownBy(() -> Reasoning.of(new double[][] {{0.5}}, new double[][] {{0.4}}, 0))
                .hasMessageContaining("sum to 1")
                .hasMessageContaining("0.9");
        assertThatThrownBy(() -> Reasoning.of(new double[][] {{1}}, new double[][] {{0}}, 1))
                .hasMessageContaining("Class column 0 has no reasoning");
        assertThatThrownBy(() -> Reasoning.of(new double[][] {{}}, new double[][] {{}}, 0))
                .hasMessageContaining("needs components");
        assertThatThrownBy(() -> Reasoning.stable(Tensors.zeros(ScalarType.Double, 2, 3), 0, 1))
                .hasMessageContaining("two for every component");
        assertThatThrownBy(() -> Reasoning.stable(Tensors.zeros(ScalarType.Double, 2, 4), 0, 1, 1))
                .hasMessageContaining("reasoning logits has shape");
        assertThatThrownBy(() -> new Components.Config(0, false, 0, 0, false, 0, 0, 1))
                .hasMessageContaining("at least 1 component");
        assertThatThrownBy(() -> new Components.Config(3, false, 0, -1, false, 0, 0, 1))
                .hasMessageContaining("sigma");
        assertThatThrownBy(() -> new Components(
                        Components.Config.defaults().withTangents(6), WIDTH, Rng.of(1), ScalarType.Double))
                .hasMessageContaining("tangent rank of 6");
        assertThatThrownBy(() -> new ReasoningHead.Spec(Form.STABLE, 0)).hasMessageContaining("perClass");
        ComponentNet empty = net(Form.STABLE, false, 0, 0, 1, 1);
        assertThatThrownBy(() -> empty.certify(Inputs.of(rows(1, 2)))).hasMessageContaining("before the first class");
        ComponentNet net = net(Form.STABLE, false, 0, 2, 1, 1);
        assertThatThrownBy(() -> net.certify(Inputs.of(Tensors.zeros(ScalarType.Double, 2, 9))))
                .hasMessageContaining("9");
        ReasoningHead head = new ReasoningHead.Spec(Form.STABLE, 1)
                .build("head", WIDTH, ClassIndex.numbered(2), Rng.of(1), ScalarType.Double);
        ComponentNet deep =
                new ComponentNet(new InputShape(List.of((long) WIDTH)), new ComponentMaps(0), head, ScalarType.Double);
        assertThat(deep.shallow()).isFalse();
        assertThat(deep.scores(rows(1, 3), Pass.eval()).shape()).containsExactly(3, 2);
        assertThatThrownBy(() -> deep.certify(Inputs.of(rows(1, 2)))).hasMessageContaining("no radius");
        assertThatThrownBy(() -> new L2Attack(0, 1, 0.1, 0, 1)).hasMessageContaining("steps and restarts");
        assertThatThrownBy(() -> L2Attack.defaults()
                        .attack(t -> t, rows(1, 2), new int[] {0, 0}, new double[] {1, -1}, Rng.of(1)))
                .hasMessageContaining("Row 1");
        assertThatThrownBy(() -> new PrototypeBounds(1, 0, false, false)).hasMessageContaining("low < high");
    }
}
