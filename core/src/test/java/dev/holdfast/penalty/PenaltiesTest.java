package dev.holdfast.penalty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.model.Mlp;
import dev.holdfast.objective.NetObjective;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Anchors: their gradients, their limits, what they hold and what they leave alone. */
@ExtendWith(NativeMemory.class)
class PenaltiesTest {
    private static final int CLASSES = 3;

    private final MemoryDataset data = Clouds.of(ScalarType.Double, CLASSES, 8, 4, 1, "train");
    private final Model model = new Mlp(List.of(4L), List.of(6), Init.KAIMING_UNIFORM, Activation.RELU, 0)
            .with(HeadSpec.linear(), ClassIndex.numbered(2))
            .build(Rng.of(2), ScalarType.Double);

    /** Rows of the two classes that the head knows. */
    private MemoryDataset known() {
        return data.subset(IntStream.range(0, 24).filter(i -> i % CLASSES < 2).toArray());
    }

    private NetObjective objective(Penalty p) {
        return new NetObjective(model, p.measuredBy(new CrossEntropy()), known());
    }

    private static Anchored anchored(Importance importance, Anchored.Accumulate accumulate, double gamma) {
        return new Anchored(new Anchored.Config(importance, accumulate, 3, gamma, true, 0), Rng.of(1));
    }

    /** Moves every leaf a little, reproducibly. */
    private void move(String name) {
        model.parameters().add(0.3, draws(name));
    }

    private ParamVector draws(String name) {
        Parameters p = model.parameters();
        Tensor[] d = new Tensor[p.size()];
        for (int i = 0; i < d.length; i++) {
            d[i] = Rng.of(3).child(name, i).normal(ScalarType.Double, p.get(i).shape());
        }
        return new ParamVector(p, d);
    }

    private SynapticIntelligence walked() {
        SynapticIntelligence si = new SynapticIntelligence(2, 0.1, false);
        walk(si, 4, 0.05);
        si.consolidate(model.parameters());
        return si;
    }

    /** Plain steps down the task loss; returns the losses before each step and after the last. */
    private double[] walk(SynapticIntelligence si, int steps, double rate) {
        ChainOptimizer sgd = OptimizerConfig.sgd(rate).build(model.parameters());
        Batch b = known().rows(IntStream.range(0, 16).toArray());
        double[] losses = new double[steps + 1];
        for (int t = 0; t <= steps; t++) {
            try (Scope s = Scope.open()) {
                Tensor loss = objective(si).at(b).total(null);
                losses[t] = loss.item_double();
                if (t < steps) {
                    ParamVector g = Autograd.grad(loss, model.parameters(), false);
                    Step step = sgd.step(new ParamVector(sgd.parameters(), parts(g)));
                    si.observe(g, step);
                }
            }
        }
        return losses;
    }

    private static Tensor[] parts(ParamVector g) {
        Tensor[] t = new Tensor[g.size()];
        for (int i = 0; i < t.length; i++) {
            t[i] = g.get(i);
        }
        return t;
    }

    static Stream<String> penalties() {
        List<String> names = new ArrayList<>(List.of("SI"));
        for (Importance i : Importance.values()) {
            for (Anchored.Accumulate a : Anchored.Accumulate.values()) {
                names.add(i + " " + a);
            }
        }
        return names.stream();
    }

    private Penalty penalty(String name) {
        if (name.equals("SI")) {
            return walked();
        }
        String[] p = name.split(" ");
        Anchored a = anchored(Importance.valueOf(p[0]), Anchored.Accumulate.valueOf(p[1]), 0.7);
        a.consolidate(objective(a));
        move("task");
        a.consolidate(objective(a));
        return a;
    }

    /** The gradient by formula is the derivative of the value: by autograd to rounding, by differences to their error. */
    @ParameterizedTest
    @MethodSource("penalties")
    void theGradientIsTheDerivativeOfTheValue(String name) {
        Penalty penalty = penalty(name);
        Parameters p = model.parameters();
        // at the anchor there is nothing to pay
        if (!name.contains("SEPARATE")) {
            assertThat(penalty.value(p).item_double()).isCloseTo(0, within(1e-15));
        }
        move("away");
        double value = penalty.value(p).item_double();
        assertThat(value).isNotZero();
        double[] exact = Tensors.doubles(penalty.gradient(p).flat());
        double[] derived =
                Tensors.doubles(Autograd.grad(penalty.value(p), p, false).flat());
        assertThat(exact).containsExactly(derived, within(1e-12 * (1 + Math.abs(value))));
        double h = 1e-5;
        ParamVector d = draws("direction");
        p.add(h, d);
        double up = penalty.value(p).item_double();
        p.add(-2 * h, d);
        double down = penalty.value(p).item_double();
        double slope = penalty.gradient(p).plus(h, d.times(0)).dot(d);
        assertThat((up - down) / (2 * h)).isCloseTo(slope, within(1e-3 * (1 + Math.abs(slope))));
    }

