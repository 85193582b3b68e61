package dev.holdfast.learner.replay;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * iCaRL: a representation is trained with one sigmoid a class, new ones towards the labels and old ones towards what the
 * network before said (algorithm 3), on new rows joined with stored exemplars; classes are told apart by the nearest mean
 * of their exemplars' features (algorithm 1); exemplars are chosen by herding when a part ends (algorithms 4 and 5).
 *
 * <p>The loss is a mean over rows and columns, as in the code of the DER paper (arXiv 2004.07211); summed over columns, as
 * the paper writes it, it asks for a rate that many times smaller. A class whose part is not over has no exemplars yet: its
 * mean is a running one of the features of its rows. A class that comes again is learnt from its labels in that part.
 *
 * <p>Rebuffi, Kolesnikov, Sperl, Lampert, <i>iCaRL: Incremental Classifier and Representation Learning</i>, arXiv
 * 1611.07725.
 */
public final class Icarl implements NetLearner {
    /** What tells classes apart. */
    public enum Predictor {
        /** The nearest mean of exemplars. */
        NEAREST_MEAN,
        /** The sigmoids that the network was trained with. */
        HEAD
    }

    /**
     * @param capacity exemplars in all
     * @param replayBatch exemplars drawn for each batch; 0 = every exemplar once a pass over the part, like its own rows
     * @param predictor what tells classes apart
     */
    public record Config(
            NetConfig net,
            @Doc("exemplars in all") int capacity,
            @Doc("exemplars drawn for each batch of the stream; 0 = each once a pass over the part") int replayBatch,
            @Doc("what tells classes apart") Predictor predictor) {
        public Config {
            Replays.check(capacity, replayBatch == 0 ? 1 : replayBatch);
        }
    }

    /** Weight of what a running mean was before. */
    private static final double KEEP = 0.9;

    /** Two rows of length 1 have a squared distance of at most 4. */
    private static final double FARTHER_THAN_ANY = -5;

    private static final long NO_REDUCTION = 0;

    private final Config config;
    private final Net net;
    private ReplayBuffer exemplars;

    /** The network as the last part left it; null before. */
    private Model teacher;

    /** Columns of classes of finished parts, and of this one. */
    private final TreeSet<Integer> taught = new TreeSet<>();

    private final TreeSet<Integer> part = new TreeSet<>();

    /** Rows in this part or -1; how many of them this pass has brought; passes. */
    private long partRows = -1;

    private long brought;
    private long passes;

    /** Running means [C, D] of normalised features, zero for classes that never arrived; null before the first row. */
    private Tensor running;

    public Icarl(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.exemplars = Exemplars.none(config.capacity, rng.child("exemplars"));
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.REREADS, Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
    }

    @Override
    public void begin(Experience e) {
        net.expect(e.classes(), e.task());
        part.clear();
        e.classes().columns().forEach(c -> part.add(net.columns().columnOf(c.classId())));
        partRows = e.train().size();
        brought = 0;
    }

    @Override
    public StepReport learn(Batch b) {
        exemplars.requireFits(b);
        net.admit(b);
        for (int c : net.columns().columnsOf(b.classIds())) {
            part.add(c);
        }
        Drawn past = joined(b.size());
        Batch both = past.after(b);
        Pass pass = net.pass();
        Tensor features = net.model().features(both.inputs(), pass);
        Tensor scores = net.model().head().forward(features, pass);

        int[] old = old();
        Tensor before = null;
        if (old.length > 0) {
            try (var mode = Autograd.noGrad()) {
                before = teacher.scores(both.inputs(), Pass.eval());
            }
        }
        Tensor targets = targets(net.columns().columnsOf(both.classIds()), scores, before, old);
        Tensor loss = loss(scores, targets, known());
        Step step = net.descend(loss);
        brought += b.size();
        if (partRows > 0 && brought >= partRows) {
            brought = 0;
            passes++;
        }
        if (!step.skipped()) {
            follow(Tensors.slice(features.detach(), 0, b.size()), net.columns().columnsOf(b.classIds()));
        }
        return net.report(loss, both.size(), step);
    }

