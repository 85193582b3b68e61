package dev.holdfast.penalty;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.LossValue.Reduction;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.objective.NetObjective;
import dev.holdfast.objective.Objective;
import dev.holdfast.objective.RowImportance;
import dev.holdfast.objective.RowImportance.Power;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * Quadratic anchors whose importance is measured once, when a task ends: elastic weight consolidation in its forms, MAS
 * and plain L2. Penalty = strength (or strength / 2) * sum over anchors and leaves of importance * (theta - theta*)^2.
 *
 * <p>EWC: Kirkpatrick et al., arXiv 1612.00796, eq. 3; online form: Schwarz et al., arXiv 1805.06370, eq. 8; MAS: Aljundi
 * et al., arXiv 1711.09601, eq. 4.
 */
public final class Anchored implements Penalty {
    /** How the importances of several tasks combine. */
    public enum Accumulate {
        /** One anchor a task. */
        SEPARATE,
        /** One anchor, importance = gamma * old + new. */
        ONLINE,
        /** One anchor, importance = the mean over tasks. */
        AVERAGE
    }

    /**
     * @param importance how much each weight matters for the finished task
     * @param accumulate how tasks combine
     * @param strength lambda >= 0; 0 = fine-tuning
     * @param gamma decay of ONLINE, in [0, 1]
     * @param halfFactor true: lambda / 2 in front of the sum, as the paper writes it
     * @param rows rows that importance is measured on, drawn from the task; 0 = all
     * @param batchRows rows of the mini-batches of FISHER_PER_BATCH; the other importances do not depend on it
     */
    public record Config(
            @Doc("how much each weight matters") Importance importance,
            @Doc("how the importances of several tasks combine") Accumulate accumulate,
            @Doc("strength lambda of the anchor; 0 = fine-tuning") double strength,
            @Doc("decay of old importances with ONLINE, in [0, 1]") double gamma,
            @Doc("multiply by one half, as the paper writes it") boolean halfFactor,
            @Doc("rows that importance is measured on; 0 = all") int rows,
            @Doc("rows of each mini-batch of FISHER_PER_BATCH") int batchRows) {
        public Config {
            if (!(strength >= 0) || Double.isInfinite(strength)) {
                throw new IllegalArgumentException("strength must be finite and >= 0 but is " + strength + ".");
            }
            if (!(gamma >= 0 && gamma <= 1)) {
                throw new IllegalArgumentException("gamma must be in [0, 1] but is " + gamma + ".");
            }
            if (rows < 0) {
                throw new IllegalArgumentException("rows must be >= 0 but is " + rows + ".");
            }
            if (batchRows < 1) {
                throw new IllegalArgumentException("batchRows must be >= 1 but is " + batchRows + ".");
            }
        }

        /** Mini-batches, where they matter, of 250 rows. */
        public Config(
                Importance importance,
                Accumulate accumulate,
                double strength,
                double gamma,
                boolean halfFactor,
                int rows) {
            this(importance, accumulate, strength, gamma, halfFactor, rows, CHUNK);
        }

        /**
         * As De Lange et al. have it (arXiv 2205.13452): the square of each mini-batch's mean gradient, importances
         * averaged over tasks with equal weight, lambda without one half.
         */
        public static Config averagedEwc(double strength, int batchRows) {
            return new Config(Importance.FISHER_PER_BATCH, Accumulate.AVERAGE, strength, 1, false, 0, batchRows);
        }

        /** Online EWC with the empirical Fisher, lambda without one half. */
        public static Config onlineEwc(double strength, double gamma) {
            return new Config(Importance.FISHER, Accumulate.ONLINE, strength, gamma, false, 0);
        }
    }

    private static final int CHUNK = 250;
    private static final double NEGLIGIBLE = 1e-30;

    private final Config config;
    private final Rng rng;
    private final Predicate<ParamMeta> scope;
    private final List<Anchors> anchors = new ArrayList<>();
    private int tasks;

