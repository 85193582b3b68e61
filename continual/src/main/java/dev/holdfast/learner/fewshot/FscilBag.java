package dev.holdfast.learner.fewshot;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.augment.LabelViews;
import dev.holdfast.estimate.PrototypeBank;
import dev.holdfast.estimate.PrototypeCalibration;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.fewshot.BagConfig.Tuning;
import dev.holdfast.loss.SupervisedContrastive;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.FixedPrototypes;
import dev.holdfast.nn.head.ViewHead;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.ClassStatistics;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * A bag of tricks for few-shot class-incremental learning: a base is learnt with care, so that classes that come later with
 * a few rows each find room; each trick is a switch of {@link BagConfig}.
 *
 * <ol>
 *   <li>Before the base (7): training without labels.
 *   <li>Base: cross entropy over cosines, with a supervised contrastive loss (1), towards prototypes fixed beforehand (2),
 *       over views of an image as classes of their own (3), telling turns (8), on a wider network (6). When its part ends,
 *       the weight of each class becomes the mean embedding of its rows as they are, or stays its assigned prototype.
 *   <li>A session's rows: their classes get weights in the same way; then a few steps on them (4), or on few entries of the
 *       encoder (5). Without these nothing trained moves.
 * </ol>
 *
 * <p><i>A Bag of Tricks for Few-Shot Class-Incremental Learning</i>, arXiv 2403.14392, whose abstract names the tricks; their
 * forms are those of arXiv 2104.03047 (CEC, the baseline), 2304.00426 (SAVC), 2302.03004 (NC-FSCIL) and 2209.07529 (SoftNet).
 *
 * <p>Only the first part must be announced. A batch after it is taken as the rows of a session. One thread learns, any number
 * may predict.
 */
public final class FscilBag implements NetLearner {
    private static final int CHUNK = 256;
    private static final int FISHER_BATCH = 32;

    private final BagConfig config;
    private final Net net;
    private final BaseTraining training;
    private final Rng rng;
    private final int limit;

    /** Of trick 2, one for each view of each class [rows, D]; null without it. */
    private Tensor prototypes;

    /** Null unless trick 1 looks at a queue. */
    private KeyQueue keys;

    /** Null until the base is learnt. */
    private PrototypeBank bank;

    /** Of trick 5, by name of the leaf; null until the base is learnt. */
    private Map<String, Tensor> masks;

    public FscilBag(BagConfig config, Schema schema, Rng rng) {
        boolean images = schema.x().kind() == Schema.Field.Kind.IMAGE;
        LabelViews views = images ? config.views() : LabelViews.NONE;
        views.requireFits(schema);
        double rotation = images ? config.rotation() : 0;
        if (rotation > 0) {
            LabelViews.QUARTER_TURNS.requireFits(schema);
        }
        this.config = config;
        this.rng = rng;
        this.limit = config.assigned().classes() > 0
                ? config.assigned().classes()
                : schema.classes().size();
        long rows = config.assigns() ? (long) limit * views.count() : 0;
        BackboneConfig wide = config.net().backbone().widened(config.width(), schema);
        NetConfig widened =
                new NetConfig(wide, config.net().optimizer(), config.net().allClassesFromStart());
        this.net = new Net(
                widened,
                schema,
                rng.child("net"),
                m -> BagModel.of(m, config, views, rotation, rows, rng.child("tricks")));
        this.training = new BaseTraining(config, net, images);
        if (config.assigns()) {
            this.prototypes = Scope.own(FixedPrototypes.of(
                    Math.toIntExact(rows), head().width(), config.assigned().steps(), rng.child("prototypes")));
        }
        this.keys = queues() ? new KeyQueue(bag(), config.contrast()) : null;
    }

