package dev.holdfast.learner.regularize;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.distill.FeatureMatch;
import dev.holdfast.distill.SigmoidLogits;
import dev.holdfast.distill.SoftLogits;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.loss.BinaryCrossEntropy;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.penalty.Importance;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
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
 * <p>The classes of a part are those that it announces, or that its rows have. A class that comes again is one of them: it
 * is learnt, and not held to former answers.
 *
 * <p>Smith, Tian, Halbe, Hsu, Kira: <i>A Closer Look at Rehearsal-Free Continual Learning</i>, arXiv 2203.17269.
 */
public final class RehearsalFree implements NetLearner {
    /** What classification means. */
    public enum Classification {
        /** One sigmoid for each class of the part, summed over them. */
        BCE,
        /** A softmax over all classes seen. */
        SOFTMAX_ALL,
        /** A softmax over the classes of the part. */
        SOFTMAX_NEW
    }

    /** Which weights are anchored. */
    public enum Anchor {
        ALL,
        NO_HEAD,
        /** Queries, keys and values of attention; everything else below the head is frozen. */
        ATTENTION_QKV,
        /** All weights of attention; everything else below the head is frozen. */
        ATTENTION_ALL;

        /** Whether a weight of this name is anchored. */
        public boolean holds(String name) {
            return switch (this) {
                case ALL -> true;
                case NO_HEAD -> !isHead(name);
                case ATTENTION_QKV -> name.contains(".attn.qkv.");
                case ATTENTION_ALL -> name.contains(".attn.");
            };
        }

        boolean trains(String name) {
            return this == ALL || this == NO_HEAD || isHead(name) || holds(name);
        }

        private static boolean isHead(String name) {
            return name.startsWith("head.");
        }
    }

    /**
     * The combination. Distillation has the form of the classification: sigmoids with BCE, else a softmax at T = 2.
     *
     * @param ewcRows rows that EWC's importance is measured on; 0 = all
     * @param restart a fresh optimizer for every part
     * @param anchorToPretrained in the first part a network that was trained elsewhere is held by l2, too
     */
    public record Config(
            NetConfig net,
            @Doc("what classification means") Classification classification,
            @Doc("weight of the distillation of answers on old classes") double predKd,
            @Doc("weight of the distillation of features") double featKd,
            @Doc("weight of the squared distance to the weights before") double l2,
            @Doc("weight of that distance times the Fisher information") double ewc,
            @Doc("which weights l2 and ewc hold") Anchor anchor,
            @Doc("rows that the Fisher information is measured on; 0 = all") int ewcRows,
            @Doc("begin every part with a fresh optimizer") boolean restart,
            @Doc("hold pretrained weights in the first part already") boolean anchorToPretrained) {
        public Config {
            requireWeight("predKd", predKd);
            requireWeight("featKd", featKd);
            requireWeight("l2", l2);
            requireWeight("ewc", ewc);
            if (net.allClassesFromStart()) {
                throw new IllegalArgumentException(
                        "net.allClassesFromStart=true gives classes to come a row of the head"
                                + " that l2 and ewc would hold to its random start; expected false.");
            }
        }

        private static void requireWeight(String name, double w) {
            if (!(w >= 0) || Double.isInfinite(w)) {
                throw new IllegalArgumentException(name + " must be finite and >= 0 but is " + w + ".");
            }
        }

        /** The combination with these weights, one sigmoid a class. */
        public static Config of(NetConfig net, double predKd, double featKd, double l2, double ewc) {
            return new Config(net, Classification.BCE, predKd, featKd, l2, ewc, Anchor.ALL, 0, true, true);
        }

        public Config with(Classification c) {
            return new Config(net, c, predKd, featKd, l2, ewc, anchor, ewcRows, restart, anchorToPretrained);
        }

        public Config with(Anchor a) {
            return new Config(net, classification, predKd, featKd, l2, ewc, a, ewcRows, restart, anchorToPretrained);
        }
    }

    private static final SoftLogits SOFT = new SoftLogits(2, SoftLogits.Form.CROSS_ENTROPY);

    private final Config config;
    private final Net net;
    private final Anchored l2;
    private final Anchored ewc;

    /** The network as the part before left it, or null before. */
    private Model teacher;

    /** Columns of the classes of this part. */
    private final TreeSet<Integer> part = new TreeSet<>();

    public RehearsalFree(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        Predicate<ParamMeta> scope = m -> config.anchor.holds(m.name());
        if (net.parameters().meta().stream().noneMatch(scope)) {
            throw new IllegalArgumentException("anchor=" + config.anchor + " holds no weight of this network; it has "
                    + net.parameters().meta().stream().map(ParamMeta::name).toList() + "."
                    + "\nMaybe net.backbone.kind=VIT is meant.");
        }
        this.l2 = new Anchored(
                new Anchored.Config(Importance.UNIFORM, Anchored.Accumulate.ONLINE, config.l2, 0, false, 0),
                rng.child("l2"),
                scope);
        this.ewc = new Anchored(
                new Anchored.Config(
                        Importance.FISHER, Anchored.Accumulate.ONLINE, config.ewc, 1, false, config.ewcRows),
                rng.child("ewc"),
                scope);
    }

