package dev.holdfast.learner.prototype;

import dev.holdfast.adapt.EntropyFilter;
import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.estimate.PrototypeBank;
import dev.holdfast.estimate.PrototypeCalibration;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.CosineHead;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.ClassStatistics;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Tensor;

/**
 * Calibrated source-free adaptation: after a base was learnt, new classes join with a few labelled rows and the inputs
 * drift, and neither needs the base data again.
 *
 * <ol>
 *   <li>Base: a network with a cosine classifier of scale s is trained; when its part ends, the weight of each class
 *       becomes the mean of its raw features. Base prototypes never move again.
 *   <li>Labelled rows: their classes get prototypes, {@linkplain PrototypeCalibration calibrated} by the base ones; no
 *       training.
 *   <li>Rows without labels: one {@linkplain dev.holdfast.adapt.ReliableSharpness reliable, sharpness-aware step} on the
 *       entropy of the predictions moves the affine leaves of the norms, except those of the last blocks; everything
 *       else is frozen. A model that collapses is {@linkplain dev.holdfast.adapt.ModelRecovery put back}.
 * </ol>
 *
 * <p><i>Generalized Incremental Learning under Concept Drift across Evolving Data Streams</i>, arXiv 2506.05736, of which
 * the abstract names the parts; they are composed here of TEEN (arXiv 2312.05229), SAR (arXiv 2302.12400) and GSAM (arXiv
 * 2203.08065). Without calibration, perturbation, gap, filter or recovery it is one of its rivals: see {@link CsfaPlugin}.
 *
 * <p>Only the first part must be announced. One thread learns, any number may predict.
 */
public final class Csfa implements NetLearner {
    private static final int CHUNK = 256;

    /**
     * @param net the network and what trains the base; it needs norms, and columns come with prototypes
     * @param scale s, the factor of the cosines, > 0
     * @param calibration of the prototypes of new classes
     * @param adapt how the norms adapt
     * @param refreshPrototypes compute the prototypes of new classes anew after each step, from kept labelled rows
     * @param keptRows labelled rows a new class that are kept for this
     * @param labelledSteps labelled rows also take a step, on their cross entropy
     * @param rejectBelow rows whose largest cosine is below it are called unknown by {@link #unknown}, in [-1, 1]
     */
    public record Config(
            NetConfig net,
            @Doc("factor of the cosines") double scale,
            PrototypeCalibration calibration,
            AdaptationConfig adapt,
            @Doc("recompute the prototypes of new classes after each step") boolean refreshPrototypes,
            @Doc("labelled rows a new class that are kept for this") int keptRows,
            @Doc("labelled rows also take a step, on their cross entropy") boolean labelledSteps,
            @Doc("rows whose largest cosine is below it are unknown; -1 = none") double rejectBelow) {
        public Config {
            new CosineHead.Spec(scale, false);
            if (net.allClassesFromStart()) {
                throw new IllegalArgumentException(
                        "A class gets its column with its prototype." + "\nMaybe set net.allClassesFromStart=false.");
            }
            if (keptRows < 1) {
                throw new IllegalArgumentException("keptRows must be >= 1 but is " + keptRows + ".");
            }
            if (!(rejectBelow >= -1 && rejectBelow <= 1)) {
                throw new IllegalArgumentException("rejectBelow is a cosine in [-1, 1] but is " + rejectBelow + ".");
            }
        }

        /** All parts on, as published, over this network. */
        public static Config of(NetConfig net) {
            return new Config(
                    net, 16, PrototypeCalibration.defaults(), AdaptationConfig.defaults(), false, 5, false, -1);
        }

        public Config with(AdaptationConfig newAdapt) {
            return new Config(
                    net, scale, calibration, newAdapt, refreshPrototypes, keptRows, labelledSteps, rejectBelow);
        }

        public Config with(PrototypeCalibration newCalibration) {
            return new Config(
                    net, scale, newCalibration, adapt, refreshPrototypes, keptRows, labelledSteps, rejectBelow);
        }

        /** Labelled rows also take a step. */
        public Config withLabelledSteps() {
            return new Config(net, scale, calibration, adapt, refreshPrototypes, keptRows, true, rejectBelow);
        }
    }

