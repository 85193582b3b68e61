package dev.holdfast.learner.hierarchy;

import dev.holdfast.config.Doc;
import dev.holdfast.config.Records;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.augment.CropAndFlip;
import dev.holdfast.data.augment.CutMix;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.memory.DrawPolicy;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.FlexibleSampling;
import dev.holdfast.memory.ImportanceMemory;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.memory.Reservoir;
import dev.holdfast.optim.Step;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * One pass over a stream whose labels get finer: rows enter a small memory one by one, and a step trains on rows of the
 * stream, of which those of brand-new classes are let in slowly ({@link FlexibleSampling}), and on rows of the memory, which
 * keeps what helps the others ({@link ImportanceMemory}). PL-FMS of Lee et al., <i>Online Continual Learning on
 * Hierarchical Label Expansion</i>, arXiv 2308.14374; with a memory that knows no levels and without rows of the stream CLIB
 * of Koh et al., arXiv 2110.10031; with a reservoir the replay that both are compared with.
 *
 * <p>Each level of a hierarchy has its own softmax ({@link CrossEntropy}); on flat data there is one. Rows are taken in
 * groups of half a batch; a call's last group may be smaller.
 */
public final class FlexibleReplay implements NetLearner {
    /** Which rows of the stream a batch has besides those of the memory. */
    public enum StreamRows {
        /** Those that have just arrived. */
        ALL,
        /** Of these, rows of new classes with a probability that rises. */
        FLEXIBLE,
        /** None: every row comes from the memory. */
        NONE
    }

    /** What a full memory keeps. */
    public enum Keep {
        IMPORTANT,
        /** Every row so far with the same chance. */
        RESERVOIR
    }

    /**
     * @param capacity rows in the memory
     * @param batchSize rows of a step, at least 2
     * @param iterations steps for each row of the stream, > 0; fractions add up
     * @param stream which rows of the stream a batch has
     * @param horizon k of FLEXIBLE: a class is let in fully after k times the rows that a class has on average
     * @param expected rows of the whole stream; 0 = unknown, then twice those seen so far
     * @param keep what a full memory keeps
     * @param importance of IMPORTANT
     * @param measureEvery steps between two measurements of the memory's losses
     * @param rate how the learning rate adapts
     * @param pseudoLoss weight of the cross entropy with the network's own sure labels at other levels; 0 = off
     * @param pseudoSure least probability of a sure label
     * @param shift pixels by which images are shifted at random in training; 0 = none
     * @param cutMix share of steps on which images are mixed by CutMix; 0 = none
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("rows of a step") int batchSize,
            @Doc("steps for each row of the stream; fractions add up") double iterations,
            @Doc("which rows of the stream a step sees besides those of the memory") StreamRows stream,
            @Doc("a new class is let in fully after so many times the rows of an average class") double horizon,
            @Doc("rows of the whole stream; 0 = unknown") long expected,
            @Doc("what a full memory keeps") Keep keep,
            ImportanceMemory.Config importance,
            @Doc("steps between two measurements of the memory's losses") int measureEvery,
            AdaptiveRate.Config rate,
            @Doc("weight of the network's own sure labels at other levels; 0 = off") double pseudoLoss,
            @Doc("least probability of a sure label") double pseudoSure,
            @Doc("pixels by which images are shifted at random; 0 = none") int shift,
            @Doc("share of steps on which images are mixed by CutMix; 0 = none") double cutMix) {
        public Config {
            if (capacity < 1) {
                throw new IllegalArgumentException("capacity must be >= 1 but is " + capacity + ".");
            }
            if (batchSize < 2) {
                throw new IllegalArgumentException("batchSize must be >= 2 but is " + batchSize + ".");
            }
            if (!(iterations > 0) || Double.isInfinite(iterations)) {
                throw new IllegalArgumentException("iterations must be finite and > 0 but is " + iterations + ".");
            }
            new FlexibleSampling(horizon);
            if (expected < 0 || measureEvery < 1 || shift < 0) {
                throw new IllegalArgumentException("Expected expected >= 0, measureEvery >= 1 and shift >= 0 but got "
                        + expected + ", " + measureEvery + " and " + shift + ".");
            }
            if (!(pseudoLoss >= 0) || Double.isInfinite(pseudoLoss) || !(pseudoSure > 0 && pseudoSure <= 1)) {
                throw new IllegalArgumentException("Expected a finite pseudoLoss >= 0 and pseudoSure in (0, 1] but got "
                        + pseudoLoss + " and " + pseudoSure + ".");
            }
            if (!(cutMix >= 0 && cutMix <= 1)) {
                throw new IllegalArgumentException("cutMix must be in [0, 1] but is " + cutMix + ".");
            }
        }

        /** PL-FMS with both of its parts. */
        public static Config plFms(NetConfig net, int capacity) {
            return new Config(
                    net,
                    capacity,
                    16,
                    0.25,
                    StreamRows.FLEXIBLE,
                    1,
                    0,
                    Keep.IMPORTANT,
                    ImportanceMemory.Config.levels(),
                    5,
                    AdaptiveRate.Config.defaults(),
                    0,
                    0.75,
                    0,
                    0);
        }

