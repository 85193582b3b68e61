package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.schedule.BranchingTrainer;
import dev.holdfast.optim.schedule.BranchingTrainer.BranchData;
import dev.holdfast.optim.schedule.BranchingTrainer.Checkpoint;
import dev.holdfast.optim.schedule.CheckpointMethod;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.optim.schedule.StableDecay.Shape;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class BranchingTrainerTest {
    private static final StableDecay PLAN =
            new StableDecay(2, List.of(6L, 12L, 20L), List.of(2L, 0L, 1L), 0.1, Shape.LINEAR, 0);

    /** Adam on gradients that are the leaves plus noise of the step and the stream. */
    private static final class Walk implements Stateful {
        private final Parameters p = Leaves.weightAndBias(3);
        private final ChainOptimizer optimizer;
        private final int stream;

        Walk(Schedule factor, int stream) {
            this.optimizer = OptimizerConfig.adam(0.1).build(p, factor);
            this.stream = stream;
        }

        void step() {
            try (Scope s = Scope.open()) {
                optimizer.step(p.values()
                        .plus(
                                0.5,
                                Leaves.gradient(
                                        p,
                                        Rng.of(stream)
                                                .child("noise", optimizer.steps())
                                                .key())));
            }
        }

        @Override
        public State state() {
            State s = new State().put("optimizer", optimizer);
            for (int i = 0; i < p.size(); i++) {
                s.put("leaf." + i, p.get(i));
            }
            return s;
        }

        @Override
        public void load(State saved) {
            optimizer.load(saved.child("optimizer"));
            for (int i = 0; i < p.size(); i++) {
                p.get(i).detach().copy_(saved.tensor("leaf." + i));
            }
        }
    }

    private static BranchingTrainer<Walk> trainer(CheckpointMethod method, BranchData data) {
        return new BranchingTrainer<>(PLAN, method, Walk::new, Walk::step, data);
    }

    private static Walk straight(Schedule factor, long updates) {
        Walk w = new Walk(factor, 0);
        for (long t = 0; t < updates; t++) {
            w.step();
        }
        return w;
    }

    /** Whatever branches do, the trunk is what it would be without them, to the bit; and they are what separate runs are. */
    @Test
    void branchesDoNotTouchTheTrunk() {
        try (Scope s = Scope.open()) {
            for (BranchData data : BranchData.values()) {
                BranchingTrainer<Walk> t = trainer(CheckpointMethod.WSD, data);
                for (int k = 0; k < 3; k++) {
                    Checkpoint<Walk> c = t.next();
                    assertThat(c.segment()).isEqualTo(k);
                    assertThat(c.updates()).isEqualTo(PLAN.ends().get(k));
                    assertThat(c.trained()).isNotSameAs(t.trunk());
                    boolean same = c.trained()
                            .state()
                            .sameAs(straight(PLAN.branch(k), PLAN.ends().get(k)).state());
                    assertThat(same)
                            .isEqualTo(data == BranchData.SAME || PLAN.decays().get(k) == 0);
                    assertThat(t.trunk()
                                    .state()
                                    .sameAs(straight(PLAN.trunk(), t.done()).state()))
                            .isTrue();
                }
                assertThat(t.finished()).isTrue();
                assertThat(t.done()).isEqualTo(19);
                assertThat(t.spent())
                        .isEqualTo(CheckpointMethod.WSD.updates(PLAN))
                        .isEqualTo(22);
                assertThatThrownBy(t::step).hasMessageContaining("3 checkpoints");
            }
        }
    }

    @Test
    void oneLineGoesOnFromTheDecayedCheckpoint() {
        try (Scope s = Scope.open()) {
            for (CheckpointMethod m : List.of(CheckpointMethod.WSD_S, CheckpointMethod.CYCLIC_COSINE)) {
                BranchingTrainer<Walk> t = trainer(m, BranchData.SAME);
                for (int k = 0; k < 3; k++) {
                    Checkpoint<Walk> c = t.next();
                    assertThat(c.trained()).isSameAs(t.trunk());
                    assertThat(c.trained()
                                    .state()
                                    .sameAs(straight(
                                                    m.schedule(PLAN, k),
                                                    PLAN.ends().get(k))
                                            .state()))
                            .isTrue();
                }
                assertThat(t.spent()).isEqualTo(m.updates(PLAN));
            }
        }
    }

    /** With one checkpoint WSD-S and WSD give the same parameters. */
    @Test
    void withOneCheckpointThereIsNoDifference() {
        try (Scope s = Scope.open()) {
            StableDecay one = StableDecay.once(2, 9, 3, 0.1, Shape.INVERSE);
            List<State> ends = new ArrayList<>();
            for (CheckpointMethod m : List.of(CheckpointMethod.WSD_S, CheckpointMethod.WSD)) {
                ends.add(new BranchingTrainer<>(one, m, Walk::new, Walk::step, BranchData.SAME)
                        .next()
                        .trained()
                        .state()
                        .copy());
            }
            assertThat(ends.get(0).sameAs(ends.get(1))).isTrue();
        }
    }

    /** Cut off after any update, on the trunk or on a branch, and loaded into a fresh trainer, it goes on with the same bits. */
    @Test
    void resumesAtAnyUpdate() {
        try (Scope s = Scope.open()) {
            for (BranchData data : BranchData.values()) {
                BranchingTrainer<Walk> whole = trainer(CheckpointMethod.WSD, data);
                List<State> checkpoints = new ArrayList<>();
                List<State> along = new ArrayList<>();
                while (!whole.finished()) {
                    whole.step()
                            .ifPresent(c -> checkpoints.add(c.trained().state().copy()));
                    along.add(whole.state().copy());
                }
                for (int cut = 0; cut < along.size(); cut++) {
                    BranchingTrainer<Walk> rest = trainer(CheckpointMethod.WSD, data);
                    rest.load(along.get(cut));
                    List<State> later = new ArrayList<>();
                    while (!rest.finished()) {
                        Optional<Checkpoint<Walk>> c = rest.step();
                        c.ifPresent(x -> later.add(x.trained().state().copy()));
                    }
                    assertThat(rest.state().sameAs(whole.state())).isTrue();
                    for (int k = 0; k < later.size(); k++) {
                        assertThat(later.get(later.size() - 1 - k).sameAs(checkpoints.get(checkpoints.size() - 1 - k)))
                                .isTrue();
                    }
                }
            }
        }
    }

    @Test
    void whatDoesNotFitIsRefusedAndChangesNothing() {
        try (Scope s = Scope.open()) {
            assertThatThrownBy(() -> trainer(CheckpointMethod.COSINE, BranchData.SAME))
                    .hasMessageContaining("one checkpoint");
            BranchingTrainer<Walk> t = trainer(CheckpointMethod.WSD, BranchData.SAME);
            t.next();
            State before = t.state().copy();
            State other = new State()
                    .put("done", 3)
                    .put("branched", 0)
                    .put("spent", 3)
                    .put("reached", 9)
                    .put("branching", "false");
            assertThatThrownBy(() -> t.load(other)).hasMessageContaining("9 checkpoints");
            assertThat(t.state().sameAs(before)).isTrue();
        }
    }
}