    /** @param rng draws the rows that importance is measured on */
    public Anchored(Config config, Rng rng) {
        this(config, rng, m -> true);
    }

    /** @param scope the leaves that are anchored; the others move freely */
    public Anchored(Config config, Rng rng, Predicate<ParamMeta> scope) {
        this.config = config;
        this.rng = rng;
        this.scope = scope;
    }

    /** Anchors what is in scope where it is now, every weight alike: for networks that were trained elsewhere. */
    public void anchorHere(Parameters now) {
        try (Scope s = Scope.open()) {
            Anchors a = new Anchors();
            a.set(now, scoped(now.values().map((m, t) -> Tensors.zerosLike(t, t.shape())
                    .add_(Tensors.scalar(1)))));
            anchors.clear();
            anchors.add(a);
        }
    }

    private ParamVector scoped(ParamVector v) {
        return v.map((m, t) -> scope.test(m) ? t : null);
    }

    @Override
    public Loss measuredBy(Loss task) {
        return config.importance == Importance.OUTPUT_NORM ? new SquaredOutputNorm() : task;
    }

    @Override
    public void consolidate(Objective finished) {
        Parameters now = finished.parameters();
        try (Scope s = Scope.open()) {
            ParamVector fresh = scoped(importance(finished));
            if (config.accumulate == Accumulate.SEPARATE || anchors.isEmpty()) {
                Anchors a = new Anchors();
                a.set(now, fresh);
                anchors.add(a);
            } else {
                Anchors a = anchors.get(0);
                Tensor[] mixed = new Tensor[now.size()];
                for (int i = 0; i < mixed.length; i++) {
                    if (fresh.get(i) == null) {
                        continue;
                    }
                    Tensor old = a.importance(now.meta().get(i).name(), now.get(i));
                    mixed[i] = config.accumulate == Accumulate.ONLINE
                            ? old.mul(Tensors.scalar(config.gamma)).add_(fresh.get(i))
                            : old.mul(Tensors.scalar(tasks)).add_(fresh.get(i)).div_(Tensors.scalar(tasks + 1));
                }
                a.set(now, new ParamVector(now, mixed));
            }
        }
        tasks++;
    }