        /** CLIB: one kind of class, trained from the memory alone. */
        public static Config clib(NetConfig net, int capacity) {
            return plFms(net, capacity).withStream(StreamRows.NONE).withImportance(ImportanceMemory.Config.flat());
        }

        /** The replay that both are compared with: a reservoir, all rows of the stream, one rate. */
        public static Config plain(NetConfig net, int capacity) {
            Config c = plFms(net, capacity).withStream(StreamRows.ALL);
            AdaptiveRate.Config r = c.rate;
            return new Config(
                    c.net,
                    c.capacity,
                    c.batchSize,
                    c.iterations,
                    c.stream,
                    c.horizon,
                    c.expected,
                    Keep.RESERVOIR,
                    c.importance,
                    c.measureEvery,
                    new AdaptiveRate.Config(false, r.pair(), r.period(), r.warmup()),
                    c.pseudoLoss,
                    c.pseudoSure,
                    c.shift,
                    c.cutMix);
        }

        /** The same with other rows of the stream. */
        public Config withStream(StreamRows other) {
            return Records.with(this, "stream", other);
        }

        /** The same with another choice of what stays. */
        public Config withImportance(ImportanceMemory.Config other) {
            return Records.with(this, "importance", other);
        }

        /** The same with so many steps a row and rows in the whole stream (0 = unknown). */
        public Config over(double stepsPerRow, long rows) {
            return new Config(
                    net,
                    capacity,
                    batchSize,
                    stepsPerRow,
                    stream,
                    horizon,
                    rows,
                    keep,
                    importance,
                    measureEvery,
                    rate,
                    pseudoLoss,
                    pseudoSure,
                    shift,
                    cutMix);
        }

        /** The same with another horizon and so many steps between two measurements of the memory. */
        public Config withPace(double k, int steps) {
            return new Config(
                    net,
                    capacity,
                    batchSize,
                    iterations,
                    stream,
                    k,
                    expected,
                    keep,
                    importance,
                    steps,
                    rate,
                    pseudoLoss,
                    pseudoSure,
                    shift,
                    cutMix);
        }

