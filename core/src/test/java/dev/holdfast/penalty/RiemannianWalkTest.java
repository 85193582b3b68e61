package dev.holdfast.penalty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.Step;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class RiemannianWalkTest {
    private static Parameters leaf(double... numbers) {
        return new Parameters(
                List.of(new ParamMeta("w", ParamMeta.Role.HIDDEN, 1, 1, true, 0)),
                List.of(Tensors.of(numbers, numbers.length)));
    }

    /** Moves the leaf and tells the walk, as a learner does. */
    private static void step(RiemannianWalk walk, Parameters p, double[] gradient, double[] move) {
        ParamVector m = new ParamVector(p, new Tensor[] {Tensors.of(move, move.length)});
        p.add(1, m);
        ParamVector g = new ParamVector(p, new Tensor[] {Tensors.of(gradient, gradient.length)});
        walk.observe(g, new Step(g, () -> m, 1, 1, false));
    }

    private static RiemannianWalk walk(double newest, int every, double epsilon) {
        return new RiemannianWalk(new RiemannianWalk.Config(RiemannianWalk.Form.WALK, 2, newest, every, epsilon));
    }

    @Test
    void aScoreIsTheFallOfTheLossOverTheDistanceOfSeveralSteps() {
        RiemannianWalk walk = walk(0.5, 2, 0.25);
        Parameters p = leaf(0, 0);
        step(walk, p, new double[] {1, 2}, new double[] {-0.5, 1});
        assertThat(Tensors.doubles(walk.fisher("w"))).containsExactly(0, 0);
        step(walk, p, new double[] {2, 4}, new double[] {-0.5, 1});
        // F = 0.5 * g^2 of the second step; fall = 1 * 0.5 + 2 * 0.5 = 1.5 and -(2 + 4) = -6; moved by -1 and 2
        assertThat(Tensors.doubles(walk.fisher("w"))).containsExactly(2, 8);
        assertThat(Tensors.doubles(walk.score("w"))).containsExactly(1.5 / (2 * 0.5 + 0.25), -6 / (8 * 4 * 0.5 + 0.25));
        walk.consolidate(p);
        // a weight that made the loss rise has no score, only its information
        assertThat(Tensors.doubles(walk.importance("w", p.get(0)))).containsExactly(2.0 / 8 + 1, 1 + 0);
        p.add(1, new ParamVector(p, new Tensor[] {Tensors.of(new double[] {1, 3}, 2)}));
        assertThat(walk.value(p).item_double()).isCloseTo(2 * (1.25 * 1 + 1 * 9), within(1e-12));
        assertThat(Tensors.doubles(walk.gradient(p).get(0))).containsExactly(2 * 2 * 1.25, 2 * 2 * 3);
    }

    @Test
    void scoresOfTwoTasksAreAveragedAndInformationRunsOn() {
        RiemannianWalk walk = walk(1, 1, 1);
        Parameters p = leaf(0, 0);
        step(walk, p, new double[] {1, 1}, new double[] {-2, -1});
        // fall 2 and 1, distance 0.5 * 4 + 1 = 3 and 0.5 + 1
        walk.consolidate(p);
        double[] first = {2.0 / 3, 1 / 1.5};
        assertThat(Tensors.doubles(walk.importance("w", p.get(0)))[1]).isCloseTo(1 + 1, within(1e-12));
        step(walk, p, new double[] {2, 0}, new double[] {-1, 1});
        // F = 4, 0: fall 2 over 0.5 * 4 + 1; nothing for the second
        walk.consolidate(p);
        double a = (first[0] + 2.0 / 3) / 2;
        double b = first[1] / 2;
        assertThat(Tensors.doubles(walk.importance("w", p.get(0))))
                .containsExactly(new double[] {1 + 1, b / a}, within(1e-12));
    }

    @Test
    void ewcPlusPlusWeighsByTheRunningInformationAsItIs() {
        RiemannianWalk walk =
                new RiemannianWalk(new RiemannianWalk.Config(RiemannianWalk.Form.FISHER, 3, 0.25, 1, 1e-8));
        Parameters p = leaf(0, 0);
        step(walk, p, new double[] {2, 4}, new double[] {1, 1});
        step(walk, p, new double[] {4, 0}, new double[] {1, 1});
        walk.consolidate(p);
        // 0.25 * 4 = 1, then 0.75 * 1 + 0.25 * 16; 0.25 * 16 = 4, then 3
        assertThat(Tensors.doubles(walk.importance("w", p.get(0)))).containsExactly(4.75, 3);
        assertThat(walk.state().child("score").tensors()).isEmpty();
    }

    @Test
    void informationThatFadesAwayIsZeroNotDenormal() {
        RiemannianWalk walk =
                new RiemannianWalk(new RiemannianWalk.Config(RiemannianWalk.Form.FISHER, 1, 0.999999, 1, 1e-8));
        Parameters p = leaf(0);
        step(walk, p, new double[] {1}, new double[] {1});
        for (int i = 0; i < 6; i++) {
            step(walk, p, new double[] {0}, new double[] {0});
        }
        assertThat(Tensors.doubles(walk.fisher("w"))).containsExactly(0);
    }

    @Test
    void aRefusedStepLeavesNoTraceAndAStateLoadsWhole() {
        RiemannianWalk walk = walk(0.9, 2, 1e-8);
        Parameters p = leaf(0, 1);
        step(walk, p, new double[] {1, -1}, new double[] {-0.1, 0.1});
        State before = walk.state().copy();
        ParamVector g = new ParamVector(p, new Tensor[] {Tensors.of(new double[] {5, 5}, 2)});
        walk.observe(g, new Step(g, () -> new ParamVector(p, new Tensor[1]), 1, 1, true));
        assertThat(walk.state().sameAs(before)).isTrue();

        RiemannianWalk other = walk(0.9, 2, 1e-8);
        other.load(before);
        for (RiemannianWalk w : List.of(walk, other)) {
            Parameters q = leaf(-0.1, 1.1);
            step(w, q, new double[] {2, -1}, new double[] {-0.2, 0.2});
            w.consolidate(q);
        }
        assertThat(other.state().sameAs(walk.state())).isTrue();
        before.tensors().values().forEach(Tensor::close);
    }

    @Test
    void refusesWhatMakesNoSense() {
        assertThatThrownBy(() -> RiemannianWalk.Config.walk(-1))
                .hasMessageContaining("strength")
                .hasMessageContaining("-1");
        assertThatThrownBy(() -> walk(0, 1, 1)).hasMessageContaining("newest");
        assertThatThrownBy(() -> walk(1, 0, 1)).hasMessageContaining("every");
        assertThatThrownBy(() -> walk(1, 1, 0)).hasMessageContaining("epsilon");
    }
}