    private final Config config;
    private final Net net;

    /** Null until the base is learnt. */
    private PrototypeBank bank;

    private NormAdaptation adaptation;
    private KeptRows kept;

    public Csfa(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"), new CosineHead.Spec(config.scale, false));
        if (adapts()) {
            NormAdaptation.adaptable(net.model(), config.adapt.frozenBlocks());
        }
    }

    private boolean adapts() {
        return config.adapt.rate() > 0;
    }

    @Override
    public Capabilities capabilities() {
        return config.refreshPrototypes
                ? Capabilities.of(Trait.NEEDS_BASE, Trait.UNLABELLED, Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES)
                : Capabilities.of(Trait.NEEDS_BASE, Trait.UNLABELLED, Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        if (b.target() instanceof Target.None) {
            return adapt(b);
        }
        return bank == null ? train(b) : announce(b);
    }

    /** A step of the base training. */
    private StepReport train(Batch b) {
        net.admit(b);
        Tensor loss = net.crossEntropy(net.scores(b.inputs(), net.pass()), b);
        return net.report(loss, b.size(), net.descend(loss));
    }

    /** The base is learnt: from now on classes are what their prototypes say. */
    @Override
    public void end(Experience base) {
        if (bank != null) {
            return;
        }
        Net.requireColumns(net.columns());
        try (Scope s = Scope.open()) {
            ClassStatistics means = null;
            try (Loader rows = base.train().batches(Pace.inOrder(CHUNK), Rng.of(0))) {
                while (rows.hasNext()) {
                    try (Scope chunk = Scope.open()) {
                        Batch b = rows.next();
                        Tensor f = features(b.inputs());
                        means = means == null ? ClassStatistics.meansOnly(f.size(1)) : means;
                        means.add(f, net.columns().columnsOf(b.classIds()));
                    }
                }
            }
            PrototypeBank learnt = new PrototypeBank(means.means(), config.calibration, name(net.columns()));
            net.change(() -> {
                head().assign(learnt.weights());
                return null;
            });
            bank = learnt;
            adaptation = adapts() ? new NormAdaptation(config.adapt, net.model()) : null;
            kept = config.refreshPrototypes ? new KeptRows(config.keptRows) : null;
        }
    }

    /** Prototypes of classes that come with a few labelled rows. */
    private StepReport announce(Batch b) {
        net.requireFits(b);
        ClassIndex after = net.ahead(b).columns();
        int[] column = after.columnsOf(b.classIds());
        int taken = bank.announce(features(b.inputs()), column, name(after));
        if (kept != null) {
            kept.add(b.inputs(), column, bank.baseColumns());
        }
        net.change(() -> {
            net.admit(b);
            head().assign(bank.weights());
            return null;
        });
        if (!config.labelledSteps || adaptation == null) {
            return new StepReport(Double.NaN, taken);
        }
        Tensor truth =
                Tensors.oneHot(column, after.size(), net.model().parameters().get(0));
        StepReport r = net.change(() -> adaptation.labelled(
                () -> logits(b.inputs()).log_softmax(1).mul(truth).sum(1).neg(), b.size()));
        refresh();
        return r;
    }

    /** One step on rows without labels. */
    private StepReport adapt(Batch b) {
        if (b.size() == 0) {
            throw new IllegalArgumentException("A batch without rows teaches nothing; expected at least one row.");
        }
        net.requireFits(b.inputs());
        if (bank == null) {
            throw new IllegalStateException("Rows without labels can adapt a model only after its base was learnt, but"
                    + " the first part has not ended.\nMaybe end(...) was not called for the base, or the rows came too"
                    + " early.");
        }
        if (adaptation == null) {
            return new StepReport(Double.NaN, 0);
        }
        // predictions wait for the whole step, for in its midst the leaves are perturbed
        StepReport r = net.change(() -> adaptation.unlabelled(
                () -> EntropyFilter.entropy(logits(b.inputs())),
                b.size(),
                net.columns().size()));
        refresh();
        return r;
    }

    private Tensor logits(Inputs x) {
        // a single row has no statistics of its own
        boolean ofBatch = config.adapt.batchStatistics() && x.size() > 1;
        return net.scores(x, ofBatch ? net.peek() : Pass.eval());
    }

    /** Prototypes of later classes as the adapted network sees their kept rows. */
    private void refresh() {
        if (kept == null || kept.size() == 0) {
            return;
        }
        net.change(() -> {
            try (Scope s = Scope.open()) {
                Tensor f = features(kept.inputs());
                // features that died would leave a class without direction; the old prototypes are better then
                if (Tensors.finite(f) && kept.directed(f)) {
                    bank.clearLater();
                    bank.announce(f, kept.columns(), name(net.columns()));
                    head().assign(bank.weights());
                }
            }
            return null;
        });
    }

    private Tensor features(Inputs x) {
        try (var mode = Autograd.noGrad()) {
            return net.model().features(x, Pass.eval());
        }
    }

    private CosineHead head() {
        return (CosineHead) net.model().head();
    }

    private static IntFunction<String> name(ClassIndex columns) {
        return c -> columns.columns().get(c).classId() + " ('"
                + columns.columns().get(c).name() + "')";
    }

    /** Which rows look like no class: those whose largest cosine is below {@code rejectBelow}. */
    public boolean[] unknown(Inputs x) {
        try (Scope s = Scope.open()) {
            double[] best = Tensors.doubles(predict(x).scores().amax(new long[] {1}, false));
            boolean[] unknown = new boolean[best.length];
            for (int i = 0; i < best.length; i++) {
                unknown[i] = best[i] < config.rejectBelow * config.scale;
            }
            return unknown;
        }
    }

    /** Whether the base is learnt. */
    public boolean based() {
        return bank != null;
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        long more = bank == null ? 0 : bank.bytes();
        more += adaptation == null ? 0 : adaptation.bytes();
        more += kept == null ? 0 : kept.bytes();
        return net.footprint(more);
    }

    @Override
    public State state() {
        State s = new State().put("net", net).put("based", Boolean.toString(bank != null));
        if (bank != null) {
            s.put("bank", bank);
        }
        if (adaptation != null) {
            s.put("adaptation", adaptation);
        }
        if (kept != null) {
            s.put("kept", kept);
        }
        return s;
    }

    @Override
    public void load(State saved) {
        boolean based = saved.flag("based");
        State before = net.state().copy();
        PrototypeBank newBank = null;
        NormAdaptation newAdaptation = null;
        KeptRows newKept = null;
        try (Scope s = Scope.open()) {
            net.load(saved.child("net"));
            if (based) {
                State b = saved.child("bank");
                newBank = new PrototypeBank(b.tensor("base"), config.calibration, name(net.columns()));
                newBank.load(b);
                if (newBank.columns() != net.columns().size()) {
                    throw new IllegalArgumentException("The saved learner has " + newBank.columns() + " prototypes for "
                            + net.columns().size() + " classes.\nMaybe the file is damaged.");
                }
                Tensors.requireShape("saved base prototypes", newBank.base(), -1, head().width());
                newAdaptation = adapts() ? new NormAdaptation(config.adapt, net.model()) : null;
                if (newAdaptation != null) {
                    newAdaptation.load(saved.child("adaptation"));
                }
                newKept = config.refreshPrototypes ? new KeptRows(config.keptRows) : null;
                if (newKept != null) {
                    newKept.load(saved.child("kept"));
                }
            }
        } catch (RuntimeException e) {
            net.load(before);
            if (bank != null && adaptation != null) {
                State moved = adaptation.state().copy();
                adaptation = new NormAdaptation(config.adapt, net.model());
                adaptation.load(moved);
            }
            throw e;
        }
        bank = newBank;
        adaptation = newAdaptation;
        kept = newKept;
    }
}
