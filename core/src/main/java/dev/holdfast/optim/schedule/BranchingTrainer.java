package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Trains anything that has a state and takes steps so that a checkpoint with a decayed rate comes out at each of several
 * budgets. WSD branches off a trunk: a branch starts from a deep copy of parameters, moments, counters and place in the data,
 * and nothing that it does reaches the trunk. The other methods train in one line, and their checkpoints are the trunk as it
 * stands.
 *
 * <p>The state holds the trunk and a branch that is under way; a trainer that loads it goes on with the same bits, at any
 * update. Wen et al., arXiv 2410.05192. One thread.
 *
 * @param <T> what is trained, for example a pre-training with its optimizer
 */
public final class BranchingTrainer<T extends Stateful> implements Stateful {
    /**
     * Makes something untrained; all must come out equal, for a state is loaded into it.
     *
     * @param <T> what is trained
     */
    @FunctionalInterface
    public interface Maker<T> {
        /**
         * @param factor on its rates, by its own count of updates; has no state
         * @param stream data that it reads: 0 = those of the trunk, at its own count of updates; k + 1 = data of the k-th branch
         *     alone, where fresh data are asked for
         */
        T make(Schedule factor, int stream);
    }

    /** What a branch learns from. */
    public enum BranchData {
        /** What the trunk would read next. */
        SAME,
        /** Data that the trunk does not read. */
        FRESH
    }

    /**
     * A decayed checkpoint.
     *
     * @param segment number of the segment, from 0
     * @param updates that led to it, on the trunk and, if there is one, on its branch
     * @param spent all updates so far, those of thrown away branches included
     * @param trained a branch of its own, or the trunk, which moves on at the next step
     */
    public record Checkpoint<T>(int segment, long updates, long spent, T trained) {}

    private final StableDecay plan;
    private final CheckpointMethod method;
    private final Maker<T> maker;
    private final Consumer<T> step;
    private final BranchData data;
    private final T trunk;
    private T branch;
    private int reached;
    private long done;
    private long branched;
    private long spent;

    /**
     * @param method {@link CheckpointMethod#COSINE} is as many trainers as checkpoints, each with a plan of one segment
     * @param step takes one update
     */
    public BranchingTrainer(
            StableDecay plan, CheckpointMethod method, Maker<T> maker, Consumer<T> step, BranchData data) {
        if (method == CheckpointMethod.COSINE && plan.ends().size() > 1) {
            throw new IllegalArgumentException("Cosines run by run are separate trainings; expected a plan with one"
                    + " checkpoint but it has " + plan.ends() + ".\nMaybe make a trainer for each.");
        }
        this.plan = plan;
        this.method = method;
        this.maker = maker;
        this.step = step;
        this.data = data;
        this.trunk = maker.make(method == CheckpointMethod.WSD ? plan.trunk() : method.schedule(plan, 0), 0);
    }

    /** One update of the trunk or of the branch that is under way; the checkpoint that it completes, if it does. */
    public Optional<Checkpoint<T>> step() {
        if (finished()) {
            throw new IllegalStateException("All " + reached + " checkpoints are delivered, after " + spent
                    + " updates.\nMaybe train the trunk on by itself.");
        }
        if (branch != null) {
            step.accept(branch);
            branched++;
            spent++;
            return branched == plan.decays().get(reached) ? delivered(branch) : Optional.empty();
        }
        step.accept(trunk);
        done++;
        spent++;
        if (method != CheckpointMethod.WSD) {
            return done == plan.ends().get(reached) ? delivered(trunk) : Optional.empty();
        }
        if (done < plan.ends().get(reached) - plan.decays().get(reached)) {
            return Optional.empty();
        }
        branch = branch(reached, trunk.state());
        return plan.decays().get(reached) == 0 ? delivered(branch) : Optional.empty();
    }

    /** Updates until the next checkpoint is there. */
    public Checkpoint<T> next() {
        Optional<Checkpoint<T>> c = step();
        while (c.isEmpty()) {
            c = step();
        }
        return c.get();
    }

    /** Loading copies, so a branch shares nothing with where its state comes from. */
    private T branch(int k, State from) {
        T copy = maker.make(plan.branch(k), data == BranchData.SAME ? 0 : k + 1);
        copy.load(from);
        return copy;
    }

    private Optional<Checkpoint<T>> delivered(T trained) {
        Checkpoint<T> c = new Checkpoint<>(reached, done + branched, spent, trained);
        reached++;
        branch = null;
        branched = 0;
        return Optional.of(c);
    }

    /** Whether all checkpoints are delivered. */
    public boolean finished() {
        return reached == plan.ends().size();
    }

    /** What never saw a branch; live. */
    public T trunk() {
        return trunk;
    }

    /** Updates of the trunk. */
    public long done() {
        return done;
    }

    /** Updates of trunk and branches. */
    public long spent() {
        return spent;
    }

    @Override
    public State state() {
        return new State()
                .put("done", done)
                .put("branched", branched)
                .put("spent", spent)
                .put("reached", reached)
                .put("branching", Boolean.toString(branch != null))
                .put("trunk", trunk)
                .put("branch", branch == null ? new State() : branch.state());
    }

    @Override
    public void load(State saved) {
        int newReached = Math.toIntExact(saved.integer("reached"));
        long newDone = saved.integer("done");
        long newBranched = saved.integer("branched");
        long newSpent = saved.integer("spent");
        if (newReached < 0 || newReached > plan.ends().size() || newDone < 0 || newBranched < 0) {
            throw new IllegalArgumentException("The saved training has delivered " + newReached + " checkpoints after "
                    + newDone + " updates, which does not fit a plan with checkpoints after " + plan.ends() + ".");
        }
        T newBranch = null;
        if (saved.flag("branching")) {
            newBranch = branch(newReached, saved.child("branch"));
        }
        trunk.load(saved.child("trunk"));
        branch = newBranch;
        reached = newReached;
        done = newDone;
        branched = newBranched;
        spent = newSpent;
    }
}
