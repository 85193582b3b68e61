package dev.holdfast.diagnose.valley;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.language.train.TokenBatch;
import dev.holdfast.language.train.TokenBatches;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.optim.Leaves;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.schedule.BranchingTrainer;
import dev.holdfast.optim.schedule.BranchingTrainer.BranchData;
import dev.holdfast.optim.schedule.CheckpointMethod;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.optim.schedule.StableDecay.Shape;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ValleyTest {
    private Scope memory;

    @BeforeEach
    void open() {
        memory = Scope.open();
    }

    @AfterEach
    void close() {
        memory.close();
    }

    /** Every other token repeats the one before it plus one, the others are drawn: half certain, half not. */
    private static int[] text() {
        int[] t = new int[4000];
        Rng rng = Rng.of(5);
        for (int i = 0; i < t.length; i += 2) {
            t[i] = rng.below(8);
            t[i + 1] = 8 + t[i];
        }
        return t;
    }

    private static Pretraining training(Schedule factor, int stream) {
        Decoder model = DecoderConfig.of(16, 16, 1, 2).build(Rng.of(1), ScalarType.Float);
        return new Pretraining(
                model,
                OptimizerConfig.adamW(0.03, 0.1).build(model.parameters(), factor),
                TextWindows.of(text(), 2, 16, Rng.of(2).child("stream", stream)),
                TokenObjective.CROSS_ENTROPY,
                Rng.of(3));
    }

    private static final TokenBatches HELD = TextWindows.of(text(), 16, 32, Rng.of(9));

    private static double loss(Pretraining t) {
        return t.evaluate(HELD, 2);
    }

    /** A language model on a trunk with branches: the trunk learns as if there were none. */
    @Test
    void aLanguageModelBranches() {
        StableDecay plan = new StableDecay(2, List.of(8L, 14L), List.of(3L, 3L), 0.1, Shape.INVERSE, 0);
        BranchingTrainer<Pretraining> t = new BranchingTrainer<>(
                plan, CheckpointMethod.WSD, ValleyTest::training, x -> x.run(1), BranchData.SAME);
        t.next();
        Pretraining last = t.next().trained();
        Pretraining trunk = training(plan.trunk(), 0);
        trunk.run(11);
        assertThat(t.trunk().state().sameAs(trunk.state())).isTrue();
        Pretraining alone = training(plan.branch(1), 0);
        alone.run(14);
        assertThat(last.state().sameAs(alone.state())).isTrue();
    }

    /** At a high rate a fall brings the loss down, most where tokens are uncertain; the training does not notice. */
    @Test
    void aProbeTellsHowHighUpTheHillsATrainingIs() {
        Pretraining t = training(Constant.ONE, 0);
        t.run(150);
        State before = t.state().copy();
        DecayProbe.Descent d = new DecayProbe(40, 0.05, Shape.INVERSE, 5)
                .run(ValleyTest::training, x -> x.run(1), t, 150, ValleyTest::loss, x -> new TokenHessian(
                                x.model(), x.model().parameters(), HELD, 1)
                        .largest(new Lanczos(5, 0), Rng.of(1)));
        assertThat(t.state().sameAs(before)).isTrue();
        assertThat(d.looks().stream().map(DecayProbe.Look::update)).containsExactly(0L, 10L, 20L, 30L, 40L);
        assertThat(d.looks().get(0).loss()).isEqualTo(loss(t));
        assertThat(d.looks().get(0).factor()).isEqualTo(1);
        assertThat(d.looks().get(4).factor()).isEqualTo(0.05);
        assertThat(d.looks()).allSatisfy(l -> assertThat(l.sharpness()).isPositive());
        assertThat(d.hillHeight()).isGreaterThan(0.005);
        DecayProbe.Descent plain =
                DecayProbe.after(150).run(ValleyTest::training, x -> x.run(1), t, 150, ValleyTest::loss);
        assertThat(plain.looks()).hasSize(2);
        assertThat(plain.looks().get(1).update()).isEqualTo(3);
        assertThat(plain.looks().get(1).sharpness()).isNaN();
        assertThatThrownBy(() -> DecayProbe.after(0).run(ValleyTest::training, x -> x.run(1), t, 0, ValleyTest::loss))
                .hasMessageContaining("at least one update");
        assertThatThrownBy(() -> new DecayProbe(2, 0.1, Shape.LINEAR, 4)).hasMessageContaining("looks");
    }

    @Test
    void aPathIsMeasuredAndTheLeavesComeBack() {
        Parameters p = Leaves.weightAndBias(1);
        double[] bits = Tensors.doubles(p.values().flat());
        ParamVector a = Leaves.vector(p, -1, 0, 0, 0, 0, 0, 0, 0);
        ParamVector b = Leaves.vector(p, 1, 0, 0, 0, 0, 0, 0, 0);
        LossPath valley = LossPath.between(p, a, b, 5, () -> p.values().dot(p.values()));
        assertThat(valley.shares()).containsExactly(0, 0.25, 0.5, 0.75, 1);
        assertThat(valley.losses()).containsExactly(1, 0.25, 0, 0.25, 1);
        assertThat(valley.dip()).isEqualTo(1);
        assertThat(valley.barrier()).isZero();
        LossPath hill = LossPath.between(p, a, b, 3, () -> -p.values().dot(p.values()));
        assertThat(hill.barrier()).isEqualTo(1);
        assertThat(hill.dip()).isZero();
        assertThatThrownBy(() -> LossPath.between(p, a, b, 3, () -> {
                    throw new IllegalStateException("no loss");
                }))
                .hasMessage("no loss");
        assertThat(Tensors.doubles(p.values().flat())).containsExactly(bits);
        assertThatThrownBy(() -> LossPath.between(p, a, b, 1, () -> 0)).hasMessageContaining("2 points");
    }

    /** Six tokens of known chances: the thirds are those of the entropy after the fall; ignored labels do not count. */
    @Test
    void thirdsAreByEntropy() {
        double[] chances = {0.99, 0.6, 0.95, 0.7, 0.5, 0.9, 0.5};
        double[] flat = new double[14];
        for (int i = 0; i < 7; i++) {
            flat[2 * i] = Math.log(chances[i]);
            flat[2 * i + 1] = Math.log(1 - chances[i]);
        }
        Tensor after = Tensors.of(flat, 1, 7, 2);
        Tensor before = Tensors.zeros(ScalarType.Double, 1, 7, 2);
        // position t is about label t+1; label 6 is ignored
        Tensor labels = Tensors.of(new long[] {1, 0, 0, 0, 0, 0, -100}, 1, 7);
        assertThatThrownBy(() -> new TokenTerciles().report()).hasMessageContaining("0");
        List<TokenTerciles.Tercile> r = new TokenTerciles()
                .add(before, after, labels)
                .add(before, after, labels)
                .report();
        assertThat(r).extracting(TokenTerciles.Tercile::tokens).containsExactly(3L, 3L, 4L);
        double half = Math.log(2);
        assertThat(r).allSatisfy(x -> assertThat(x.before()).isCloseTo(half, within(1e-12)));
        assertThat(r.get(0).after()).isCloseTo(-(2 * Math.log(0.99) + Math.log(0.95)) / 3, within(1e-12));
        assertThat(r.get(2).after()).isCloseTo(-(2 * Math.log(0.6) + 2 * Math.log(0.5)) / 4, within(1e-12));
        assertThat(r.get(2).to()).isCloseTo(half, within(1e-12));
        assertThat(r.get(0).change()).isLessThan(r.get(2).change());
    }

    /** The products are those of the matrix that finite differences of gradients give. */
    @Test
    void productsAreThoseOfTheHessian() {
        Decoder model = DecoderConfig.of(6, 4, 1, 1).build(Rng.of(1), ScalarType.Double);
        Parameters p = model.parameters();
        TokenBatches data = TextWindows.of(new int[] {0, 1, 2, 3, 4, 5, 0, 2, 4, 1}, 2, 5, Rng.of(2));
        TokenHessian h = new TokenHessian(model, p, data, 2);
        Tensor v = Rng.of(7).normal(ScalarType.Double, p.count());
        double e = 1e-6;
        ParamVector d = ParamVector.unflat(p, v);
        p.add(e, d);
        Tensor up = gradient(model, data);
        p.add(-2 * e, d);
        Tensor down = gradient(model, data);
        p.add(e, d);
        Tensor slope = up.sub(down).div(Tensors.scalar(2 * e));
        assertThat(Tensors.item(h.apply(v).sub(slope).norm())).isLessThan(1e-5 * Tensors.item(slope.norm()));
        int n = (int) p.count();
        Tensor dense = Tensors.zeros(ScalarType.Double, n, n);
        for (int i = 0; i < n; i++) {
            Tensor unit = Tensors.zeros(ScalarType.Double, n);
            unit.select(0, i).fill_(Tensors.scalar(1));
            dense.select(0, i).copy_(h.apply(unit));
        }
        double top = Tensors.item(LinearAlgebra.eigh(dense.add(dense.t()).div(Tensors.scalar(2)))
                .values()
                .max());
        assertThat(h.largest(new Lanczos(60, 0), Rng.of(3))).isCloseTo(top, within(1e-8));
        assertThatThrownBy(() -> new TokenHessian(model, p, data, 0)).hasMessageContaining("one batch");
    }

    private static Tensor gradient(Decoder model, TokenBatches data) {
        Tensor sum = Tensors.zeros(ScalarType.Double, model.parameters().count());
        for (int i = 0; i < 2; i++) {
            TokenBatch b = data.at(i);
            sum.add_(Autograd.grad(
                            TokenObjective.CROSS_ENTROPY.of(model.forward(b.ids(), Pass.eval()), b.labels()),
                            model.parameters(),
                            false)
                    .flat());
        }
        return sum.div_(Tensors.scalar(2));
    }
}
