package dev.holdfast.learner.regularize;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.distill.FeatureMatch;
import dev.holdfast.distill.SigmoidLogits;
import dev.holdfast.distill.SoftLogits;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Anchor;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Classification;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Returning;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Statistics;
import dev.holdfast.loss.BinaryCrossEntropy;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import dev.holdfast.optim.Step;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.penalty.Importance;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Class-incremental learning without stored rows: four regularisers, alone and together.
 *
 * <pre>
 * loss = classification + predKd * L_pred + featKd * L_feat + l2 * |theta - theta*|^2 + ewc * sum F (theta - theta*)^2
 * </pre>
 *
 * <p>theta* are the weights at the end of the part before, L_pred and L_feat hold the answers on old classes and the
 * features to those of the network then; new rows of the head are free. With one sigmoid a class (BCE) old classes get no
 * gradient from the classification of new ones; with a softmax over all classes they are pushed down, which is what makes
 * regularisers look useless. BCE with predKd = 1 is LwF-MC; all weights 0 is fine-tuning.
 *
 * <p>The classes of a part are those that it announces, or that its rows have. The paper's parts are disjoint; what
 * becomes of a class that comes again is {@link RehearsalFreeConfig.Returning}.
 *
 * <p>Smith, Tian, Halbe, Hsu, Kira: <i>A Closer Look at Rehearsal-Free Continual Learning</i>, arXiv 2203.17269.
 */
public final class RehearsalFree implements NetLearner {
    private static final SoftLogits SOFT = new SoftLogits(2, SoftLogits.Form.CROSS_ENTROPY);

    private final RehearsalFreeConfig config;
    private final Net net;
    private final Anchored l2;
    private final Anchored ewc;

    /** The network as the part before left it, or null before. */
    private Model teacher;

    /** Whether the network began with weights that were trained elsewhere. */
    private boolean pretrained;

    /** Columns of the classes of this part. */
    private final TreeSet<Integer> part = new TreeSet<>();

