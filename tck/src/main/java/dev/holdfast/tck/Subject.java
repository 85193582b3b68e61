package dev.holdfast.tck;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.TaskAware;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.ListedScenario;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** The learner under test with its configuration and data, and what the checks do with it. */
final class Subject<C extends Record> {
    private static final int BATCH = 8;

    final LearnerPlugin<C> plugin;
    final C config;
    final SmallData data;
    final Capabilities capabilities;

    Subject(LearnerPlugin<C> plugin, C config, SmallData data) {
        this.plugin = plugin;
        this.config = config;
        this.data = data;
        try (Scope s = Scope.open();
                Learner l = fresh()) {
            this.capabilities = l.capabilities();
        }
    }

    boolean has(Trait t) {
        return capabilities.has(t);
    }

    Learner fresh() {
        return fresh(1);
    }

    Learner fresh(long seed) {
        return plugin.create(config, data.schema(), Rng.of(seed).child("learner"));
    }

    /** New classes in parts of that many, dealt so. */
    Scenario scenario(int classesAPart, Dealing dealing) {
        if (data.multiLabel()) {
            return slices(data.schema().classes().size() / classesAPart, dealing);
        }
        ClassIncremental.Config c = new ClassIncremental.Config(
                classesAPart, classesAPart, ClassIncremental.Order.SEEDED, has(Trait.NEEDS_TASK_ID), dealing);
        return ClassIncremental.of(c, data.train(), data.test(), Rng.of(2));
    }

    /** Rows with label sets have no classes to deal: as many parts of consecutive rows. */
    private Scenario slices(int parts, Dealing dealing) {
        List<Experience> experiences = new ArrayList<>();
        List<TestSet> tests = new ArrayList<>();
        for (int k = 0; k < parts; k++) {
            experiences.add(new Experience(
                    k,
                    k,
                    dealing.source(slice(data.train(), k, parts)),
                    data.schema().classes(),
                    dealing.boundaries(),
                    dealing.pace()));
            tests.add(new TestSet(
                    k, "slice " + k, slice(data.test(), k, parts), data.schema().classes()));
        }
        return new ListedScenario(
                "slices " + parts + dealing.suffix(), data.schema(), experiences, tests, has(Trait.NEEDS_TASK_ID));
    }

    private static Dataset slice(Dataset d, int k, int parts) {
        int n = (int) d.size();
        return d.subset(IntStream.range(k * n / parts, (k + 1) * n / parts).toArray());
    }

    /** Announced parts of two classes, two passes each: what every learner must cope with. */
    Scenario announced() {
        return scenario(2, Dealing.offline(2, BATCH));
    }

    Scenario hidden() {
        return scenario(2, new Dealing(1, BATCH, false, false));
    }

    /** Only the first part is announced and may be read again; the others pass by once. */
    Scenario baseThenHidden() {
        List<Experience> announced = announced().experiences();
        List<Experience> hidden =
                scenario(2, new Dealing(1, BATCH, true, false)).experiences();
        List<Experience> parts = new ArrayList<>(hidden);
        parts.set(0, announced.get(0));
        return new ListedScenario(
                "an announced base, then hidden parts",
                data.schema(),
                parts,
                announced().tests(),
                has(Trait.NEEDS_TASK_ID));
    }

    /** The same first parts; then the test rows are shown without their labels, twice as many batches as there are. */
    Scenario thenUnlabelled() {
        List<Experience> parts = new ArrayList<>(baseThenHidden().experiences());
        for (int turn = 0; turn < 2; turn++) {
            parts.add(new Experience(
                    parts.size(),
                    0,
                    data.test(),
                    data.schema().classes(),
                    false,
                    Pace.inOrder(BATCH),
                    Experience.Protocol.TEST_THEN_ADAPT));
        }
        return new ListedScenario(
                "labelled parts, then rows without labels", data.schema(), parts, List.of(), has(Trait.NEEDS_TASK_ID));
    }

    Scenario onePass() {
        return scenario(2, new Dealing(1, BATCH, true, true));
    }

    Run run(Learner l, Scenario s) {
        return new Run(l, s, List.of(), new MetricLog(), Rng.of(3));
    }

    /** A learner that has gone through all announced parts. */
    Learner learnt() {
        Learner l = fresh();
        run(l, announced()).finish();
        return l;
    }

    /** A learner that has gone through some steps of the announced parts. */
    Learner after(int steps) {
        Learner l = fresh();
        Run r = run(l, announced());
        for (int i = 0; i < steps; i++) {
            r.advance();
        }
        return l;
    }

    /** Steps of the announced run, ends of parts included. */
    int steps() {
        Scenario s = announced();
        return Math.toIntExact(Run.plannedSteps(s)) + s.experiences().size();
    }

    /** Steps of the announced run after which so many parts are over and the next has begun. */
    int within(int parts) {
        return (int) announced().experiences().subList(0, parts).stream()
                        .mapToLong(e -> e.pace().batches(e.train().size()) + 1)
                        .sum()
                + 2;
    }

    /** Bits of the state now. */
    static Bits bits(Learner l) {
        try (Scope s = Scope.open()) {
            return Bits.of(l.state());
        }
    }

    StepReport learn(Learner l, Batch b) {
        try (Scope s = Scope.open()) {
            return l.learn(b);
        }
    }

    /** Prediction in the caller's scope; learners that must be told a task are told the first. */
    Prediction predict(Learner l, Inputs x) {
        return has(Trait.NEEDS_TASK_ID) && l instanceof TaskAware aware ? aware.predict(x, 0) : l.predict(x);
    }

    /** Raw bytes of the scores of the test rows. */
    byte[] scores(Learner l) {
        try (Scope s = Scope.open()) {
            return Tensors.bytes(predict(l, testRows().inputs()).scores());
        }
    }

    Batch testRows() {
        return data.test().rows(IntStream.range(0, (int) data.test().size()).toArray());
    }

    /** Training rows at these positions as a batch of a first pass; the classes follow each other. */
    Batch rows(int... positions) {
        Batch b = data.train().rows(positions);
        return new Batch(b.inputs(), b.target(), Rows.of(b.rows().ids()), 0, -1, null, null);
    }

    /** A batch of all classes whose rows differ from one {@code turn} to the next. */
    Batch mixed(int turn) {
        int n = (int) data.train().size();
        return rows(IntStream.range(0, BATCH).map(i -> (turn * BATCH + i) % n).toArray());
    }

    /** Fails with this message unless it holds. */
    static void require(boolean holds, String message) {
        if (!holds) {
            throw new AssertionError(message);
        }
    }

    static int batch() {
        return BATCH;
    }
}