    /** The exemplars that go with the next n rows of the part. */
    private Drawn joined(int n) {
        int stored = exemplars.size();
        if (config.replayBatch > 0 || partRows <= 0) {
            return exemplars.draw(config.replayBatch > 0 ? config.replayBatch : n, net.draws("replay"));
        }
        long from = Math.min(stored, brought * stored / partRows);
        long to = Math.min(stored, (brought + n) * stored / partRows);
        if (from == to) {
            return exemplars.at();
        }
        int[] order = Rng.of(passes).child("exemplars").permutation(stored);
        return exemplars.at(Arrays.copyOfRange(order, (int) from, (int) to));
    }

    /** Columns that the teacher answers for: classes of finished parts that this part does not have. */
    private int[] old() {
        return teacher == null
                ? new int[0]
                : taught.stream()
                        .filter(c -> !part.contains(c))
                        .mapToInt(Integer::intValue)
                        .toArray();
    }

    private int[] known() {
        Set<Integer> all = new TreeSet<>(taught);
        all.addAll(part);
        return all.stream().mapToInt(Integer::intValue).toArray();
    }

    /** One-hot rows [n, C], but for the old columns what the teacher's sigmoids say. */
    static Tensor targets(int[] column, Tensor scores, Tensor before, int[] old) {
        Tensor t = Tensors.oneHot(column, (int) scores.size(1), scores);
        if (old.length > 0) {
            Tensor at = Tensors.ids(old);
            t.index_copy_(1, at, before.index_select(1, at).sigmoid());
        }
        return t;
    }

    /** Binary cross entropy with targets, mean over rows and known columns. */
    static Tensor loss(Tensor scores, Tensor targets, int[] known) {
        boolean all = known.length == scores.size(1);
        Tensor at = all ? null : Tensors.ids(known);
        return torch.binary_cross_entropy_with_logits(
                        all ? scores : scores.index_select(1, at),
                        all ? targets : targets.index_select(1, at),
                        new TensorOptional(),
                        new TensorOptional(),
                        NO_REDUCTION)
                .mean();
    }

    /** The running means of the classes that arrived follow their features. */
    private void follow(Tensor features, int[] column) {
        try (var mode = Autograd.noGrad();
                Scope s = Scope.open()) {
            Tensor f = Exemplars.unit(features);
            int columns = net.columns().size();
            Tensor member = Tensors.oneHot(column, columns, f);
            Tensor count = member.sum(0).unsqueeze(1);
            Tensor mean = member.t().matmul(f).div(count.clamp_min(Tensors.scalar(1)));
            Tensor old = Tensors.zerosLike(f, columns, f.size(1));
            if (running != null) {
                Tensors.slice(old, 0, running.size(0)).copy_(running);
            }
            double[] lengths = Tensors.doubles(old.abs().sum(1));
            double[] counts = Tensors.doubles(count);
            double[] keep = new double[columns];
            for (int c = 0; c < columns; c++) {
                keep[c] = counts[c] == 0 ? 1 : lengths[c] == 0 ? 0 : KEEP;
            }
            Tensor k = Tensors.of(keep, columns, 1).to(f.scalar_type());
            Tensor next = old.mul(k).add(mean.mul(k.neg().add(Tensors.scalar(1))));
            swap(Scope.own(next));
        }
    }

    private void swap(Tensor next) {
        net.change(() -> {
            Tensor old = running;
            running = next;
            if (old != null) {
                old.close();
            }
            return null;
        });
    }

    @Override
    public void end(Experience e) {
        ReplayBuffer next = Exemplars.renewed(exemplars, e.train(), e.task(), net);
        net.change(() -> exemplars = next);
        taught.addAll(part);
        teacher = net.teacher();
        partRows = -1;
        brought = 0;
    }

    @Override
    public Prediction predict(Inputs x) {
        if (config.predictor == Predictor.HEAD) {
            return net.predict(x);
        }
        net.requireFits(x);
        return net.look(() -> {
            ClassIndex columns = net.columns();
            Net.requireColumns(columns);
            try (Scope s = Scope.open()) {
                return new Prediction(s.keep(nearest(x, columns)), columns, Prediction.Kind.SCORES);
            }
        });
    }

