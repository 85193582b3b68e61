package dev.holdfast.learner.replay;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.distill.SoftLogits;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.BiasCorrection;
import dev.holdfast.nn.head.HeadRows;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Replay with distillation, and a correction of the head when a part ends, because a head that saw many new rows and few
 * old ones prefers new classes. A step minimises
 *
 * <pre>
 * (1 - lambda) * cross entropy + lambda * distillation at temperature T,   lambda = old classes / all classes
 * </pre>
 *
 * <p>on the batch and rows drawn from a class-balanced memory of finished parts; the teacher is the network as the last
 * part left it, correction included. Then, by {@link Correction}:
 *
 * <ul>
 *   <li>BiC (Wu et al., <i>Large Scale Incremental Learning</i>, arXiv 1905.13260): a share of all rows is held out of
 *       training, balanced over the classes; on it alpha and beta of the new classes' logits are fitted. The layer is
 *       taken into the head, so the next part goes on from the corrected network.
 *   <li>WA (Zhao et al., <i>Maintaining Discrimination and Fairness in Class Incremental Learning</i>, arXiv 1911.07053):
 *       the weight rows of new classes are brought to the mean length of the old ones.
 * </ul>
 */
public final class DistilledReplay implements NetLearner {
    /** What is done to the head when a part ends. */
    public enum Correction {
        /** Nothing. */
        NONE,
        /** BiC. */
        BIAS_LAYER,
        /** WA. */
        WEIGHT_ALIGN
    }