    private boolean queues() {
        return config.contrast().weight() > 0 && config.contrast().form() == SupervisedContrastive.Form.QUEUE;
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BASE, Trait.BOUNDED_MEMORY);
    }

    @Override
    public void begin(Experience e) {
        if (bank == null) {
            if (config.pretraining().on()
                    && config.trainBase()
                    && net.step() == 0
                    && e.train().rereadable()) {
                training.pretrain(e.train(), e.pace().epochs());
            }
            return;
        }
        if (config.returning() == BagConfig.Returning.REFUSE) {
            for (ClassIndex.Column c : e.classes().columns()) {
                if (net.columns().columnOf(c.classId()) >= 0) {
                    throw new IllegalArgumentException("A session brings class " + c.classId() + " ('" + c.name()
                            + "'), which is known already; expected new classes only.\nMaybe set returning=UPDATE.");
                }
            }
        }
    }

    @Override
    public StepReport learn(Batch b) {
        net.requireFits(b);
        requireRoom(b);
        return bank == null ? train(b) : session(b);
    }

    /** Refuses classes for which no prototype is left. */
    private void requireRoom(Batch b) {
        if (prototypes == null || config.assigned().grow()) {
            return;
        }
        int classes = net.columns().size() + fresh(b);
        if (classes > limit) {
            throw new IllegalArgumentException(
                    "Prototypes were assigned for at most " + limit + " classes, but these rows" + " make it " + classes
                            + ".\nMaybe set assigned.classes higher, or assigned.grow=true.");
        }
    }

    private int fresh(Batch b) {
        Set<Long> ids = new LinkedHashSet<>();
        for (long id : b.classIds()) {
            if (net.columns().columnOf((int) id) < 0) {
                ids.add(id);
            }
        }
        return ids.size();
    }

    /** A step of the base training. */
    private StepReport train(Batch b) {
        int before = rows();
        net.admit(b);
        if (rows() > before && prototypes != null) {
            makeRoom(before);
            assign(Tensors.slice(prototypes, 0, rows()));
        }
        return config.trainBase() ? training.step(b, prototypes, keys) : new StepReport(Double.NaN, 0);
    }

    /** Weights of the head, one for each view of each class. */
    private int rows() {
        return net.columns().size() * head().views();
    }

    /** More prototypes where classes came that nobody expected: those that stand for classes stay, the others move. */
    private void makeRoom(int taken) {
        if (rows() <= prototypes.size(0)) {
            return;
        }
        int added = rows() - taken;
        try (Scope s = Scope.open()) {
            Tensor old = prototypes;
            prototypes = Scope.own(FixedPrototypes.grow(
                    Tensors.slice(old, 0, taken),
                    added,
                    config.assigned().steps(),
                    rng.child("more prototypes", rows())));
            old.close();
        }
    }

    private void assign(Tensor weights) {
        net.change(() -> {
            head().assign(weights);
            return null;
        });
    }

    /** The base is learnt: from now on classes are their means or their assigned prototypes. */
    @Override
    public void end(Experience base) {
        if (bank != null) {
            return;
        }
        Net.requireColumns(net.columns());
        try (Scope s = Scope.open()) {
            Tuning t = config.tuning();
            Map<String, Tensor> chosen = t.on() && t.subnet() ? masks(base.train()) : null;
            PrototypeBank learnt;
            try {
                learnt = new PrototypeBank(means(base.train()), new PrototypeCalibration(0, 16), name(net.columns()));
            } catch (RuntimeException e) {
                close(chosen);
                throw e;
            }
            assign(weights(learnt.base(), 0));
            bank = learnt;
            masks = chosen;
        }
    }

    /** Mean embeddings of all views [rows, D], of the rows as they are. */
    private Tensor means(DataSource data) {
        ClassStatistics means = ClassStatistics.meansOnly(head().width());
        try (Loader rows = data.batches(Pace.inOrder(CHUNK), Rng.of(0))) {
            while (rows.hasNext()) {
                try (Scope chunk = Scope.open()) {
                    Batch b = rows.next();
                    means.add(embeddings(b), bag().views().labels(net.columns().columnsOf(b.classIds())));
                }
            }
        }
        return means.means();
    }

    /** Embeddings of all views [M n, D]. */
    private Tensor embeddings(Batch b) {
        try (var mode = Autograd.noGrad()) {
            return bag().features(bag().views().all(b.inputs().x()), Pass.eval());
        }
    }

    private Map<String, Tensor> masks(DataSource data) {
        Map<String, Tensor> fisher = new LinkedHashMap<>();
        if (config.tuning().score() == Tuning.Score.FISHER) {
            Parameters p = SessionTuning.movable(bag(), config.tuning());
            for (int i = 0; i < p.size(); i++) {
                fisher.put(
                        p.meta().get(i).name(),
                        Tensors.zerosLike(p.get(i).detach(), p.get(i).shape()));
            }
            try (Loader rows = data.batches(Pace.inOrder(FISHER_BATCH), Rng.of(0))) {
                while (rows.hasNext()) {
                    try (Scope chunk = Scope.open()) {
                        Batch b = rows.next();
                        Tensor scores = bag().scores(b.inputs(), Pass.eval());
                        ParamVector g = Autograd.grad(net.crossEntropy(scores, b), p, false);
                        for (int i = 0; i < g.size(); i++) {
                            if (g.get(i) != null) {
                                fisher.get(p.meta().get(i).name()).add_(g.get(i).square());
                            }
                        }
                    }
                }
            }
        }
        return SessionTuning.masks(bag(), config.tuning(), fisher::get);
    }

    /** What stands for classes: rows {@code from} and later of the weights, from the means of these. */
    private Tensor weights(Tensor means, long from) {
        if (prototypes == null) {
            return means;
        }
        Tensor own = Tensors.slice(prototypes, from, from + means.size(0));
        return switch (config.classifier()) {
            case MEAN -> means;
            case ASSIGNED -> own;
            case BLEND -> SupervisedContrastive.unit(means).add(own);
        };
    }

    /** The rows of a session: weights for their classes, then the steps of tricks 4 and 5. Rows of the base teach nothing. */
    private StepReport session(Batch b) {
        int views = head().views();
        int baseClasses = bank.baseColumns() / views;
        ClassIndex after = net.ahead(b).columns();
        int[] all = after.columnsOf(b.classIds());
        int[] at = IntStream.range(0, all.length)
                .filter(i -> all[i] >= baseClasses)
                .toArray();
        if (at.length == 0) {
            return new StepReport(Double.NaN, 0);
        }
        Batch later = at.length == all.length ? b : b.rows(at);
        int[] joint = bag().views().labels(after.columnsOf(later.classIds()));
        bank.announce(embeddings(later), joint, name(after));
        return net.change(() -> {
            int before = rows();
            net.admit(b);
            if (prototypes != null) {
                makeRoom(before);
            }
            int[] fresh = Arrays.stream(joint).distinct().sorted().toArray();
            Tensor weights = renewed(fresh);
            double loss = Double.NaN;
            if (config.tuning().on()) {
                SessionTuning.Tuned t = SessionTuning.run(
                        bag(),
                        config.tuning(),
                        material(later, joint, fresh),
                        weights,
                        config.classifier() != BagConfig.Classifier.ASSIGNED,
                        masks);
                weights = t.weights();
                loss = t.loss();
            }
            head().assign(weights);
            return new StepReport(loss, later.size());
        });
    }

    /** The present weights with those of the fresh classes computed anew. */
    private Tensor renewed(int[] fresh) {
        Tensor weights = head().rows().clone();
        Tensor standing = weights(bank.later(), bank.baseColumns()).to(weights.scalar_type());
        int[] inLater = Arrays.stream(fresh).map(r -> r - bank.baseColumns()).toArray();
        weights.index_copy_(0, Tensors.ids(fresh), Tensors.rows(standing, inLater));
        return weights;
    }

    private SessionTuning.Material material(Batch later, int[] joint, int[] fresh) {
        Tensor x = bag().views().all(later.inputs().x());
        boolean everything = config.tuning().moves() == Tuning.Moves.EVERYTHING;
        int[] moving = everything ? IntStream.range(0, rows()).toArray() : fresh;
        Tensor means = Tensors.cat(0, bank.base(), bank.later());
        int[] old = everything || !config.tuning().rehearsal()
                ? new int[0]
                : IntStream.range(0, bank.columns())
                        .filter(r -> Arrays.binarySearch(fresh, r) < 0)
                        .toArray();
        return new SessionTuning.Material(x, joint, Tensors.rows(means, old), old, moving);
    }

    private BagModel bag() {
        return (BagModel) net.model();
    }

    private ViewHead head() {
        return bag().head();
    }

    private IntFunction<String> name(ClassIndex columns) {
        int views = head().views();
        return r -> {
            ClassIndex.Column c = columns.columns().get(r / views);
            return c.classId() + " ('" + c.name() + "'" + (views == 1 ? ")" : ", view " + r % views + ")");
        };
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
        more += prototypes == null ? 0 : prototypes.nbytes();
        more += keys == null ? 0 : keys.bytes();
        if (masks != null) {
            more += masks.values().stream().mapToLong(Tensor::nbytes).sum();
        }
        return net.footprint(more);
    }

    @Override
    public State state() {
        State s = new State().put("net", net).put("based", Boolean.toString(bank != null));
        if (prototypes != null) {
            s.put("prototypes", prototypes);
        }
        if (keys != null) {
            s.put("keys", keys);
        }
        if (bank != null) {
            s.put("bank", bank);
        }
        if (masks != null) {
            masks.forEach((name, mask) -> s.put("mask." + name, mask));
        }
        return s;
    }

    @Override
    public void load(State saved) {
        boolean based = saved.flag("based");
        State before = net.state().copy();
        Tensor newPrototypes = null;
        KeyQueue newKeys = null;
        PrototypeBank newBank = null;
        Map<String, Tensor> newMasks = null;
        try (Scope s = Scope.open()) {
            net.load(saved.child("net"));
            if (prototypes != null) {
                Tensors.requireShape("saved prototypes", saved.tensor("prototypes"), -1, head().width());
                newPrototypes = Scope.own(Tensors.copy(saved.tensor("prototypes")));
            }
            if (keys != null) {
                newKeys = new KeyQueue(bag(), config.contrast());
                newKeys.load(saved.child("keys"));
            }
            if (based) {
                State b = saved.child("bank");
                Tensors.requireShape("saved base prototypes", b.tensor("base"), -1, head().width());
                newBank = new PrototypeBank(b.tensor("base"), new PrototypeCalibration(0, 16), name(net.columns()));
                newBank.load(b);
                if (newBank.columns() != rows()) {
                    throw new IllegalArgumentException("The saved learner has " + newBank.columns() + " means for "
                            + rows() + " weights.\nMaybe the file is damaged.");
                }
                newMasks = config.tuning().on() && config.tuning().subnet() ? loadMasks(saved) : null;
            }
        } catch (RuntimeException e) {
            net.load(before);
            throw e;
        }
        prototypes = newPrototypes;
        keys = newKeys;
        bank = newBank;
        masks = newMasks;
    }

    private Map<String, Tensor> loadMasks(State saved) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        Parameters p = SessionTuning.movable(bag(), config.tuning());
        for (int i = 0; i < p.size(); i++) {
            String name = p.meta().get(i).name();
            if (saved.has("mask." + name) || config.tuning().score() != Tuning.Score.LEARNED) {
                Tensor mask = saved.tensor("mask." + name);
                Tensors.requireShape(
                        "saved mask of '" + name + "'", mask, p.get(i).shape());
                all.put(name, Scope.own(Tensors.copy(mask)));
            }
        }
        return all;
    }

    private static void close(Map<String, Tensor> tensors) {
        if (tensors != null) {
            tensors.values().forEach(Tensor::close);
        }
    }
}