        /** The same with images shifted by so many pixels. */
        public Config shifted(int pixels) {
            return Records.with(this, "shift", pixels);
        }
    }

    private static final int CHUNK = 500;

    private final Config config;
    private final Net net;
    private final ImportanceMemory importance;
    private final ReplayBuffer memory;
    private final AdaptiveRate rate;
    private final FlexibleSampling sampling;
    private final Map<Integer, Long> firstSeen = new LinkedHashMap<>();
    private long seen;
    private double due;

    public FlexibleReplay(Config config, Schema schema, Rng rng) {
        boolean images = schema.inputs().get(0).kind() == Schema.Field.Kind.IMAGE;
        if (!images && (config.cutMix > 0 || config.shift > 0)) {
            throw new IllegalArgumentException("shift and cutMix change images but field '"
                    + schema.inputs().get(0).name() + "' is a "
                    + schema.inputs().get(0).kind()
                    + ".\nMaybe set both to 0.");
        }
        this.config = config;
        this.rate = new AdaptiveRate(config.rate, config.capacity);
        this.net = config.rate.on()
                ? new Net(config.net, schema, rng.child("net"), rate.factor())
                : new Net(config.net, schema, rng.child("net"));
        this.importance = config.keep == Keep.IMPORTANT
                ? new ImportanceMemory(config.capacity, config.importance, schema.classes())
                : null;
        this.memory = new ReplayBuffer(
                config.capacity,
                importance != null ? importance : new Reservoir(config.capacity),
                DrawPolicy.uniform(),
                rng.child("memory"));
        this.sampling = new FlexibleSampling(config.horizon);
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES, Trait.HIERARCHICAL);
    }

    @Override
    public StepReport learn(Batch b) {
        memory.requireFits(b);
        net.admit(b);
        StepReport report = new StepReport(Double.NaN, 0);
        if (seen == 0 && config.capacity < net.schema().classes().size()) {
            report = report.with(new StepReport.Event(
                    StepReport.Event.Kind.UNSTABLE,
                    "the memory has room for " + config.capacity + " rows but there are "
                            + net.schema().classes().size() + " classes, so some are not rehearsed"));
        }
        int group = Math.max(1, config.batchSize / 2);
        for (int from = 0; from < b.size(); from += group) {
            Batch arrived = b.rows(
                    IntStream.range(from, Math.min(b.size(), from + group)).toArray());
            remember(arrived);
            due += config.iterations * arrived.size();
            for (; due >= 1; due--) {
                try (Scope s = Scope.open()) {
                    report = joined(report, step(arrived));
                }
            }
        }
        return report;
    }

    private static StepReport joined(StepReport a, StepReport b) {
        StepReport r = new StepReport(b.loss(), a.rows() + b.rows(), b.terms(), a.events());
        for (StepReport.Event e : b.events()) {
            r = r.with(e);
        }
        return r;
    }

    /** Every row goes to the memory when it arrives, before anything is learnt from it. */
    private void remember(Batch arrived) {
        long[] y = arrived.classIds();
        for (int i = 0; i < y.length; i++) {
            seen++;
            firstSeen.putIfAbsent((int) y[i], seen);
            try (Scope s = Scope.open()) {
                memory.offer(arrived.rows(i), Map.of(), this::predicted);
            }
        }
    }

    private Prediction predicted(int[] slots) {
        return net.predict(memory.at(slots).batch().inputs());
    }

    private StepReport step(Batch arrived) {
        int[] kept = kept(arrived);
        Drawn past = memory.draw(config.batchSize - kept.length, net.draws("memory"));
        Batch rows = kept.length == 0
                ? past.batch()
                : past.after(kept.length == arrived.size() ? arrived : arrived.rows(kept));
        Batch shown = augmented(rows);
        Tensor scores = net.scores(shown.inputs(), net.pass());
        Tensor loss = net.crossEntropy(scores, shown);
        if (config.pseudoLoss > 0) {
            Tensor own = PseudoLabels.loss(scores, rows.classIds(), net.columns(), config.pseudoSure);
            loss = loss.add(own, Tensors.scalar(config.pseudoLoss));
        }
        Step taken = net.descend(loss);
        if (importance != null && !taken.skipped()) {
            importance.trained(past.slots());
            if (net.step() % config.measureEvery == 0) {
                measure();
            }
        }
        return net.report(loss, rows.size(), taken);
    }

    /** Which of the rows that have just arrived are in the batch. */
    private int[] kept(Batch arrived) {
        int[] all = IntStream.range(0, arrived.size()).toArray();
        return switch (config.stream) {
            case ALL -> all;
            case NONE -> memory.size() == 0 ? all : new int[0];
            case FLEXIBLE ->
                seen <= config.batchSize / 2
                        ? all
                        : sampling.choose(
                                        arrived.classIds(),
                                        firstSeen,
                                        seen,
                                        config.expected > 0 ? Math.max(config.expected, seen) : 2 * seen,
                                        config.batchSize,
                                        memory.size(),
                                        net.draws("flexible"))
                                .kept();
        };
    }

    private Batch augmented(Batch rows) {
        Batch b = config.shift == 0 ? rows : new CropAndFlip(config.shift, false).apply(rows, net.draws("shift"));
        Rng mix = net.draws("cutmix");
        return config.cutMix > 0 && mix.child("whether").next() < config.cutMix
                ? new CutMix(1, net.columns()).apply(b, mix)
                : b;
    }

    /** Losses of all entries at their own level, as they are stored. */
    private void measure() {
        int n = memory.size();
        double[] losses = new double[n];
        CrossEntropy loss = new CrossEntropy();
        for (int from = 0; from < n; from += CHUNK) {
            int[] slots = IntStream.range(from, Math.min(n, from + CHUNK)).toArray();
            try (Scope s = Scope.open();
                    var mode = Autograd.noGrad()) {
                Batch rows = memory.at(slots).batch();
                Tensor scores = net.scores(rows.inputs(), dev.holdfast.nn.Pass.eval());
                double[] part =
                        Tensors.doubles(loss.value(net.lossInput(scores, rows)).perSample());
                System.arraycopy(part, 0, losses, from, part.length);
            }
        }
        if (Arrays.stream(losses).allMatch(Double::isFinite)) {
            importance.feedback(IntStream.range(0, n).toArray(), losses);
            rate.observe(losses, importance.admitted());
        }
    }

    /** The factor that the learning rate has now. */
    public double rateFactor() {
        return config.rate.on() ? rate.factor().at(net.step()) : 1;
    }

    /** The memory, for looking at. */
    public ReplayBuffer memory() {
        return memory;
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(memory.bytes());
    }

    @Override
    public State state() {
        int[] classes = firstSeen.keySet().stream().mapToInt(Integer::intValue).toArray();
        long[] first = firstSeen.values().stream().mapToLong(Long::longValue).toArray();
        return new State()
                .put("net", net)
                .put("memory", memory)
                .put("rate", rate)
                .put("seen", seen)
                .put("due", due)
                .put("classes", Tensors.ids(classes))
                .put("firstSeen", Tensors.of(first, first.length));
    }

    @Override
    public void load(State saved) {
        long newSeen = saved.integer("seen");
        double newDue = saved.number("due");
        Tensors.requireShape("saved classes", saved.tensor("classes"), -1);
        Tensors.requireShape("saved times", saved.tensor("firstSeen"), -1);
        int[] classes = Tensors.ints(saved.tensor("classes"));
        long[] first = Tensors.longs(saved.tensor("firstSeen"));
        ClassIndex known = net.schema().classes();
        if (newSeen < 0
                || !(newDue >= 0)
                || classes.length != first.length
                || Arrays.stream(classes).anyMatch(c -> known.columnOf(c) < 0)) {
            throw new IllegalArgumentException("The saved learner saw " + newSeen + " rows of " + classes.length
                    + " classes, of which " + first.length + " have a time.\nMaybe the file is damaged.");
        }
        Snapshot.loadAll(saved, Map.of("net", net, "memory", memory, "rate", rate));
        seen = newSeen;
        due = newDue;
        firstSeen.clear();
        for (int i = 0; i < classes.length; i++) {
            firstSeen.put(classes[i], first[i]);
        }
    }
}
