package dev.holdfast.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.evaluate.UpdateEvaluator.Draw;
import dev.holdfast.evaluate.UpdateEvaluator.Measure;
import dev.holdfast.evaluate.UpdateEvaluator.Options;
import dev.holdfast.evaluate.metric.AccuracyCurves;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Differentiable;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.BatchNorm;
import dev.holdfast.nn.layer.Dropout;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.objective.NetObjective;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(NativeMemory.class)
class UpdateEvaluatorTest {
    private final MemoryDataset train = Clouds.of(4, 10, 3, 1, "train");
    private final MemoryDataset test = Clouds.of(4, 6, 3, 1, "test");
    private final Scenario scenario = ClassIncremental.of(
            new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, false, Dealing.offline(2, 6)),
            train,
            test,
            Rng.of(2));

    private MetricLog log(Learner l, Options o) {
        MetricLog log = new MetricLog();
        new Run(l, scenario, List.of(new UpdateEvaluator(scenario, o, Rng.of(4))), log, Rng.of(3)).finish();
        return log;
    }

    private static List<Long> steps(MetricLog log) {
        return log.of(UpdateEvaluator.CURVE).stream()
                .map(MetricLog.Entry::step)
                .distinct()
                .toList();
    }

    /** 2 parts x 2 epochs x 4 batches. */
    @Test
    void looksBeforeTheFirstUpdateAtEveryRhoAndAtTheEndsOfEpochs() {
        assertThat(steps(log(new Plain(), Options.every(1, 3))))
                .startsWith(-1L, 1L, 2L)
                .hasSize(17);
        assertThat(steps(log(new Plain(), Options.every(3, 3))))
                .containsExactly(-1L, 3L, 4L, 6L, 8L, 9L, 12L, 15L, 16L);
        assertThat(steps(log(new Plain(), new Options(100, 2, 3, Draw.ONCE, Set.of()))))
                .containsExactly(-1L, 1L, 2L, 4L, 8L, 9L, 10L, 12L, 16L);
    }

    @Test
    void tasksAreSeenOnceTheirTrainingHasBegun() {
        UpdateEvaluator e = new UpdateEvaluator(scenario, 1, -1, Rng.of(4));
        MetricLog log = new MetricLog();
        new Run(new Plain(), scenario, List.of(e), log, Rng.of(3)).finish();
        AccuracyCurves c = e.curves(log);
        assertThat(c.size()).isEqualTo(16);
        assertThat(c.task()).containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
        assertThat(c.accuracy()[7][1]).isNaN();
        assertThat(c.accuracy()[8][1]).isNotNaN();
        assertThat(e.leastRows()).isEqualTo(12);
    }

    /** All rows, so the last point of a part is the square's entry. */
    @Test
    void onAllRowsTheCurveMeetsTheSquare() {
        MetricLog log = new MetricLog();
        UpdateEvaluator e = new UpdateEvaluator(scenario, 5, -1, Rng.of(4));
        new Run(new Plain(), scenario, List.of(e, new TaskEvaluator(scenario)), log, Rng.of(3)).finish();
        double[][] square = log.square(TaskEvaluator.ACCURACY);
        AccuracyCurves c = e.curves(log);
        assertThat(c.accuracy()[c.size() - 1]).containsExactly(square[1]);
    }

    @Test
    void aSubsetIsDrawnOnceOrAnew() {
        Fixed l = new Fixed();
        MetricLog once = log(l, Options.every(1, 4));
        assertThat(once.of(UpdateEvaluator.CURVE).stream()
                        .filter(e -> e.task() == 0)
                        .map(MetricLog.Entry::value)
                        .distinct())
                .hasSize(1);
        MetricLog anew = log(l, new Options(1, 0, 4, Draw.REDRAW, Set.of()));
        assertThat(anew.of(UpdateEvaluator.CURVE).stream()
                        .filter(e -> e.task() == 0)
                        .map(MetricLog.Entry::value)
                        .distinct())
                .hasSizeGreaterThan(1);
    }

    /** Batch norm has statistics and dropout has draws; neither may notice that somebody looked. */
    @ParameterizedTest
    @EnumSource(Draw.class)
    void theLearnerIsTheSameBitsWithAndWithoutEvaluation(Draw draw) {
        Noisy alone = new Noisy();
        new Run(alone, scenario, List.of(), new MetricLog(), Rng.of(3)).finish();
        Noisy watched = new Noisy();
        MetricLog log = log(watched, new Options(1, 0, 5, draw, Set.of(Measure.values())));
        assertThat(watched.state().sameAs(alone.state())).isTrue();
        assertThat(log.of(UpdateEvaluator.LOSS)).hasSize(8 + 16);
        assertThat(log.of(UpdateEvaluator.GRADIENT_NORM)).hasSize(8 + 16);
        assertThat(log.of(UpdateEvaluator.DRIFT)).hasSize(8 + 16).allSatisfy(e -> assertThat(e.value())
                .isPositive());
    }

    @Test
    void lossGradientAndDriftAreThoseOfTheTask() {
        Noisy l = new Noisy();
        double[] drift = new double[1];
        MetricLog log = new MetricLog();
        UpdateEvaluator e =
                new UpdateEvaluator(scenario, new Options(1, 0, -1, Draw.ONCE, Set.of(Measure.values())), Rng.of(4));
        Run r = new Run(l, scenario, List.of(e), log, Rng.of(3));
        Batch all = scenario.tests().get(0).data().rows(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        for (int i = 0; i < 3; i++) {
            Tensor before = l.model.features(all.inputs(), Pass.eval()).detach();
            r.advance();
            Tensor d = l.model.features(all.inputs(), Pass.eval()).detach().sub(before);
            drift[0] = d.mul(d).sum(1).mean().item_double();
        }
        Tensor loss = l.objective(null).at(all).total(null);
        assertThat(last(log, UpdateEvaluator.LOSS)).isEqualTo(loss.item_double(), within(1e-9));
        assertThat(last(log, UpdateEvaluator.GRADIENT_NORM))
                .isEqualTo(Autograd.grad(loss, l.model.parameters(), false).norm(), within(1e-9));
        assertThat(last(log, UpdateEvaluator.DRIFT)).isEqualTo(drift[0], within(1e-12));
    }

    private static double last(MetricLog log, String metric) {
        List<MetricLog.Entry> all = log.of(metric);
        return all.get(all.size() - 1).value();
    }

    @Test
    void refusesWhatItCannotMeasure() {
        assertThatThrownBy(() -> Options.every(0, 3)).hasMessageContaining("every (rho)");
        assertThatThrownBy(() -> Options.every(1, 0)).hasMessageContaining("-1 for all");
        assertThatThrownBy(() -> new Options(1, -1, 3, Draw.ONCE, Set.of())).hasMessageContaining("dense");
        assertThatThrownBy(() ->
                        log(new Toys.Plain(train.schema(), Rng.of(1), -1, Trait.LEARNS_AT_END), Options.every(1, 3)))
                .hasMessageContaining("learns only at the end");
        assertThatThrownBy(() -> log(
                        new Toys.Plain(train.schema(), Rng.of(1), -1),
                        new Options(1, 0, 3, Draw.ONCE, Set.of(Measure.LOSS))))
                .hasMessageContaining("has no network");
        assertThatThrownBy(() -> new GradientProbe(0)).hasMessageContaining("every");
        assertThatThrownBy(() -> new Run(
                                new Toys.Plain(train.schema(), Rng.of(1), -1),
                                scenario,
                                List.of(new GradientProbe(1)),
                                new MetricLog(),
                                Rng.of(1))
                        .finish())
                .hasMessageContaining("SplitsGradient");
    }

    /** A toy that cannot speak before its first batch has a curve without the point before it. */
    @Test
    void aLearnerThatHasNothingToSayYetIsNotAsked() {
        assertThat(steps(log(new Toys.Plain(train.schema(), Rng.of(1), -1), Options.every(1, 3))))
                .startsWith(1L, 2L);
    }

    @Test
    void aRunWhoseLossIsNoNumberStopsAndKeepsItsCurves() {
        Noisy l = new Noisy();
        l.breakAt = 5;
        MetricLog log = new MetricLog();
        Run r = new Run(
                l, scenario, List.of(new UpdateEvaluator(scenario, 1, 4, Rng.of(1)), new FiniteLoss()), log, Rng.of(1));
        assertThatThrownBy(r::finish)
                .isInstanceOf(FiniteLoss.Diverged.class)
                .hasMessageContaining("update 6")
                .hasMessageContaining("NaN")
                .hasMessageContaining("Maybe");
        assertThat(log.of(UpdateEvaluator.CURVE)).hasSizeGreaterThanOrEqualTo(5);
    }

    /** A network with everything that moves besides weights, in float64. */
    private class Noisy implements Learner, Differentiable {
        final Model model;
        final ChainOptimizer optimizer;
        int breakAt = -1;
        int step;

        Noisy() {
            Fresh fresh = new Fresh(Rng.of(8), ScalarType.Double, Init.KAIMING_UNIFORM);
            this.model = new Classifier(
                    new Sequence(
                            "body",
                            List.of(
                                    new Linear("fc", 3, 6, true, fresh),
                                    new BatchNorm("bn", 6, fresh),
                                    Activation.RELU,
                                    new Dropout("drop", 0.3))),
                    HeadSpec.linear().build("head", 6, train.schema().classes(), Rng.of(9), ScalarType.Double),
                    ScalarType.Double);
            this.optimizer = OptimizerConfig.sgd(0.1, 0.9).build(model.parameters());
        }

        @Override
        public Capabilities capabilities() {
            return Capabilities.of();
        }

        @Override
        public StepReport learn(Batch b) {
            Tensor scores = model.scores(b.inputs(), Pass.train(Rng.of(5).child("pass", step)));
            Tensor loss = new CrossEntropy()
                    .value(new LossInput(
                            scores, b.target(), b.rows(), model.head().columns(), Map.of(), true))
                    .total(null);
            StepReport r = new StepReport(step == breakAt ? Double.NaN : loss.item_double(), b.size());
            if (step++ == breakAt) {
                return r.with(new StepReport.Event(StepReport.Event.Kind.STEP_SKIPPED, "broken"));
            }
            optimizer.step(Autograd.grad(loss, optimizer.parameters(), false));
            return r;
        }

        @Override
        public Prediction predict(dev.holdfast.data.Inputs x) {
            try (var mode = Autograd.noGrad()) {
                return new Prediction(model.scores(x, Pass.eval()), model.head().columns(), Prediction.Kind.LOGITS);
            }
        }

        @Override
        public Model model() {
            return model;
        }

        @Override
        public Objective objective(dev.holdfast.data.DataSource data) {
            return new NetObjective(model, new CrossEntropy(), data);
        }

        @Override
        public Footprint footprint() {
            return new Footprint(0, 0, "");
        }

        @Override
        public State state() {
            return new State().put("model", model).put("optimizer", optimizer);
        }

        @Override
        public void load(State saved) {
            throw new UnsupportedOperationException();
        }
    }

    /** With columns for all classes from the start. */
    private final class Plain extends Noisy {}

    /** Always names the first class, so its accuracy is that class's share of the rows. */
    private final class Fixed extends Noisy {
        @Override
        public StepReport learn(Batch b) {
            return new StepReport(0, b.size());
        }

        @Override
        public Prediction predict(dev.holdfast.data.Inputs x) {
            return new Prediction(
                    Tensors.oneHot(new int[x.size()], 4, x.x()), train.schema().classes(), Prediction.Kind.SCORES);
        }
    }
}