    public RehearsalFree(RehearsalFreeConfig config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net(), schema, rng.child("net"));
        Predicate<ParamMeta> scope = m -> config.anchor().holds(m.name());
        if (net.parameters().meta().stream().noneMatch(scope)) {
            throw new IllegalArgumentException("anchor=" + config.anchor() + " holds no weight of this network; it has "
                    + net.parameters().meta().stream().map(ParamMeta::name).toList() + "."
                    + "\nMaybe net.backbone.kind=VIT is meant.");
        }
        this.l2 = new Anchored(
                new Anchored.Config(Importance.UNIFORM, Anchored.Accumulate.ONLINE, config.l2(), 0, false, 0),
                rng.child("l2"),
                scope);
        this.ewc = new Anchored(
                new Anchored.Config(
                        config.ewcBatch() == 0 ? Importance.FISHER : Importance.FISHER_PER_BATCH,
                        Anchored.Accumulate.ONLINE,
                        config.ewc(),
                        1,
                        false,
                        config.ewcRows(),
                        Math.max(1, config.ewcBatch())),
                rng.child("ewc"),
                scope);
    }

    /**
     * Begins with weights that were trained elsewhere: those below the head, by name, and its running statistics. Before
     * the first part only; a network of another shape is refused and changes nothing.
     */
    public void startFrom(Model weights) {
        if (net.step() > 0 || teacher != null) {
            throw new IllegalStateException(
                    "A learner starts from other weights before it learns, not after " + net.step() + " steps.");
        }
        Map<String, Tensor> theirs = belowHead(weights);
        Map<String, Tensor> mine = belowHead(net.model());
        mine.forEach((name, t) -> {
            Tensor from = theirs.get(name);
            if (from == null || !Arrays.equals(from.shape(), t.shape())) {
                throw new IllegalArgumentException("The weights to start from have "
                        + (from == null ? "no '" + name + "'" : "'" + name + "' " + Arrays.toString(from.shape()))
                        + " but this network has " + Arrays.toString(t.shape()) + "; theirs are " + theirs.keySet()
                        + ".\nMaybe net.backbone is to be that of the pretrained network.");
            }
        });
        net.change(() -> {
            try (Scope s = Scope.open();
                    var mode = Autograd.noGrad()) {
                mine.forEach((name, t) -> t.copy_(theirs.get(name)));
            }
            return null;
        });
        pretrained = true;
        if (config.anchorToPretrained() && config.l2() > 0) {
            l2.anchorHere(net.parameters().where(m -> !Anchor.isHead(m.name())));
        }
    }

    /** Weights and buffers by name, live. */
    private static Map<String, Tensor> belowHead(Model m) {
        Map<String, Tensor> all = new LinkedHashMap<>(m.state().tensors());
        all.keySet().removeIf(Anchor::isHead);
        return all;
    }

    @Override
    public Capabilities capabilities() {
        return config.ewc() > 0
                ? Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY, Trait.REREADS)
                : Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY);
    }

    @Override
    public void begin(Experience e) {
        refuseReturning(e.classes().columns().stream().mapToInt(ClassIndex.Column::classId));
        if (config.restart() && net.step() > 0) {
            net.restart();
        }
        net.expect(e.classes(), e.task());
        part.clear();
        e.classes().columns().forEach(c -> part.add(net.columns().columnOf(c.classId())));
    }

    @Override
    public StepReport learn(Batch b) {
        if (config.returning() == Returning.REFUSE) {
            net.requireFits(b);
            refuseReturning(Arrays.stream(b.classIds()).mapToInt(id -> (int) id));
        }
        net.admit(b);
        for (int c : net.columns().columnsOf(b.classIds())) {
            part.add(c);
        }
        Taps stages = config.featKd() > 0 ? stages() : Taps.none();
        Pass pass = (teacher != null && freezes() ? Pass.eval() : net.pass()).withTaps(stages);
        Tensor features = net.model().features(b.inputs(), pass);
        Tensor scores = net.model().head().forward(features, pass);
        Tensor task =
                classification().value(net.lossInput(scores, b)).total(b.rows().weights());
        Tensor loss = task;
        List<Term> terms = new ArrayList<>(List.of(new Term("task", task.item_double())));
        int[] old = old();
        if (teacher != null && (config.predKd() > 0 && old.length > 0 || config.featKd() > 0)) {
            Taps stagesThen = config.featKd() > 0 ? stages() : Taps.none();
            Tensor featuresThen;
            Tensor scoresThen;
            try (var mode = Autograd.noGrad()) {
                featuresThen = teacher.features(b.inputs(), Pass.eval().withTaps(stagesThen));
                scoresThen = teacher.head().forward(featuresThen, Pass.eval());
            }
            if (config.predKd() > 0 && old.length > 0) {
                Tensor columns = Tensors.ids(old);
                Tensor now = scores.index_select(1, columns);
                Tensor then = scoresThen.index_select(1, columns);
                Tensor held = config.classification() == Classification.BCE
                        ? SigmoidLogits.value(now, then)
                        : SOFT.value(now, then);
                terms.add(new Term("predKd", held.item_double()));
                loss = loss.add(held, Tensors.scalar(config.predKd()));
            }
            if (config.featKd() > 0) {
                Tensor held = FeatureMatch.value(features, featuresThen);
                if (!stages.names().isEmpty()) {
                    // the features come from the last block, so the blocks stand for them
                    held = stages.names().stream()
                            .map(name -> FeatureMatch.value(stages.get(name), stagesThen.get(name)))
                            .reduce(Tensor::add)
                            .orElseThrow();
                }
                terms.add(new Term("featKd", held.item_double()));
                loss = loss.add(held, Tensors.scalar(config.featKd()));
            }
        }
        Parameters now = net.parameters();
        double price = l2.value(now).item_double() + ewc.value(now).item_double();
        ParamVector g =
                Autograd.grad(loss, now, false).plus(1, l2.gradient(now)).plus(1, ewc.gradient(now));
        Step step = net.descend(g.map((m, t) -> config.anchor().trains(m.name()) ? t : null));
        terms.add(new Term("anchor", price));
        StepReport r = net.report(loss, b.size(), step);
        return new StepReport(r.loss() + price, r.rows(), terms, r.events());
    }

    private Taps stages() {
        return config.featKdStages() ? Taps.where(name -> name.matches("(block|stage)\\.[0-9.]+")) : Taps.none();
    }

    private boolean freezes() {
        return config.statistics() == Statistics.FREEZE || config.statistics() == Statistics.AUTO && pretrained;
    }

    private void refuseReturning(IntStream classIds) {
        if (config.returning() == Returning.LEARN || teacher == null) {
            return;
        }
        int[] again = classIds.distinct()
                .filter(id -> teacher.head().columns().columnOf(id) >= 0)
                .toArray();
        if (again.length > 0) {
            throw new IllegalArgumentException("Classes " + Arrays.toString(again)
                    + " were learnt in an earlier part; expected new ones only, because returning=REFUSE."
                    + "\nMaybe returning=LEARN is meant, or a learner for classes that come again: gacil, er, pl-fms.");
        }
    }

    /** Columns of classes that the teacher knows and this part does not have. */
    private int[] old() {
        int known = teacher == null ? 0 : teacher.head().columns().size();
        return IntStream.range(0, known).filter(c -> !part.contains(c)).toArray();
    }

    private Loss classification() {
        return switch (config.classification()) {
            case BCE -> new OfThePart(new BinaryCrossEntropy(false, LossValue.Reduction.MEAN), Set.copyOf(part));
            case SOFTMAX_NEW -> new OfThePart(new CrossEntropy(), Set.copyOf(part));
            case SOFTMAX_ALL -> new CrossEntropy();
        };
    }

    /** A loss in which only the columns of the part take part. */
    private record OfThePart(Loss loss, Set<Integer> part) implements Loss, Stateless {
        @Override
        public LossValue value(LossInput in) {
            boolean[] among = new boolean[in.columns().size()];
            part.forEach(c -> among[c] = true);
            return loss.value(
                    new LossInput(in.scores(), in.target(), in.rows(), in.columns(), in.side(), in.training(), among));
        }

        @Override
        public Prediction.Kind expects() {
            return loss.expects();
        }
    }

    @Override
    public void end(Experience e) {
        if (config.l2() > 0) {
            l2.consolidate(net.objective(e.train()));
        }
        if (config.ewc() > 0) {
            Loss measured = classification();
            ewc.consolidate(net.objective(e.train(), crossEntropy -> measured));
        }
        teacher = net.teacher();
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        long bytes = 0;
        for (Map.Entry<String, Tensor> t : state().tensors().entrySet()) {
            bytes += t.getKey().startsWith("net.") ? 0 : t.getValue().nbytes();
        }
        return net.footprint(bytes);
    }

    @Override
    public State state() {
        State s = new State()
                .put("net", net)
                .put("l2", l2)
                .put("ewc", ewc)
                .put("pretrained", Boolean.toString(pretrained))
                .put(
                        "part",
                        Tensors.ids(part.stream().mapToInt(Integer::intValue).toArray()));
        return teacher == null ? s : s.put("teacher", teacher);
    }

    @Override
    public void load(State saved) {
        int[] newPart = Columns.saved(saved, "part");
        boolean newPretrained = saved.flag("pretrained");
        State then = saved.child("teacher");
        Model newTeacher = null;
        if (!then.values().isEmpty() || !then.tensors().isEmpty()) {
            newTeacher = net.teacher();
            newTeacher.load(then);
        }
        Map<String, Stateful> parts = new LinkedHashMap<>();
        parts.put("net", net);
        parts.put("l2", l2);
        parts.put("ewc", ewc);
        Snapshot.loadAll(saved, parts);
        teacher = newTeacher;
        pretrained = newPretrained;
        part.clear();
        for (int c : newPart) {
            part.add(c);
        }
    }
}
