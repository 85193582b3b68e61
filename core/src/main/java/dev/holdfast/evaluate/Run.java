package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.Moment;
import dev.holdfast.run.Probe;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Walks a learner through a scenario, one {@link #advance} at a time: begin, learn batch after batch, end, and after
 * each step the probes that are due. Where the scenario says so, a batch is predicted and scored before it is learnt,
 * or the learner gets it without its labels (if it can use such rows; else it only predicts).
 *
 * <p>The state between two steps is the learner's, the log's and the position, so a run that is loaded from a saved
 * state continues with the same bits as one that was never interrupted. Time spent in probes is not the learner's.
 */
public final class Run implements Stateful {
    private final Learner learner;
    private final Scenario scenario;
    private final List<Probe<Learner>> probes;
    private final MetricLog log;
    private final Rng rng;
    private final Prequential prequential;
    private final boolean adapts;

    private int at;
    private boolean begun;
    private Loader loader;
    private long step;
    private long samples;
    private double lossSum;
    private StepReport last;
    private long learnNanos;
    private long learnCpuNanos;

    /** A run whose prequential scores, if the scenario asks for any, are those of {@link Prequential.Config#defaults}. */
    public Run(Learner learner, Scenario scenario, List<Probe<Learner>> probes, MetricLog log, Rng rng) {
        this(learner, scenario, probes, log, rng, Prequential.Config.defaults());
    }

    /** A run with its own settings of the prequential scores. */
    public Run(
            Learner learner,
            Scenario scenario,
            List<Probe<Learner>> probes,
            MetricLog log,
            Rng rng,
            Prequential.Config scores) {
        this.learner = learner;
        this.prequential =
                scenario.experiences().stream().anyMatch(e -> e.protocol().scored())
                        ? new Prequential(scenario.schema(), scores)
                        : null;
        this.adapts = learner.capabilities().has(Trait.UNLABELLED);
        this.scenario = scenario;
        this.probes = List.copyOf(probes);
        this.log = log;
        this.rng = rng;
    }

    /** Updates that the whole run will take. */
    public static long plannedSteps(Scenario s) {
        return s.experiences().stream()
                .mapToLong(e -> e.pace().batches(e.train().size()))
                .sum();
    }

    public boolean finished() {
        return at >= scenario.experiences().size();
    }

    /** One batch, or the end of an experience; false when there was nothing left to do. */
    public boolean advance() {
        if (finished()) {
            return false;
        }
        Experience e = scenario.experiences().get(at);
        Experience told = told(e);
        if (loader == null) {
            loader = e.train().batches(e.pace(), rng.child("data", e.index()));
        }
        if (!begun) {
            begun = true;
            if (e.boundaryKnown()) {
                timed(() -> learner.begin(told));
            }
            if (step == 0 && at == 0) {
                probe(new Moment(-1, 0, 0, false, null));
            }
        }
        if (loader.hasNext()) {
            learn(e);
        } else {
            if (e.boundaryKnown()) {
                timed(() -> learner.end(told));
            }
            probe(new Moment(step, samples, at, true, last));
            loader.close();
            loader = null;
            begun = false;
            at++;
        }
        return true;
    }

    /** The experience as the learner sees it: rows that pass by once, or whose labels are hidden, are dealt by this run alone. */
    private static Experience told(Experience e) {
        boolean shown = e.train().rereadable() && e.protocol() != Experience.Protocol.TEST_THEN_ADAPT;
        return shown ? e : e.withTrain(new PassedBy(e.train()));
    }

    /** Rows that a learner gets one batch at a time and cannot ask for. */
    private record PassedBy(DataSource data) implements DataSource {
        @Override
        public Schema schema() {
            return data.schema();
        }

        @Override
        public long size() {
            return data.size();
        }

        @Override
        public boolean rereadable() {
            return false;
        }

        @Override
        public Loader batches(Pace pace, Rng rng) {
            throw new IllegalStateException("These rows pass by once and cannot be read again."
                    + "\nMaybe the learner must claim REREADS, so that such streams are not given to it.");
        }
    }

    /** All that is left. */
    public Run finish() {
        while (advance()) {
            // every step leaves a consistent state
        }
        return this;
    }

    private void learn(Experience e) {
        try (Scope s = Scope.open()) {
            Batch next = loader.next();
            Batch b = e.boundaryKnown() ? next.withTask(e.task()) : next;
            look(e.protocol() == Experience.Protocol.TEST_THEN_ADAPT ? b.withoutTarget() : b);
            if (e.protocol().scored()) {
                timed(() -> prequential.test(learner, b));
            }
            timed(() -> last = taught(e, b));
            step++;
            samples += b.size();
            lossSum += Double.isNaN(last.loss()) ? 0 : last.loss();
            if (e.protocol().scored()) {
                prequential.note(new Moment(step, samples, at, false, last), log);
            }
        }
        probe(new Moment(step, samples, at, false, last));
    }

    private StepReport taught(Experience e, Batch b) {
        return switch (e.protocol()) {
            case TRAIN, TEST_THEN_TRAIN -> learner.learn(b);
            case TEST_THEN_ADAPT -> adapts ? learner.learn(b.withoutTarget()) : new StepReport(Double.NaN, 0);
        };
    }

    private void look(Batch b) {
        Moment m = new Moment(step, samples, at, false, last);
        for (Probe<Learner> p : probes) {
            if (p instanceof LookAhead ahead && ahead.dueBefore(m)) {
                try (Scope s = Scope.open()) {
                    ahead.before(learner, b, m, log);
                }
            }
        }
    }

    private void probe(Moment m) {
        for (Probe<Learner> p : probes) {
            if (p.due(m)) {
                try (Scope s = Scope.open()) {
                    p.observe(learner, m, log);
                }
            }
        }
    }

    private void timed(Runnable work) {
        long wall = System.nanoTime();
        long cpu = cpuNanos();
        try (Scope s = Scope.open()) {
            work.run();
        }
        learnCpuNanos += cpuNanos() - cpu;
        learnNanos += System.nanoTime() - wall;
    }

    private static long cpuNanos() {
        return java.lang.management.ManagementFactory.getOperatingSystemMXBean()
                        instanceof com.sun.management.OperatingSystemMXBean os
                ? os.getProcessCpuTime()
                : 0;
    }

    public MetricLog log() {
        return log;
    }

    public Learner learner() {
        return learner;
    }

    /** Scores of rows tested before they were learnt, so far; empty where the scenario asks for none. */
    public Optional<Prequential> prequential() {
        return Optional.ofNullable(prequential);
    }

    /** Updates done. */
    public long steps() {
        return step;
    }

    /** Rows learnt from. */
    public long samples() {
        return samples;
    }

    /** Mean loss over all updates; 0 for learners without one. */
    public double meanLoss() {
        return step == 0 ? 0 : lossSum / step;
    }

    /** Wall seconds in the learner's own calls. */
    public double learnSeconds() {
        return learnNanos * 1e-9;
    }

    /** CPU seconds of the process during the learner's own calls. */
    public double learnCpuSeconds() {
        return learnCpuNanos * 1e-9;
    }

    @Override
    public State state() {
        State s = new State()
                .put("experience", at)
                .put("begun", Boolean.toString(begun))
                .put("step", step)
                .put("samples", samples)
                .put("lossSum", lossSum)
                .put("learnNanos", learnNanos)
                .put("learnCpuNanos", learnCpuNanos)
                .put("log", log)
                .put("learner", learner);
        if (loader != null) {
            s.put("loader", loader);
        }
        if (prequential != null) {
            s.put("prequential", prequential);
        }
        return s;
    }

    @Override
    public void load(State saved) {
        int parts = scenario.experiences().size();
        long newAt = saved.integer("experience");
        if (newAt < 0 || newAt > parts) {
            throw new IllegalArgumentException("The saved run stands in part " + (newAt + 1) + " but '"
                    + scenario.name() + "' has " + parts + ".\nMaybe it was saved in another scenario.");
        }
        boolean newBegun = saved.flag("begun");
        long newStep = saved.integer("step");
        long newSamples = saved.integer("samples");
        double newLossSum = saved.number("lossSum");
        long newNanos = saved.integer("learnNanos");
        long newCpuNanos = saved.integer("learnCpuNanos");
        State position = saved.child("loader");
        Loader newLoader = null;
        if (!position.values().isEmpty() || !position.tensors().isEmpty()) {
            Experience e = scenario.experiences().get((int) newAt);
            newLoader = e.train().batches(e.pace(), rng.child("data", e.index()));
            newLoader.load(position);
        }
        Snapshot.loadAll(
                saved,
                prequential == null
                        ? Map.of("learner", learner, "log", log)
                        : Map.of("learner", learner, "log", log, "prequential", prequential));
        if (loader != null) {
            loader.close();
        }
        at = (int) newAt;
        begun = newBegun;
        step = newStep;
        samples = newSamples;
        lossSum = newLossSum;
        learnNanos = newNanos;
        learnCpuNanos = newCpuNanos;
        loader = newLoader;
        last = null;
    }
}
