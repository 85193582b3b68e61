package dev.holdfast.learner.prototype;

import dev.holdfast.adapt.EntropyFilter;
import dev.holdfast.adapt.ModelRecovery;
import dev.holdfast.adapt.ReliableSharpness;
import dev.holdfast.adapt.ReliableSharpness.Found;
import dev.holdfast.adapt.ReliableSharpness.Look;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Site;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.BatchScaled;
import dev.holdfast.optim.transform.SurrogateGap;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.StepReport.Event;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/** The leaves that adapt, what moves them, and what puts them back: the running part of {@link Csfa} after its base. */
final class NormAdaptation implements Stateful {
    private final AdaptationConfig config;
    private final Parameters theta;
    private final BatchScaled rate;
    private final ChainOptimizer optimizer;
    private final ModelRecovery recovery;
    private final ReliableSharpness step;
    private final EntropyFilter filter;

    /** Starts from the model as it is; its leaves must be those that will be predicted from. */
    NormAdaptation(AdaptationConfig config, Model model) {
        this.config = config;
        this.theta = adaptable(model, config.frozenBlocks());
        this.rate = new BatchScaled(config.fullBatch());
        this.optimizer = new ChainOptimizer(
                theta,
                List.of(),
                new Sgd(theta, config.momentum(), 0, false),
                List.of(ParamGroup.all(config.rate(), rate, 0, Decay.NONE)));
        this.recovery = new ModelRecovery(theta, optimizer, config.recovery());
        this.step = new ReliableSharpness(config.rho(), new SurrogateGap(config.gap()));
        this.filter = new EntropyFilter(config.filter());
    }

    /** The affine leaves of all norms but those of the last blocks, by position. */
    static Parameters adaptable(Model model, int frozenBlocks) {
        Parameters all = model.parameters();
        int[] depths = all.meta().stream()
                .filter(m -> m.role() == Role.NORM)
                .mapToInt(ParamMeta::depth)
                .distinct()
                .sorted()
                .toArray();
        if (depths.length <= frozenBlocks) {
            List<String> layers =
                    Inventory.of(model).sites().stream().map(Site::name).toList();
            throw new IllegalArgumentException("No norm of this network may adapt: it has norms in " + depths.length
                    + " blocks, of which the last " + frozenBlocks + " stay as they are. Its layers are " + layers
                    + ".\nMaybe choose a network with norms (net.backbone.norm=GROUP), or fewer adapt.frozenBlocks.");
        }
        int last = depths[depths.length - frozenBlocks - 1];
        return all.where(m -> m.role() == Role.NORM && m.depth() <= last);
    }

    /** One step on rows without labels; {@code entropies} [n] at the present leaves. */
    StepReport unlabelled(Supplier<Tensor> entropies, int rows, int classes) {
        boolean first = optimizer.steps() == 0;
        Look l = step.look(theta, entropies, filter.limit(classes));
        if (l.found() == Found.NOT_FINITE) {
            boolean reset = recovery.observeNotFinite();
            StepReport r = new StepReport(Double.NaN, 0, new Term("not finite", recovery.notFinite()));
            return reset ? r.with(new Event(Event.Kind.MODEL_RESET, "entropies were not finite, three times")) : r;
        }
        if (l.found() != Found.DIRECTION) {
            return new StepReport(l.mean(), 0, new Term("reliable", l.reliable().length));
        }
        move(l, rows);
        StepReport r = new StepReport(
                l.mean(),
                l.reliableTwice().length,
                new Term("reliable", l.reliable().length),
                new Term("surrogate gap", l.surrogateGap()));
        if (recovery.observe(l.perturbedLoss(), classes)) {
            r = r.with(new Event(Event.Kind.MODEL_RESET, "the mean entropy fell so low that the model had collapsed"));
        }
        return first && config.batchStatistics() && rows < 8
                ? r.with(new Event(
                        Event.Kind.UNSTABLE,
                        "batch statistics of " + rows + " rows are used: they, not the weights, will spoil the model"))
                : r;
    }

    /** One step on the losses [n] of labelled rows, all of which are trusted. */
    StepReport labelled(Supplier<Tensor> losses, int rows) {
        Look l = step.look(theta, losses, Double.POSITIVE_INFINITY);
        if (l.found() == Found.DIRECTION) {
            move(l, rows);
        }
        return new StepReport(l.mean(), rows);
    }

    private void move(Look l, int rows) {
        rate.observe(rows);
        optimizer.step(l.direction());
    }

    long bytes() {
        return recovery.bytes()
                + optimizer.state().tensors().values().stream()
                        .mapToLong(Tensor::nbytes)
                        .sum();
    }

    Parameters theta() {
        return theta;
    }

    @Override
    public State state() {
        return new State().put("optimizer", optimizer).put("recovery", recovery);
    }

    @Override
    public void load(State saved) {
        Snapshot.loadAll(saved, Map.of("optimizer", optimizer, "recovery", recovery));
    }
}