    /** Begins with weights that were trained elsewhere: those below the head, by name. Before the first part only. */
    public void startFrom(Model pretrained) {
        if (net.step() > 0 || teacher != null) {
            throw new IllegalStateException(
                    "A learner starts from other weights before it learns, not after " + net.step() + " steps.");
        }
        Parameters theirs = pretrained.parameters();
        Parameters mine = net.parameters();
        try (var mode = Autograd.noGrad()) {
            for (int i = 0; i < mine.size(); i++) {
                String name = mine.meta().get(i).name();
                if (!Anchor.isHead(name)) {
                    mine.get(i).copy_(theirs.get(name));
                }
            }
        }
        if (config.anchorToPretrained && config.l2 > 0) {
            l2.anchorHere(mine.where(m -> !Anchor.isHead(m.name())));
        }
    }

    @Override
    public Capabilities capabilities() {
        return config.ewc > 0
                ? Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY, Trait.REREADS)
                : Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY);
    }

    @Override
    public void begin(Experience e) {
        if (config.restart && net.step() > 0) {
            net.restart();
        }
        net.expect(e.classes(), e.task());
        part.clear();
        e.classes().columns().forEach(c -> part.add(net.columns().columnOf(c.classId())));
    }

    @Override
    public StepReport learn(Batch b) {
        net.admit(b);
        for (int c : net.columns().columnsOf(b.classIds())) {
            part.add(c);
        }
        Pass pass = net.pass();
        Tensor features = net.model().features(b.inputs(), pass);
        Tensor scores = net.model().head().forward(features, pass);
        Tensor task =
                classification().value(net.lossInput(scores, b)).total(b.rows().weights());
        Tensor loss = task;
        List<Term> terms = new ArrayList<>(List.of(new Term("task", task.item_double())));
        int[] old = old();
        if (teacher != null && (config.predKd > 0 && old.length > 0 || config.featKd > 0)) {
            Tensor featuresThen;
            Tensor scoresThen;
            try (var mode = Autograd.noGrad()) {
                featuresThen = teacher.features(b.inputs(), Pass.eval());
                scoresThen = teacher.head().forward(featuresThen, Pass.eval());
            }
            if (config.predKd > 0 && old.length > 0) {
                Tensor columns = Tensors.ids(old);
                Tensor now = scores.index_select(1, columns);
                Tensor then = scoresThen.index_select(1, columns);
                Tensor held = config.classification == Classification.BCE
                        ? SigmoidLogits.value(now, then)
                        : SOFT.value(now, then);
                terms.add(new Term("predKd", held.item_double()));
                loss = loss.add(held, Tensors.scalar(config.predKd));
            }
            if (config.featKd > 0) {
                Tensor held = FeatureMatch.value(features, featuresThen);
                terms.add(new Term("featKd", held.item_double()));
                loss = loss.add(held, Tensors.scalar(config.featKd));
            }
        }
        Parameters now = net.parameters();
        double price = l2.value(now).item_double() + ewc.value(now).item_double();
        ParamVector g =
                Autograd.grad(loss, now, false).plus(1, l2.gradient(now)).plus(1, ewc.gradient(now));
        Step step = net.descend(g.map((m, t) -> config.anchor.trains(m.name()) ? t : null));
        terms.add(new Term("anchor", price));
        StepReport r = net.report(loss, b.size(), step);
        return new StepReport(r.loss() + price, r.rows(), terms, r.events());
    }

    /** Columns of classes that the teacher knows and this part does not have. */
    private int[] old() {
        int known = teacher == null ? 0 : teacher.head().columns().size();
        return IntStream.range(0, known).filter(c -> !part.contains(c)).toArray();
    }

    private Loss classification() {
        return switch (config.classification) {
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
        if (config.l2 > 0) {
            l2.consolidate(net.objective(e.train()));
        }
        if (config.ewc > 0) {
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
                .put(
                        "part",
                        Tensors.ids(part.stream().mapToInt(Integer::intValue).toArray()));
        return teacher == null ? s : s.put("teacher", teacher);
    }

    @Override
    public void load(State saved) {
        int[] newPart = Columns.saved(saved, "part");
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
        part.clear();
        for (int c : newPart) {
            part.add(c);
        }
    }

    /** {@code rehearsal-free}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "rehearsal-free";
        }

        @Override
        public String summary() {
            return "distillation and anchors alone or together, one sigmoid a class; stores no rows";
        }

        @Override
        public String system() {
            return "49-rehearsal-free";
        }

        @Override
        public String paper() {
            return "Smith et al. 2023, arXiv 2203.17269";
        }

        @Override
        public Config defaults() {
            return Config.of(NetConfig.defaults(), 1, 0, 0, 100);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("predKd", List.of(0.0, 1.0)),
                    new Axis("l2", List.of(0.0, 0.01, 0.1, 1.0, 10.0)),
                    new Axis("ewc", List.of(0.0, 1.0, 10.0, 100.0, 1000.0)));
        }

        @Override
        public RehearsalFree create(Config config, Schema schema, Rng rng) {
            return new RehearsalFree(config, schema, rng);
        }
    }

    /** {@code lwf-mc}: one sigmoid a class, held to the former network's on old classes; no anchors. */
    public static final class LwfMcPlugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "lwf-mc";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "LwF for many classes: one sigmoid a class, those of old classes held to the network before";
        }

        @Override
        public String system() {
            return "49-rehearsal-free";
        }

        @Override
        public String paper() {
            return "Rebuffi et al. 2017, arXiv 1611.07725, section 4";
        }

        @Override
        public Config defaults() {
            return Config.of(NetConfig.defaults(), 1, 0, 0, 0);
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)));
        }

        @Override
        public RehearsalFree create(Config config, Schema schema, Rng rng) {
            return new RehearsalFree(config, schema, rng);
        }
    }
}
