package dev.holdfast.tck;

import static dev.holdfast.tck.Subject.require;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Loader;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;

/** What a learner takes: memory and work are counted, never timed. */
final class CostChecks {
    private CostChecks() {}

    static void add(Subject<?> s, List<Check> to) {
        String on = " (" + s.data + ")";
        to.add(new Check("keeps no graph alive in its state" + on, () -> noGraphs(s)));
        to.add(new Check("reports a footprint that is about its state" + on, () -> honestFootprint(s)));
        if (s.has(Trait.BOUNDED_MEMORY)) {
            to.add(new Check("leaves native memory flat from step to step" + on, () -> flatMemory(s)));
            to.add(new Check("leaves native memory flat from part to part" + on, () -> flatOverParts(s)));
            to.add(new Check("holds no more bytes after more rows of known classes" + on, () -> bounded(s)));
            to.add(new Check("does the same work for a batch late in the stream as early" + on, () -> flatCost(s)));
        }
    }

    private static void noGraphs(Subject<?> s) {
        Learner l = s.after(s.within(2));
        try (Scope scope = Scope.open()) {
            l.state()
                    .tensors()
                    .forEach((name, t) -> require(
                            t.is_leaf(),
                            "Tensor " + name + " of the state drags a graph along, which grows step by step."
                                    + "\nMaybe detach it before it is kept."));
        }
    }

    private static void honestFootprint(Subject<?> s) {
        Learner l = s.learnt();
        try (Scope scope = Scope.open()) {
            Footprint f = l.footprint();
            long bytes = bytes(l.state());
            require(f.parameters() >= 0, "A footprint has " + f.parameters() + " parameters.");
            require(f.shape() != null && !f.shape().isBlank(), "A footprint needs a line for people.");
            require(
                    f.bytes() >= bytes / 2 && f.bytes() <= 2 * bytes + 4096,
                    "The footprint says " + f.bytes() + " bytes but the tensors of the state take " + bytes + ".");
        }
    }

    private static long bytes(State s) {
        return s.tensors().values().stream().mapToLong(Tensor::nbytes).sum();
    }

    private static void flatMemory(Subject<?> s) {
        Learner l = s.learnt();
        int turn = 0;
        for (; turn < 20; turn++) {
            s.learn(l, s.mixed(turn));
        }
        long early = settled(Long.MIN_VALUE);
        for (; turn < 100; turn++) {
            s.learn(l, s.mixed(turn));
        }
        long late = settled(early);
        require(
                late <= early,
                "After 20 steps " + early + " native objects are alive, after 100 steps " + late
                        + ".\nMaybe something native is kept at every step.");
        require(l.capabilities().equals(s.capabilities), "Capabilities changed while learning.");
    }

    /** Parts of one class each, told to the learner: teachers, anchors and memories of former parts must go. */
    private static void flatOverParts(Subject<?> s) {
        Scenario stream = s.scenario(1, new Dealing(1, 4, false, true));
        int parts = stream.experiences().size();
        Run r = s.run(s.fresh(), stream);
        long early = Long.MAX_VALUE;
        for (int part = 1; part <= parts; part++) {
            for (long done = steps(stream, part - 1); done < steps(stream, part); done++) {
                r.advance();
            }
            if (part == parts / 2) {
                early = settled(Long.MIN_VALUE);
            }
        }
        long late = settled(early);
        require(
                late <= early,
                "After " + parts / 2 + " parts " + early + " native objects are alive, after " + parts + " parts "
                        + late + ".\nMaybe something native of every part is kept.");
        require(r.finished(), "The stream was not gone through to its end.");
    }

    private static long steps(Scenario stream, int parts) {
        return stream.experiences().subList(0, parts).stream()
                .mapToLong(e -> e.pace().batches(e.train().size()) + 1)
                .sum();
    }

    /**
     * Live native objects once the collector has nothing more to take, or no more than {@code enough} are left. With
     * something to compare with it is patient: on a busy machine what the collector has taken is freed late.
     */
    private static long settled(long enough) {
        long least = Long.MAX_VALUE;
        int still = 0;
        int patience = enough == Long.MIN_VALUE ? 3 : 60;
        for (int i = 0; i < 10 * patience && still < patience && least > enough; i++) {
            System.gc();
            Pointer.deallocateReferences();
            try {
                Thread.sleep(5);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            long now = Pointer.totalCount();
            still = now < least ? 0 : still + 1;
            least = Math.min(least, now);
        }
        return least;
    }

    private static void bounded(Subject<?> s) {
        Learner l = s.learnt();
        s.learn(l, s.mixed(0));
        s.learn(l, s.mixed(1));
        long early;
        long late;
        try (Scope scope = Scope.open()) {
            early = bytes(l.state());
        }
        for (int turn = 2; turn < 40; turn++) {
            s.learn(l, s.mixed(turn));
        }
        try (Scope scope = Scope.open()) {
            late = bytes(l.state());
        }
        require(
                late <= early,
                "The state grew from " + early + " to " + late + " bytes over " + 38 * Subject.batch()
                        + " rows of known classes, but the learner claims BOUNDED_MEMORY.");
    }

    /** Native objects made for a batch are a count of its tensor operations. */
    private static void flatCost(Subject<?> s) {
        List<Experience> parts = s.scenario(1, new Dealing(2, 4, false, true)).experiences();
        Learner l = s.fresh();
        List<Long> work = new ArrayList<>();
        for (Experience e : parts) {
            try (Scope scope = Scope.open()) {
                l.begin(e);
            }
            long most = 0;
            Loader batches = e.train().batches(e.pace(), Rng.of(4).child("part", e.index()));
            for (int i = 0; batches.hasNext(); i++) {
                try (Scope scope = Scope.open()) {
                    Batch b = batches.next().withTask(e.task());
                    long before = Scope.taken();
                    l.learn(b);
                    // the first batch of a class also makes room for it
                    most = i == 0 ? 0 : Math.max(most, Scope.taken() - before);
                }
            }
            work.add(most);
            try (Scope scope = Scope.open()) {
                l.end(e);
            }
        }
        long early = work.get(Math.min(2, work.size() - 1));
        long late = work.get(work.size() - 1);
        require(
                late <= early * 1.25 + 4,
                "A batch of the third part takes " + early + " native operations, one of the last takes " + late
                        + " (all parts: " + work + ").\nMaybe every step walks through all that came before.");
    }
}
