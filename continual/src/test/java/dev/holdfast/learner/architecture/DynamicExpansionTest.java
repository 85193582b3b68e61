package dev.holdfast.learner.architecture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class DynamicExpansionTest {
    private static final Offset<Double> CLOSE = within(1e-5);
    private final Walk walk = new Walk();

    private static DynamicExpansion learner(double auxiliary) {
        NetConfig net =
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 12, 8), OptimizerConfig.sgd(0.05, 0.9), false);
        return new DynamicExpansion(new DynamicExpansion.Config(net, 30, 5, auxiliary), Walk.schema(), Rng.of(1));
    }

    /** All old classes are one class; rows of no new class belong to it. */
    @Test
    void theAuxiliaryLossKnowsNewClassesAndOldOnes() {
        Tensor logits = Tensors.of(new double[] {0, 0, 0, 1, 2, 3, 1, 2, 3}, 3, 3);
        double lse = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3));
        double loss = DynamicExpansion.auxiliaryLoss(logits, new long[] {9, 7, 1}, null, new int[] {7, 4})
                .item_double();
        // class 9 is old, 7 is the first new one, 1 is old
        assertThat(loss).isCloseTo((Math.log(3) + (lse - 2) + (lse - 1)) / 3, within(1e-12));
        double weighted = DynamicExpansion.auxiliaryLoss(
                        logits, new long[] {9, 7, 1}, Tensors.of(new double[] {0, 1, 0}, 3), new int[] {7, 4})
                .item_double();
        assertThat(weighted).isCloseTo((lse - 2) / 3, within(1e-12));
    }

    @Test
    void theFirstPartHasNoAuxiliaryLossAndLaterOnesAddItsShare() {
        DynamicExpansion l = learner(0.5);
        walk.whole(l, 0);
        try (Scope s = Scope.open()) {
            StepReport first = l.learn(Walk.rows(0).withTask(0));
            assertThat(first.terms()).extracting(Term::name).containsExactly("task");
            l.begin(walk.parts().get(1));
            StepReport r = l.learn(Walk.rows(1).withTask(1));
            assertThat(r.terms()).extracting(Term::name).containsExactly("task", "auxiliary");
            assertThat(r.loss())
                    .isCloseTo(r.terms().get(0).value() + 0.5 * r.terms().get(1).value(), CLOSE);
        }
    }

    /** Old features stand still to the bit, the new ones are behind them, and the head keeps what it had for the old. */
    @Test
    void oldFeaturesStandStill() {
        DynamicExpansion l = learner(1);
        walk.whole(l, 0);
        try (Scope s = Scope.open()) {
            var x = Walk.rows(0).inputs();
            double[] before = Tensors.doubles(l.model().features(x, Pass.eval()).detach());
            double[] head = Tensors.doubles(((ExpandedModel) l.model()).head().weight());
            l.begin(walk.parts().get(1));
            double[] widened = Tensors.doubles(
                    Tensors.slice(((ExpandedModel) l.model()).head().weight(), 1, 0, 8));
            assertThat(widened).containsExactly(head);
            walk.whole(l, 1);
            Tensor after = l.model().features(x, Pass.eval()).detach();
            // the walk began the part once more
            assertThat(after.size(1)).isEqualTo(24);
            assertThat(Tensors.doubles(Tensors.slice(after, 1, 0, 8))).containsExactly(before);
        }
    }

    @Test
    void learnsAllClassesAndCountsAllBodies() {
        DynamicExpansion l = learner(1);
        for (int part = 0; part < 3; part++) {
            walk.whole(l, part);
        }
        try (Scope s = Scope.open()) {
            int right = 0;
            for (int task = 0; task < 3; task++) {
                int[] said = l.predict(Walk.rows(task).inputs()).classes();
                long[] y = Walk.rows(task).classIds();
                for (int i = 0; i < y.length; i++) {
                    right += said[i] == y[i] ? 1 : 0;
                }
            }
            assertThat(right).isGreaterThanOrEqualTo(27);
            long body = 5 * 12 + 12 + 12 * 8 + 8;
            long head = 6 * 24 + 6;
            long auxiliary = 3 * 8 + 3;
            assertThat(l.footprint().parameters()).isEqualTo(3 * body + head + auxiliary);
            assertThat(l.footprint().shape()).startsWith("3 x ");
        }
    }

    /** A state of three bodies is taken over by a learner of one. */
    @Test
    void aSavedStateBringsItsBodies() {
        DynamicExpansion l = learner(1);
        walk.whole(l, 0);
        walk.whole(l, 1);
        DynamicExpansion other = learner(1);
        try (Scope s = Scope.open()) {
            State saved = l.state().copy();
            other.load(saved);
            assertThat(other.state().sameAs(saved)).isTrue();
        }
        walk.whole(l, 2);
        walk.whole(other, 2);
        try (Scope s = Scope.open()) {
            assertThat(other.state().sameAs(l.state())).isTrue();
        }
    }

    @Test
    void refusesBadSettings() {
        assertThatThrownBy(() -> learner(-1)).hasMessageContaining("auxiliary").hasMessageContaining("-1.0");
        assertThatThrownBy(() -> new DynamicExpansion.Config(NetConfig.defaults(), 0, 5, 1))
                .hasMessageContaining("capacity");
    }
}