    /**
     * @param capacity rows of finished parts in all, those held out included
     * @param replayBatch rows drawn for each batch of the stream
     * @param temperature T of the distillation, > 0
     * @param correction what is done to the head when a part ends
     * @param heldOut share of rows and of the memory that BIAS_LAYER is fitted on, in (0, 1)
     * @param ridge keeps BIAS_LAYER near no correction, >= 0; 0 = the fit alone
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory, those held out included") int capacity,
            @Doc("rows drawn for each batch of the stream") int replayBatch,
            @Doc("temperature of the distillation") double temperature,
            @Doc("what is done to the head when a part ends") Correction correction,
            @Doc("share of rows that the bias layer is fitted on, not trained on") double heldOut,
            @Doc("keeps the bias layer near no correction where few rows are held out") double ridge) {
        public Config {
            Replays.check(capacity, replayBatch);
            Replays.checkWeight("ridge", ridge);
            new SoftLogits(temperature, SoftLogits.Form.CROSS_ENTROPY);
            if (!(heldOut > 0 && heldOut < 1)) {
                throw new IllegalArgumentException("heldOut must be in (0, 1) but is " + heldOut + ".");
            }
            if (correction == Correction.BIAS_LAYER && capacity < 2) {
                throw new IllegalArgumentException("A bias layer needs rows to replay and rows to be fitted on, so"
                        + " capacity must be >= 2 but is " + capacity + ".");
            }
        }

        /** The papers' constants: T = 2, a tenth held out. */
        public static Config of(NetConfig net, int capacity, int replayBatch, Correction correction) {
            return new Config(net, capacity, replayBatch, 2, correction, 0.1, 1e-3);
        }
    }

    private final Config config;
    private final Rng rng;
    private final Net net;
    private final SoftLogits distillation;

    /** Rows of finished parts; of this part; and, with a bias layer, rows of all parts that are never trained on. */
    private final ReplayBuffer memory;

    private ReplayBuffer current;
    private final ReplayBuffer held;

    /** The network as the last part left it; null before. */
    private Model teacher;

    /** Columns of classes of finished parts, and of this one. */
    private final TreeSet<Integer> taught = new TreeSet<>();

    private final TreeSet<Integer> part = new TreeSet<>();
    private long parts;

    public DistilledReplay(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.rng = rng;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.distillation = new SoftLogits(config.temperature, SoftLogits.Form.CROSS_ENTROPY);
        boolean holds = config.correction == Correction.BIAS_LAYER;
        int out = holds
                ? Math.min(config.capacity - 1, Math.max(1, (int) Math.round(config.heldOut * config.capacity)))
                : 0;
        this.memory = Store.CLASS_BALANCED.buffer(config.capacity - out, rng.child("memory"));
        this.current = current(0);
        this.held = holds ? Store.CLASS_BALANCED.buffer(out, rng.child("held")) : null;
    }

    private ReplayBuffer current(long of) {
        return Store.CLASS_BALANCED.buffer(memory.capacity(), rng.child("current", of));
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
    }

    @Override
    public StepReport learn(Batch all) {
        memory.requireFits(all);
        current.requireFits(all);
        if (held != null) {
            held.requireFits(all);
        }
        net.admit(all);
        for (int c : net.columns().columnsOf(all.classIds())) {
            part.add(c);
        }
        Batch b = all;
        if (held != null) {
            boolean[] out = heldOut(all);
            Batch aside =
                    all.rows(IntStream.range(0, out.length).filter(i -> out[i]).toArray());
            if (all.rows().epoch() == 0 && aside.size() > 0) {
                held.offer(aside, Map.of());
            }
            if (aside.size() == all.size()) {
                return new StepReport(Double.NaN, 0);
            }
            b = aside.size() == 0
                    ? all
                    : all.rows(
                            IntStream.range(0, out.length).filter(i -> !out[i]).toArray());
        }
        Batch both = memory.draw(config.replayBatch, net.draws("replay")).after(b);
        Tensor scores = net.scores(both.inputs(), net.pass());
        Tensor task = net.crossEntropy(scores, both);
        int[] old = old();
        Tensor loss = task;
        double distilled = 0;
        if (old.length > 0) {
            double lambda = (double) old.length / known();
            Tensor before;
            try (var mode = Autograd.noGrad()) {
                before = teacher.scores(both.inputs(), Pass.eval());
            }
            Tensor at = Tensors.ids(old);
            Tensor d = distillation.value(scores.index_select(1, at), before.index_select(1, at));
            distilled = d.item_double();
            loss = task.mul(Tensors.scalar(1 - lambda)).add(d.mul(Tensors.scalar(lambda)));
        }
        Step step = net.descend(loss);
        // what could not be learnt must not come back
        if (b.rows().epoch() == 0 && !step.skipped()) {
            current.offer(b, Map.of());
        }
        StepReport r = net.report(loss, both.size(), step);
        return new StepReport(
                r.loss(),
                r.rows(),
                List.of(new Term("task", task.item_double()), new Term("distillation", distilled)),
                r.events());
    }

    /** Which rows are never trained on: the same whenever they come. */
    private boolean[] heldOut(Batch b) {
        boolean[] out = new boolean[b.size()];
        long[] ids = b.rows().ids();
        for (int i = 0; i < out.length; i++) {
            out[i] = ids[i] >= 0 && rng.child("heldOut", ids[i]).next() < config.heldOut;
        }
        return out;
    }

    /** Columns that the teacher answers for: classes of finished parts that this part does not have. */
    private int[] old() {
        return taught.stream()
                .filter(c -> !part.contains(c))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private int known() {
        return taught.size() + fresh().length;
    }

    /** Columns of the classes that this part brought. */
    private int[] fresh() {
        return part.stream()
                .filter(c -> !taught.contains(c))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    @Override
    public void end(Experience e) {
        if (part.isEmpty()) {
            return;
        }
        if (!taught.isEmpty() && fresh().length > 0) {
            correct();
        }
        if (current.size() > 0) {
            memory.offer(current.all().batch(), Map.of());
        }
        parts++;
        current = current(parts);
        taught.addAll(part);
        part.clear();
        teacher = net.teacher();
    }

    private void correct() {
        int[] fresh = fresh();
        switch (config.correction) {
            case NONE -> {}
            case BIAS_LAYER -> {
                BiasCorrection layer = biasLayer(fresh);
                net.change(() -> {
                    HeadRows.correct(net.model().head(), fresh, layer);
                    return null;
                });
            }
            case WEIGHT_ALIGN -> {
                int[] old = taught.stream().mapToInt(Integer::intValue).toArray();
                net.change(() -> {
                    HeadRows.align(net.model().head(), old, fresh);
                    return null;
                });
            }
        }
    }

    /** Fitted on the rows held out, over the columns of classes that were seen. */
    private BiasCorrection biasLayer(int[] fresh) {
        if (held.size() == 0) {
            return BiasCorrection.NONE;
        }
        int columns = net.columns().size();
        int[] place = new int[columns];
        boolean[] isFresh = new boolean[columns];
        for (int c : fresh) {
            isFresh[c] = true;
        }
        int[] seen = IntStream.range(0, columns)
                .filter(c -> taught.contains(c) || isFresh[c])
                .toArray();
        boolean[] among = new boolean[seen.length];
        for (int i = 0; i < seen.length; i++) {
            place[seen[i]] = i;
            among[i] = isFresh[seen[i]];
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Batch rows = held.all().batch();
            Tensor logits = net.scores(rows.inputs(), Pass.eval()).index_select(1, Tensors.ids(seen));
            int[] column = net.columns().columnsOf(rows.classIds());
            for (int i = 0; i < column.length; i++) {
                column[i] = place[column[i]];
            }
            return BiasCorrection.fit(Tensors.rows(logits), column, among, config.ridge);
        }
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(
                memory.bytes() + current.bytes() + (held == null ? 0 : held.bytes()) + Replays.bytes(teacher));
    }

    @Override
    public State state() {
        State s = new State()
                .put("net", net)
                .put("memory", memory)
                .put("current", current)
                .put("taught", Replays.columns(taught))
                .put("part", Replays.columns(part))
                .put("parts", parts);
        if (held != null) {
            s.put("held", held);
        }
        return teacher == null ? s : s.put("teacher", teacher);
    }

    @Override
    public void load(State saved) {
        List<Integer> newTaught = Replays.savedColumns(saved, "taught");
        List<Integer> newPart = Replays.savedColumns(saved, "part");
        long newParts = Replays.savedCount(saved, "parts");
        Model newTeacher = Replays.savedModel(saved, "teacher", net.model());
        if (newTeacher == null && !newTaught.isEmpty()) {
            throw new IllegalArgumentException(
                    "The saved learner finished parts but has no former network." + "\nMaybe the file is damaged.");
        }
        ReplayBuffer newCurrent = current(newParts);
        newCurrent.load(saved.child("current"));
        Snapshot.loadAll(
                saved,
                held == null
                        ? Map.of("net", net, "memory", memory)
                        : Map.of("net", net, "memory", memory, "held", held));
        parts = newParts;
        current = newCurrent;
        teacher = newTeacher;
        taught.clear();
        taught.addAll(newTaught);
        part.clear();
        part.addAll(newPart);
    }

    /** {@code bic}. */
    public static final class BicPlugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "bic";
        }

        @Override
        public String summary() {
            return "BiC: replay, distillation, and a bias layer for new classes fitted on rows held out";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Wu et al. 2019, arXiv 1905.13260";
        }

        @Override
        public Config defaults() {
            return Config.of(NetConfig.defaults(), 200, 16, Correction.BIAS_LAYER);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("replayBatch", List.of(16, 32, 64)));
        }

        @Override
        public DistilledReplay create(Config config, Schema schema, Rng rng) {
            return new DistilledReplay(config, schema, rng);
        }
    }

    /** {@code wa}. */
    public static final class WaPlugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "wa";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "WA: replay, distillation, and new classes' weight rows as long as the old ones'";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Zhao et al. 2020, arXiv 1911.07053";
        }

        @Override
        public Config defaults() {
            return Config.of(NetConfig.defaults(), 200, 16, Correction.WEIGHT_ALIGN);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("replayBatch", List.of(16, 32, 64)));
        }

        @Override
        public DistilledReplay create(Config config, Schema schema, Rng rng) {
            return new DistilledReplay(config, schema, rng);
        }
    }
}
