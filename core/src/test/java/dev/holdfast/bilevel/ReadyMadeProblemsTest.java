package dev.holdfast.bilevel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.bilevel.HyperCleaningProblem.Decay;
import dev.holdfast.data.synth.SequenceTasks;
import dev.holdfast.nn.small.TanhRnn;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Each problem's hypergradient is the slope of what exact training gives, and BO-REP goes down it. */
class ReadyMadeProblemsTest {
    private static final int[] LABELS = {0, 1, 2, 0, 1, 2, 2, 1};
    private static final int[] HELD = {0, 1, 2, 1, 0};

    private Scope memory;

    @BeforeEach
    void open() {
        memory = Scope.open();
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private static Tensor rows(int n) {
        return Rng.of(n).normal(ScalarType.Double, n, 4);
    }

    private static HyperCleaningProblem cleaning(Decay decay, double rho) {
        return new HyperCleaningProblem(rows(8), LABELS, rows(5), HELD, 3, 4, rho, decay);
    }

    private static RegularizationProblem strengths(int... groups) {
        return new RegularizationProblem(rows(8), LABELS, rows(5), HELD, 3, groups, 0.1, 4);
    }

    private static HyperRepresentation representation(ScalarType dtype, int tasks) {
        SequenceTasks t = new SequenceTasks.World(6, 3, 4)
                .draw(tasks, 5, Rng.of(1), Rng.of(2).child("tasks"));
        TanhRnn rnn = TanhRnn.of(6, 3, 2, Rng.of(3), dtype);
        return new HyperRepresentation(
                rnn.parameters(),
                rnn::features,
                3,
                new HyperRepresentation.Tasks(t.support(), t.supportLabels(), t.query(), t.queryLabels(), 2),
                tasks,
                0.2);
    }

    private static int[] all(int n) {
        return IntStream.range(0, n).toArray();
    }

    /** Newton steps on g, on all rows. */
    private static void train(BilevelProblem<int[]> p, int[] rows) {
        for (int k = 0; k < 40; k++) {
            try (Scope s = Scope.open()) {
                ParamVector g = Autograd.grad(p.lowerLoss(rows), p.lower(), false);
                if (g.norm() < 1e-12) {
                    return;
                }
                Tensor step = new InverseHvp.ConjugateGradient(0, 400, 0)
                        .solve(new Hypergradient.Curvature<>(p, q -> rows, false), g.flat(), null);
                double before = Tensors.item(p.lowerLoss(rows));
                ParamVector d = ParamVector.unflat(p.lower(), step);
                double share = 1;
                p.lower().add(-share, d);
                while (Tensors.item(p.lowerLoss(rows)) > before + 1e-9 && share > 1e-3) {
                    p.lower().add(share / 2, d);
                    share /= 2;
                }
            }
        }
    }

    private static void slopeOfTraining(BilevelProblem<int[]> p, int[] lower, int[] upper, int... coordinates) {
        train(p, lower);
        double[] found = Tensors.doubles(Hypergradient.of(p, upper, q -> lower, new InverseHvp.Exact(), null)
                .h()
                .flat());
        double e = 1e-5;
        for (int i : coordinates) {
            Tensor unit = Tensors.zeros(ScalarType.Double, p.upper().count());
            unit.select(0, i).fill_(Tensors.scalar(1));
            ParamVector d = ParamVector.unflat(p.upper(), unit);
            p.upper().add(e, d);
            train(p, lower);
            double up = Tensors.item(p.upperLoss(upper));
            p.upper().add(-2 * e, d);
            train(p, lower);
            double down = Tensors.item(p.upperLoss(upper));
            p.upper().add(e, d);
            assertThat(found[i]).as("coordinate %d", i).isCloseTo((up - down) / (2 * e), within(1e-7));
        }
    }

    @Test
    void hypergradientsAreTheSlopeOfExactTraining() {
        slopeOfTraining(cleaning(Decay.SQUARED, 0.1), all(8), all(5), 0, 3, 7);
        slopeOfTraining(cleaning(Decay.NORM, 0.06), all(8), all(5), 0, 3, 7);
        slopeOfTraining(strengths(0, 0, 1, 2), all(8), all(5), 0, 1, 2);
        slopeOfTraining(representation(ScalarType.Double, 2), all(2), all(2), 0, 7, 20, 35);
    }

    /** By batches of all rows it is the same problem that has a closed form. */
    @Test
    void cleaningByBatchesIsTheClosedForm() {
        HyperCleaningProblem p = cleaning(Decay.SQUARED, 0.1);
        p.upper().assign(new ParamVector(p.upper(), new Tensor[] {Rng.of(9).normal(ScalarType.Double, 8)}));
        p.lower().assign(new ParamVector(p.lower(), new Tensor[] {Rng.of(8).normal(ScalarType.Double, 3, 4)}));
        RowWeighting.Gradient closed = new RowWeighting(rows(8), LABELS, rows(5), HELD, 3, 0.1)
                .hypergradient(p.upper().get(0).detach(), p.lower().get(0).detach(), new InverseHvp.Exact(), null);
        Hypergradient h = Hypergradient.of(p, all(5), q -> all(8), new InverseHvp.Exact(), null);
        assertThat(Tensors.doubles(h.h().flat())).containsExactly(Tensors.doubles(closed.lambda()), within(1e-10));
        assertThat(h.h().get(0).sum().item_double())
                .isCloseTo(closed.lambda().sum().item_double(), within(1e-9));
    }

    @Test
    void everyProblemGetsBetterInBothNumberTypes() {
        for (ScalarType dtype : List.of(ScalarType.Double, ScalarType.Float)) {
            HyperRepresentation r = representation(dtype, 4);
            BoRep<int[]> run = new BoRep<>(r, BoRepConfig.boRep(0.05, 0.3), Rng.of(1));
            double before = value(r, all(4));
            run.run(40);
            assertThat(value(r, all(4))).as("%s", dtype).isLessThan(before - 0.02);
        }
        RegularizationProblem s = strengths(0, 0, 0, 0);
        double before = value(s, all(8), all(5));
        new BoRep<>(s, BoRepConfig.zStep(0.1, 0.3).withSolver(new InverseHvp.ZStep(0.3)), Rng.of(1)).run(60);
        assertThat(value(s, all(8), all(5))).isLessThan(before - 0.01);
        assertThat(s.strengths()[0]).isNotCloseTo(0.1, within(0.02));
        HyperCleaningProblem c = cleaning(Decay.SQUARED, 0.1);
        double fresh = value(c, all(8), all(5));
        new BoRep<>(c, BoRepConfig.boRep(0.1, 0.2), Rng.of(1)).run(60);
        assertThat(value(c, all(8), all(5))).isLessThan(fresh - 0.02);
    }

    private static double value(BilevelProblem<int[]> p, int[] lower, int[] upper) {
        ParamVector before = p.lower().copy();
        train(p, lower);
        double f = Tensors.item(p.upperLoss(upper));
        p.lower().assign(before);
        return f;
    }

    private static double value(BilevelProblem<int[]> p, int[] tasks) {
        new EpochSgd(0.5, 100, 100, 300).run(p, k -> tasks);
        return Tensors.item(p.upperLoss(tasks));
    }

    /** Heads of new tasks are trained on the encoder as it is; it stays as it is. */
    @Test
    void newTasksMeetTheSameEncoder() {
        HyperRepresentation r = representation(ScalarType.Double, 3);
        SequenceTasks t = new SequenceTasks.World(6, 3, 4).draw(2, 5, Rng.of(1), Rng.of(7));
        HyperRepresentation other =
                r.on(new HyperRepresentation.Tasks(t.support(), t.supportLabels(), t.query(), t.queryLabels(), 2));
        ParamVector before = r.upper().copy();
        double untrained = other.accuracy();
        new EpochSgd(0.5, 50, 100, 100).run(other, k -> all(2));
        assertThat(other.upper()).isSameAs(r.upper());
        assertThat(Tensors.doubles(r.upper().values().flat())).containsExactly(Tensors.doubles(before.flat()));
        assertThat(other.accuracy()).isBetween(0.0, 1.0).isNotEqualTo(untrained);
        assertThat(r.lower().values().norm()).isZero();
    }

    @Test
    void aScheduleShortensTheMoves() {
        HyperCleaningProblem p = cleaning(Decay.SQUARED, 0.1);
        BoRep<int[]> run = new BoRep<>(
                p,
                BoRepConfig.boRep(0.1, 0.1).withSchedule(new dev.holdfast.optim.schedule.Steps(List.of(1L), 0.25)),
                Rng.of(1));
        ParamVector start = p.upper().copy();
        run.advance();
        assertThat(p.upper().values().plus(-1, start).norm()).isCloseTo(0.1, within(1e-9));
        ParamVector second = p.upper().copy();
        run.advance();
        assertThat(p.upper().values().plus(-1, second).norm()).isCloseTo(0.025, within(1e-9));
    }

    @Test
    void refusesWhatMeansNothing() {
        assertThatThrownBy(() -> cleaning(Decay.SQUARED, 0)).hasMessageContaining("rho");
        assertThatThrownBy(() -> new HyperCleaningProblem(rows(8), LABELS, rows(5), HELD, 3, 0, 0.1, Decay.SQUARED))
                .hasMessageContaining("batch");
        assertThatThrownBy(() -> strengths(0, -1, 0, 0)).hasMessageContaining("-1");
        assertThatThrownBy(() -> strengths(0, 0)).hasMessageContaining("[8, 4]");
        assertThatThrownBy(() -> new RegularizationProblem(rows(8), LABELS, rows(5), HELD, 3, new int[4], 0, 4))
                .hasMessageContaining("strength");
        SequenceTasks t = new SequenceTasks.World(6, 3, 4).draw(2, 5, Rng.of(1), Rng.of(7));
        assertThatThrownBy(() ->
                        new HyperRepresentation.Tasks(t.support(), t.supportLabels(), t.query(), t.queryLabels(), 1))
                .hasMessageContaining("two classes");
        assertThatThrownBy(() -> new SequenceTasks.World(2, 3, 4)).hasMessageContaining("kinds");
        assertThatThrownBy(() -> TanhRnn.of(0, 3, 1, Rng.of(1), ScalarType.Float))
                .hasMessageContaining("tokens");
    }
}