    @ParameterizedTest
    @EnumSource(Importance.class)
    void importancesAreNeverNegativeAndSomethingMatters(Importance importance) {
        Anchored a = anchored(importance, Anchored.Accumulate.ONLINE, 1);
        Tensor all = a.importance(objective(a)).flat();
        assertThat(all.min().item_double()).isNotNegative();
        assertThat(all.sum().item_double()).isPositive();
    }

    /** FISHER and FISHER_EXPECTED by their definitions, one row (and label) at a time. */
    @Test
    void fisherIsTheMeanOfSquaredGradients() {
        Anchored a = anchored(Importance.FISHER, Anchored.Accumulate.ONLINE, 1);
        NetObjective on = objective(a);
        Parameters p = on.parameters();
        Tensor sum = null;
        for (int i = 0; i < 16; i++) {
            Tensor g =
                    Autograd.grad(on.at(known().rows(i)).total(null), p, false).flat();
            sum = sum == null ? g.mul(g) : sum.add(g.mul(g));
        }
        assertThat(Tensors.doubles(a.importance(on).flat()))
                .containsExactly(Tensors.doubles(sum.div(Tensors.scalar(16))), within(1e-14));
        // a part of the rows, drawn anew but repeatably
        Anchored some = new Anchored(
                new Anchored.Config(Importance.FISHER, Anchored.Accumulate.ONLINE, 3, 1, true, 5), Rng.of(1));
        Tensor of5 = some.importance(on).flat();
        assertThat(Tensors.doubles(some.importance(on).flat())).containsExactly(Tensors.doubles(of5));
        assertThat(of5.sub(a.importance(on).flat()).abs().max().item_double()).isPositive();
    }

    @Test
    void importancesOfTasksCombineAsNamed() {
        ParamVector first = anchored(Importance.FISHER, Anchored.Accumulate.ONLINE, 1)
                .importance(objective(anchored(Importance.FISHER, Anchored.Accumulate.ONLINE, 1)));
        Tensor a = first.flat().clone();
        Anchored online = anchored(Importance.FISHER, Anchored.Accumulate.ONLINE, 0.25);
        Anchored average = anchored(Importance.FISHER, Anchored.Accumulate.AVERAGE, 0.25);
        Anchored separate = anchored(Importance.FISHER, Anchored.Accumulate.SEPARATE, 0.25);
        for (Anchored x : List.of(online, average, separate)) {
            x.consolidate(objective(x));
        }
        move("task");
        Tensor b = online.importance(objective(online)).flat().clone();
        for (Anchored x : List.of(online, average, separate)) {
            x.consolidate(objective(x));
        }
        assertThat(importance(online, 0))
                .containsExactly(Tensors.doubles(a.mul(Tensors.scalar(0.25)).add(b)), within(1e-14));
        assertThat(importance(average, 0))
                .containsExactly(Tensors.doubles(a.add(b).mul(Tensors.scalar(0.5))), within(1e-14));
        assertThat(importance(separate, 0)).containsExactly(Tensors.doubles(a), within(1e-14));
        assertThat(importance(separate, 1)).containsExactly(Tensors.doubles(b), within(1e-14));
    }

    private double[] importance(Anchored a, int anchor) {
        State s = a.state().child("anchor" + anchor).child("importance");
        Parameters p = model.parameters();
        Tensor[] t = new Tensor[p.size()];
        for (int i = 0; i < t.length; i++) {
            t[i] = s.tensor(p.meta().get(i).name());
        }
        return Tensors.doubles(new ParamVector(p, t).flat());
    }

    /** Rows of the head that came later are free: no value, no gradient; the old ones are held as before. */
    @ParameterizedTest
    @MethodSource("penalties")
    void rowsThatDidNotExistAreNotAnchored(String name) {
        Penalty penalty = penalty(name);
        move("away");
        double before = penalty.value(model.parameters()).item_double();
        double[] old = Tensors.doubles(gradient(penalty, "head.weight"));
        model.head().grow(List.of(new ClassIndex.Column(2, "2")), Rng.of(5));
        Parameters grown = model.parameters();
        assertThat(penalty.value(grown).item_double()).isEqualTo(before);
        Tensor now = gradient(penalty, "head.weight");
        assertThat(now.size(0)).isEqualTo(3);
        assertThat(Tensors.doubles(Tensors.slice(now, 0, 2))).containsExactly(old);
        assertThat(Tensors.doubles(now.select(0, 2))).containsOnly(0);
        // and the next task anchors them
        if (penalty instanceof Anchored a) {
            a.consolidate(new NetObjective(model, a.measuredBy(new CrossEntropy()), data));
        } else {
            ((SynapticIntelligence) penalty).consolidate(grown);
        }
        assertThat(penalty.gradient(grown).get(grown.indexOf("head.weight")).size(0))
                .isEqualTo(3);
    }