    /** -||phi(x) - mu_c||^2 for every column, with the features as they are now. */
    private Tensor nearest(Inputs x, ClassIndex columns) {
        Tensor phi = Exemplars.features(net, x);
        int n = columns.size();
        Tensor means = Tensors.zerosLike(phi, n, phi.size(1));
        if (running != null) {
            Tensors.slice(means, 0, running.size(0)).copy_(running);
        }
        if (exemplars.size() > 0) {
            Batch stored = exemplars.all().batch();
            Tensor member = Tensors.oneHot(columns.columnsOf(stored.classIds()), n, phi);
            Tensor of = member.t().matmul(Exemplars.features(net, stored.inputs()));
            Tensor has = member.sum(0).unsqueeze(1).clamp_max(Tensors.scalar(1));
            means = of.add(means.mul(has.neg().add(Tensors.scalar(1))));
        }
        // the direction is what counts: a mean of unit rows is itself brought to length 1
        Tensor mu = Exemplars.unit(means);
        Tensor distance = phi.matmul(mu.t()).mul(Tensors.scalar(2)).sub(Tensors.scalar(2));
        Tensor never = means.abs().sum(1).eq(Tensors.scalar(0)).unsqueeze(0);
        return distance.masked_fill(never, Tensors.scalar(FARTHER_THAN_ANY));
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(exemplars.bytes() + Replays.bytes(teacher) + (running == null ? 0 : running.nbytes()));
    }

    @Override
    public State state() {
        State s = new State()
                .put("net", net)
                .put("exemplars", exemplars)
                .put("taught", Replays.columns(taught))
                .put("part", Replays.columns(part))
                .put("partRows", partRows)
                .put("brought", brought)
                .put("passes", passes)
                .put("running", running);
        return teacher == null ? s : s.put("teacher", teacher);
    }

    @Override
    public void load(State saved) {
        List<Integer> newTaught = Replays.savedColumns(saved, "taught");
        List<Integer> newPart = Replays.savedColumns(saved, "part");
        long newPartRows = saved.integer("partRows");
        long newBrought = Replays.savedCount(saved, "brought");
        long newPasses = Replays.savedCount(saved, "passes");
        ReplayBuffer newExemplars = Exemplars.none(config.capacity, Rng.of(0));
        newExemplars.load(saved.child("exemplars"));
        Model newTeacher = Replays.savedModel(saved, "teacher", net.model());
        Tensor newRunning = saved.has("running") ? saved.tensor("running") : null;
        if (newTeacher == null && !newTaught.isEmpty()) {
            throw new IllegalArgumentException(
                    "The saved learner finished parts but has no former network." + "\nMaybe the file is damaged.");
        }
        if (newRunning != null) {
            Tensors.requireShape("saved running means", newRunning, -1, running == null ? -1 : running.size(1));
        }
        net.load(saved.child("net"));
        net.change(() -> exemplars = newExemplars);
        teacher = newTeacher;
        taught.clear();
        taught.addAll(newTaught);
        part.clear();
        part.addAll(newPart);
        partRows = newPartRows;
        brought = newBrought;
        passes = newPasses;
        swap(newRunning == null ? null : Scope.own(Tensors.copy(newRunning)));
    }

    /** {@code icarl}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "icarl";
        }

        @Override
        public String summary() {
            return "iCaRL: distilled sigmoids, herded exemplars, nearest mean of exemplars";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Rebuffi et al. 2017, arXiv 1611.07725";
        }

        @Override
        public Config defaults() {
            NetConfig d = NetConfig.defaults();
            OptimizerConfig adam = d.optimizer().withWeightDecay(1e-5);
            return new Config(
                    new NetConfig(d.backbone(), adam, d.allClassesFromStart()), 200, 16, Predictor.NEAREST_MEAN);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("replayBatch", List.of(0, 16, 64)));
        }

        @Override
        public Icarl create(Config config, Schema schema, Rng rng) {
            return new Icarl(config, schema, rng);
        }
    }
}