    /** The importance of every leaf for the objective's data: the mean over rows that {@link Importance} names. */
    public ParamVector importance(Objective on) {
        Parameters p = on.parameters();
        if (config.importance == Importance.UNIFORM) {
            return p.values().map((m, t) -> Tensors.zerosLike(t, t.shape()).add_(Tensors.scalar(1)));
        }
        if (!(on instanceof NetObjective net)) {
            throw new IllegalArgumentException(
                    "Importance " + config.importance + " is measured on a network's loss but" + " got a "
                            + on.getClass().getSimpleName() + ".");
        }
        Tensor[] sum = new Tensor[p.size()];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = Tensors.zerosLike(p.get(i), p.get(i).shape());
        }
        DataSource data = net.data();
        int wanted = config.rows == 0 ? Integer.MAX_VALUE : config.rows;
        int rows = 0;
        int batches = 0;
        int chunk = config.importance == Importance.FISHER_PER_BATCH ? config.batchRows : CHUNK;
        Loader chunks = data.batches(
                config.rows == 0 ? Pace.inOrder(chunk) : Pace.shuffled(1, chunk), rng.child("rows", tasks));
        while (chunks.hasNext() && rows < wanted) {
            try (Scope s = Scope.open()) {
                Batch next = chunks.next();
                Batch b = next.size() <= wanted - rows ? next : next.rows(upTo(wanted - rows));
                for (ParamVector part : parts(net, b)) {
                    for (int i = 0; i < sum.length; i++) {
                        if (part.get(i) != null) {
                            sum[i].add_(part.get(i));
                        }
                    }
                }
                rows += b.size();
                batches++;
            }
        }
        if (rows == 0) {
            throw new IllegalArgumentException("Importance cannot be measured without rows.");
        }
        int n = config.importance == Importance.FISHER_PER_BATCH ? batches : rows;
        // squares of tiny gradients are denormal numbers, which cost a hundred times the time and weigh nothing
        return new ParamVector(p, sum).times(1.0 / n).map((m, t) -> t.mul(t.gt(Tensors.scalar(NEGLIGIBLE))));
    }

    /** Terms of one chunk, to be summed over chunks. */
    private List<ParamVector> parts(NetObjective on, Batch b) {
        UnaryOperator<Tensor> one = losses -> losses.mul(Tensors.scalar(0)).add_(Tensors.scalar(1));
        // p(y|x) = exp(-cross entropy)
        UnaryOperator<Tensor> probability = losses -> losses.neg().exp();
        return switch (config.importance) {
            case UNIFORM -> List.of();
            case FISHER -> List.of(RowImportance.sum(on, b, Power.SQUARE, one));
            case FISHER_PROB_WEIGHTED -> List.of(RowImportance.sum(on, b, Power.SQUARE, probability));
            case FISHER_EXPECTED ->
                on.columns().columns().stream()
                        .map(c -> RowImportance.sum(on, labelled(b, c.classId()), Power.SQUARE, probability))
                        .toList();
            case FISHER_PER_BATCH ->
                List.of(Autograd.grad(on.at(b).total(null), on.parameters(), false)
                        .map((m, g) -> g.mul(g)));
            case OUTPUT_NORM -> List.of(RowImportance.sum(on, b, Power.MAGNITUDE, one));
        };
    }

    private static Batch labelled(Batch b, int classId) {
        long[] y = new long[b.size()];
        Arrays.fill(y, classId);
        return new Batch(b.inputs(), Target.ClassIds.of(y), b.rows());
    }

    private static int[] upTo(int n) {
        return java.util.stream.IntStream.range(0, n).toArray();
    }

    private double scale() {
        return config.halfFactor ? config.strength / 2 : config.strength;
    }

    @Override
    public Tensor value(Parameters now) {
        Tensor sum = Tensors.scalarLike(now.get(0), 0);
        for (Anchors a : anchors) {
            sum = sum.add(a.value(now, scale()));
        }
        return sum;
    }

    @Override
    public ParamVector gradient(Parameters now) {
        Tensor[] g = new Tensor[now.size()];
        for (Anchors a : anchors) {
            a.gradient(now, scale(), g);
        }
        return new ParamVector(now, g);
    }

    @Override
    public State state() {
        State s = new State().put("tasks", tasks).put("anchors", anchors.size());
        for (int i = 0; i < anchors.size(); i++) {
            s.put("anchor" + i, anchors.get(i).state());
        }
        return s;
    }

    @Override
    public void load(State saved) {
        List<Anchors> loaded = new ArrayList<>();
        long newTasks = saved.integer("tasks");
        long newAnchors = saved.integer("anchors");
        if (newAnchors < 0 || newAnchors > newTasks || newAnchors == 0 && newTasks > 0) {
            throw new IllegalArgumentException("The saved penalty has " + newAnchors + " anchors of " + newTasks
                    + " tasks.\nMaybe the file is damaged.");
        }
        for (int i = 0; i < newAnchors; i++) {
            Anchors a = new Anchors();
            a.load(saved.child("anchor" + i));
            loaded.add(a);
        }
        tasks = (int) newTasks;
        anchors.clear();
        anchors.addAll(loaded);
    }

    /** ||f(x)||^2 of each row. */
    private record SquaredOutputNorm() implements Loss, Stateless {
        @Override
        public LossValue value(LossInput in) {
            return new SampleLosses(
                    "squared output norm", in.scores().mul(in.scores()).sum(1), Reduction.MEAN);
        }

        @Override
        public Prediction.Kind expects() {
            return Prediction.Kind.LOGITS;
        }
    }
}
