package dev.holdfast.studies.training;

import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.diagnose.valley.DecayProbe;
import dev.holdfast.diagnose.valley.LossPath;
import dev.holdfast.diagnose.valley.TokenHessian;
import dev.holdfast.diagnose.valley.TokenTerciles;
import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.language.train.TokenBatch;
import dev.holdfast.language.train.TokenBatches;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.schedule.BranchingTrainer;
import dev.holdfast.optim.schedule.BranchingTrainer.BranchData;
import dev.holdfast.optim.schedule.CheckpointMethod;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A small decoder of bytes that is trained so that checkpoints come out at several budgets.
 *
 * @param peak highest rate of AdamW
 * @param batches held-out batches that a loss is measured on
 */
record CheckpointBed(StudyText text, int width, int length, double peak, int batches, long seed) {
    private static final int ROWS = 8;
    private static final int LAYERS = 2;
    private static final int HEADS = 4;

    /** The largest eigenvalue is looked for in so many products; enough to see it double or halve. */
    private static final Lanczos LANCZOS = new Lanczos(10, 1e-2);

    CheckpointBed withPeak(double p) {
        return new CheckpointBed(text, width, length, p, batches, seed);
    }

    Pretraining fresh(Schedule factor, int stream) {
        Rng rng = Rng.of(seed);
        Decoder model = DecoderConfig.of(256, width, LAYERS, HEADS).build(rng.child("model"), ScalarType.Float);
        OptimizerConfig adam = new OptimizerConfig(OptimizerConfig.Kind.ADAMW, peak, 0, false, 0.9, 0.95, 1e-8, 0.1, 1);
        return new Pretraining(
                model,
                adam.build(model.parameters(), factor),
                TextWindows.of(text.train(), ROWS, length, rng.child("windows", stream)),
                TokenObjective.CROSS_ENTROPY,
                rng.child("passes"));
    }

    private TokenBatches held() {
        return TextWindows.of(text.held(), ROWS, length, Rng.of(0).child("held"));
    }

    double loss(Pretraining t) {
        return t.evaluate(held(), batches);
    }

    /**
     * What a method gave.
     *
     * @param losses held-out loss of every checkpoint
     * @param drops loss just before each fall less the loss at its checkpoint; empty without falls
     */
    record Delivered(List<Double> losses, List<Double> drops, long updates) {
        double mean() {
            return losses.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        }

        double last() {
            return losses.get(losses.size() - 1);
        }
    }

    /** Trains until all checkpoints are there; a run that is cut off gives those that are. */
    Delivered deliver(CheckpointMethod method, StableDecay plan, StudyContext c) {
        if (method == CheckpointMethod.COSINE) {
            return oneByOne(plan, c);
        }
        BranchingTrainer<Pretraining> trainer =
                new BranchingTrainer<>(plan, method, this::fresh, CheckpointBed::update, BranchData.SAME);
        List<Double> losses = new ArrayList<>();
        List<Double> drops = new ArrayList<>();
        double before = Double.NaN;
        while (!trainer.finished() && !c.cancelled()) {
            var delivered = trainer.step();
            int k = losses.size();
            if (trainer.done() == plan.ends().get(k) - plan.decays().get(k) && delivered.isEmpty()) {
                before = Double.isNaN(before) ? loss(trainer.trunk()) : before;
            }
            if (delivered.isPresent()) {
                losses.add(loss(delivered.get().trained()));
                if (method != CheckpointMethod.CYCLIC_COSINE) {
                    drops.add(before - losses.get(k));
                }
                before = Double.NaN;
            }
        }
        return new Delivered(losses, drops, trainer.spent());
    }

    private Delivered oneByOne(StableDecay plan, StudyContext c) {
        List<Double> losses = new ArrayList<>();
        long updates = 0;
        for (int k = 0; k < plan.ends().size() && !c.cancelled(); k++) {
            BranchingTrainer<Pretraining> t = new BranchingTrainer<>(
                    plan.branch(k), CheckpointMethod.COSINE, this::fresh, CheckpointBed::update, BranchData.SAME);
            losses.add(loss(t.next().trained()));
            updates += t.spent();
        }
        return new Delivered(losses, List.of(), updates);
    }

    private static void update(Pretraining t) {
        t.run(1);
    }

    /** The same WSD-S run once more, looked at closely. */
    Map<String, Double> diagnoses(StableDecay plan) {
        Map<String, Double> found = new LinkedHashMap<>();
        Pretraining t = fresh(plan, 0);
        Parameters p = t.model().parameters();
        List<ParamVector> stable = new ArrayList<>();
        List<ParamVector> decayed = new ArrayList<>();
        int last = plan.ends().size() - 1;
        Pretraining before = fresh(plan, 0);
        for (int k = 0; k <= last; k++) {
            long falls = plan.ends().get(k) - plan.decays().get(k);
            t.run(Math.toIntExact(falls - t.steps()));
            stable.add(p.copy());
            found.put(
                    "hill height by a short probe, before checkpoint " + (k + 1),
                    DecayProbe.after(falls)
                            .run(this::fresh, CheckpointBed::update, t, falls, this::loss)
                            .hillHeight());
            if (k == last) {
                before.load(t.state());
                found.put("sharpness before the last fall", sharpness(t));
            }
            t.run(Math.toIntExact(plan.decays().get(k)));
            decayed.add(p.copy());
        }
        found.put("sharpness after the last fall", sharpness(t));
        LossPath high = LossPath.between(p, stable.get(last - 1), stable.get(last), 5, () -> loss(t));
        LossPath low = LossPath.between(p, decayed.get(last - 1), decayed.get(last), 5, () -> loss(t));
        found.put("dip between places before falls", high.dip());
        found.put("dip between checkpoints", low.dip());
        found.put("barrier between places before falls", high.barrier());
        found.put("barrier between checkpoints", low.barrier());
        List<TokenTerciles.Tercile> thirds = thirds(before, t);
        found.put(
                "change in the fall, most certain third of tokens",
                thirds.get(0).change());
        found.put("change in the fall, middle third of tokens", thirds.get(1).change());
        found.put(
                "change in the fall, least certain third of tokens",
                thirds.get(2).change());
        return found;
    }

    private double sharpness(Pretraining t) {
        return new TokenHessian(t.model(), t.model().parameters(), held(), 1).largest(LANCZOS, Rng.of(1));
    }

    private List<TokenTerciles.Tercile> thirds(Pretraining before, Pretraining after) {
        TokenTerciles thirds = new TokenTerciles();
        for (int i = 0; i < batches; i++) {
            try (Scope s = Scope.open();
                    var mode = Autograd.noGrad()) {
                TokenBatch b = held().at(i);
                thirds.add(
                        before.model().forward(b.ids(), Pass.eval()),
                        after.model().forward(b.ids(), Pass.eval()),
                        b.labels());
            }
        }
        return thirds.report();
    }
}