    private Tensor gradient(Penalty penalty, String leaf) {
        Parameters p = model.parameters();
        return penalty.gradient(p).get(p.indexOf(leaf));
    }

    @Test
    void beforeTheFirstTaskEndsNothingIsPaid() {
        for (Penalty p : List.of(
                anchored(Importance.FISHER, Anchored.Accumulate.ONLINE, 1), new SynapticIntelligence(2, 0.1, true))) {
            assertThat(p.value(model.parameters()).item_double()).isZero();
            ParamVector g = p.gradient(model.parameters());
            for (int i = 0; i < g.size(); i++) {
                assertThat(g.get(i)).isNull();
            }
        }
    }

    /** Small steps without penalty: the path integral is the loss decrease, to 5 %. */
    @Test
    void thePathIntegralIsTheLossDecrease() {
        SynapticIntelligence si = new SynapticIntelligence(1, 0.1, false);
        double[] losses = walk(si, 60, 0.01);
        double fall = losses[0] - losses[60];
        double path = 0;
        for (var m : model.parameters().meta()) {
            path += si.path(m.name()).sum().item_double();
        }
        assertThat(fall).isGreaterThan(0.1);
        assertThat(path / fall).isCloseTo(1, within(0.05));
    }

    @Test
    void clippedImportancesAreNeverNegative() {
        SynapticIntelligence raw = new SynapticIntelligence(1, 0.1, false);
        SynapticIntelligence clipped = new SynapticIntelligence(1, 0.1, true);
        Parameters p = model.parameters();
        // a move up the gradient costs: negative contributions
        ParamVector g = draws("gradient");
        ParamVector up = g.map((m, t) -> t.mul(t.sign()).mul(Tensors.scalar(0.1)));
        p.add(1, up);
        for (SynapticIntelligence si : List.of(raw, clipped)) {
            si.observe(g, new Step(g, () -> up, 1, 1, false));
            si.consolidate(p);
        }
        Tensor w = p.get(0);
        String name = p.meta().get(0).name();
        assertThat(raw.importance(name, w).min().item_double()).isNegative();
        assertThat(clipped.importance(name, w).min().item_double()).isZero();
        assertThat(clipped.importance(name, w).max().item_double())
                .isEqualTo(raw.importance(name, w).max().item_double());
    }

    @Test
    void aSkippedStepLeavesNoPath() {
        SynapticIntelligence si = new SynapticIntelligence(1, 0.1, false);
        ParamVector g = draws("gradient");
        si.observe(g, new Step(g, () -> g, Double.NaN, Double.NaN, true));
        assertThat(si.path(model.parameters().meta().get(0).name())).isNull();
    }

    @ParameterizedTest
    @MethodSource("penalties")
    void aSavedPenaltyIsTheSame(String name) {
        Penalty a = penalty(name);
        State saved = a.state().copy();
        Penalty b = name.equals("SI")
                ? new SynapticIntelligence(2, 0.1, false)
                : anchored(
                        Importance.valueOf(name.split(" ")[0]), Anchored.Accumulate.valueOf(name.split(" ")[1]), 0.7);
        b.load(saved);
        assertThat(b.state().sameAs(saved)).isTrue();
        move("away");
        assertThat(b.value(model.parameters()).item_double())
                .isEqualTo(a.value(model.parameters()).item_double());
    }

    @Test
    void nonsenseIsRefused() {
        Anchored a = anchored(Importance.FISHER, Anchored.Accumulate.ONLINE, 1);
        MemoryDataset none = known().subset();
        assertThatThrownBy(() -> a.importance(new NetObjective(model, new CrossEntropy(), none)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rows");
        assertThatThrownBy(() -> Anchored.Config.onlineEwc(-1, 1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> Anchored.Config.onlineEwc(1, 1.5)).hasMessageContaining("gamma");
        assertThatThrownBy(() -> new SynapticIntelligence(1, 0, true)).hasMessageContaining("xi");
        assertThatThrownBy(() -> new SynapticIntelligence(Double.POSITIVE_INFINITY, 1, true))
                .hasMessageContaining("strength");
        a.consolidate(objective(a));
        State good = a.state();
        State bad = new State().put("tasks", 1).put("anchors", 1);
        good.child("anchor0").tensors().forEach((k, t) -> {
            if (!k.equals("importance.head.weight")) {
                bad.put("anchor0." + k, t);
            }
        });
        State before = a.state().copy();
        assertThatThrownBy(() -> a.load(bad)).hasMessageContaining("head.weight");
        assertThat(a.state().sameAs(before)).isTrue();
    }
}
