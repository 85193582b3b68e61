package dev.holdfast.penalty;

import dev.holdfast.config.Doc;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.Step;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Riemannian walk: importance is a Fisher information that runs along with training, together with a score of how much
 * each weight made the loss fall for the distance that it went. Nothing is read again when a task ends.
 *
 * <p>Every {@code every} steps F = a g^2 + (1 - a) F with g the gradient of the task loss (eq. 8), and the score s of the
 * task rises by (-g . dtheta) / (F dtheta^2 / 2 + eps) over the steps since (eq. 9). When a task ends s is clipped at 0
 * and, from the second task on, averaged with the score before; the penalty is strength * sum (F / max F + s / max s)
 * (theta - theta*)^2 (section 4.3), each maximum over all leaves. Without scores and normalisation it is EWC++: strength *
 * sum F (theta - theta*)^2.
 *
 * <p>Chaudhry, Dokania, Ajanthan, Torr, <i>Riemannian Walk for Incremental Learning</i>, arXiv 1801.10112.
 */
public final class RiemannianWalk implements Penalty {
    /** What the importance consists of. */
    public enum Form {
        /** Normalised Fisher information plus normalised scores. */
        WALK,
        /** The running Fisher information as it is: EWC++. */
        FISHER
    }

    /**
     * @param strength lambda >= 0; 0 = fine-tuning
     * @param newest a, the weight of the newest gradient in the running Fisher information, in (0, 1]
     * @param every steps from one update of Fisher information and scores to the next, >= 1
     * @param epsilon added to the distance in the score, > 0
     */
    public record Config(
            @Doc("what the importance consists of") Form form,
            @Doc("strength lambda of the anchor; 0 = fine-tuning") double strength,
            @Doc("weight of the newest gradient in the running Fisher information, in (0, 1]") double newest,
            @Doc("steps from one update of the importance to the next") int every,
            @Doc("added to the distance that a score is divided by") double epsilon) {
        public Config {
            if (!(strength >= 0) || Double.isInfinite(strength)) {
                throw new IllegalArgumentException("strength must be finite and >= 0 but is " + strength + ".");
            }
            if (!(newest > 0 && newest <= 1)) {
                throw new IllegalArgumentException("newest must be in (0, 1] but is " + newest + ".");
            }
            if (every < 1) {
                throw new IllegalArgumentException("every must be >= 1 step but is " + every + ".");
            }
            if (!(epsilon > 0) || Double.isInfinite(epsilon)) {
                throw new IllegalArgumentException("epsilon must be finite and > 0 but is " + epsilon + ".");
            }
        }

        /** Fisher information and scores. */
        public static Config walk(double strength) {
            return new Config(Form.WALK, strength, 0.9, 10, 1e-8);
        }

        /** EWC++: a Fisher information that runs over many batches. */
        public static Config fisher(double strength) {
            return new Config(Form.FISHER, strength, 0.1, 1, 1e-8);
        }
    }

    private static final double NEGLIGIBLE = 1e-30;

    private final Config config;
    private final Anchors anchors = new Anchors();
    private final Map<String, Tensor> fisher = new LinkedHashMap<>();

    /** Scores of this task so far, and those of the tasks before, averaged. */
    private final Map<String, Tensor> score = new LinkedHashMap<>();

    private final Map<String, Tensor> past = new LinkedHashMap<>();

    /** Since the last update: the fall of the loss, and where each leaf stood. */
    private final Map<String, Tensor> fall = new LinkedHashMap<>();

    private final Map<String, Tensor> from = new LinkedHashMap<>();
    private long steps;
    private long tasks;

    public RiemannianWalk(Config config) {
        this.config = config;
    }

    @Override
    public boolean observes() {
        return true;
    }

    @Override
    public void observe(ParamVector taskGradient, Step step) {
        if (step.skipped()) {
            return;
        }
        steps++;
        boolean due = steps % config.every == 0;
        Parameters p = taskGradient.of();
        try (Scope s = Scope.open()) {
            for (int i = 0; i < p.size(); i++) {
                Tensor g = taskGradient.get(i);
                Tensor move = step.move().get(i);
                if (g == null || move == null) {
                    continue;
                }
                String name = p.meta().get(i).name();
                Tensor now = p.get(i).detach();
                Tensor f = table(fisher, name, now, null);
                if (config.form == Form.WALK) {
                    table(fall, name, now, null).addcmul_(g.detach(), move, Tensors.scalar(-1));
                    table(from, name, now, move);
                    table(score, name, now, null);
                }
                if (due) {
                    f.mul_(Tensors.scalar(1 - config.newest))
                            .addcmul_(g.detach(), g.detach(), Tensors.scalar(config.newest));
                    // what fades away becomes denormal numbers, which cost a hundred times the time and weigh nothing
                    torch.threshold_(f, Tensors.scalar(NEGLIGIBLE), Tensors.scalar(0));
                    if (config.form == Form.WALK) {
                        score(name, now, f);
                    }
                }
            }
        }
    }

    /** The part of the path since the last update counts, and a new one begins. */
    private void score(String name, Tensor now, Tensor f) {
        Tensor moved = now.sub(from.get(name));
        Tensor distance = f.mul(moved).mul_(moved).mul_(Tensors.scalar(0.5)).add_(Tensors.scalar(config.epsilon));
        score.get(name).add_(fall.get(name).div(distance));
        fall.get(name).zero_();
        from.get(name).copy_(now);
    }

    /** The leaf's entry, with rows for all that the leaf has: new ones are zero, or stood at now - move. */
    private static Tensor table(Map<String, Tensor> tables, String name, Tensor now, Tensor move) {
        Tensor old = tables.get(name);
        if (old != null && Arrays.equals(old.shape(), now.shape())) {
            return old;
        }
        Tensor t = Scope.own(move == null ? Tensors.zerosLike(now, now.shape()) : Tensors.copy(now.sub(move)));
        if (old != null) {
            Tensors.slice(t, 0, old.size(0)).copy_(old);
            old.close();
        }
        tables.put(name, t);
        return t;
    }

    @Override
    public void consolidate(Objective finished) {
        consolidate(finished.parameters());
    }

    /** As {@link #consolidate(Objective)}, which looks at the parameters only. */
    public void consolidate(Parameters now) {
        try (Scope s = Scope.open()) {
            if (config.form == Form.WALK) {
                for (int i = 0; i < now.size(); i++) {
                    String name = now.meta().get(i).name();
                    Tensor fresh = score.get(name);
                    if (fresh != null) {
                        Tensor mean = table(past, name, now.get(i).detach(), null);
                        fresh.clamp_min_(Tensors.scalar(0));
                        mean.add_(table(score, name, now.get(i).detach(), null))
                                .mul_(Tensors.scalar(tasks == 0 ? 1 : 0.5));
                    }
                }
            }
            anchors.set(now, weight(now));
        }
        tasks++;
        for (Map<String, Tensor> m : java.util.List.of(score, fall, from)) {
            m.values().forEach(Tensor::close);
            m.clear();
        }
    }

    /** The importance of every leaf as the anchor would take it now; null where a leaf was never reached. */
    private ParamVector weight(Parameters now) {
        double f = config.form == Form.WALK ? largest(fisher) : 1;
        double s = largest(past);
        Tensor[] w = new Tensor[now.size()];
        for (int i = 0; i < w.length; i++) {
            String name = now.meta().get(i).name();
            Tensor information = fisher.get(name);
            if (information != null) {
                w[i] = Anchors.grown(information.div(Tensors.scalar(f)), now.get(i));
                if (past.get(name) != null) {
                    w[i] = w[i].add(Anchors.grown(past.get(name).div(Tensors.scalar(s)), now.get(i)));
                }
            }
        }
        return new ParamVector(now, w);
    }

    /** The largest entry of all, or 1 where there is none above 0. */
    private static double largest(Map<String, Tensor> tables) {
        double m = 0;
        for (Tensor t : tables.values()) {
            m = t.numel() == 0 ? m : Math.max(m, t.max().item_double());
        }
        return m > 0 ? m : 1;
    }

    /** The running Fisher information of a leaf, or null before its first step. */
    public Tensor fisher(String name) {
        return fisher.get(name);
    }

    /** The score of a leaf in this task so far, not clipped; null before its first step. */
    public Tensor score(String name) {
        return score.get(name);
    }

    /** What the anchor of a leaf weighs. */
    public Tensor importance(String name, Tensor now) {
        return anchors.importance(name, now);
    }

    @Override
    public Tensor value(Parameters now) {
        return anchors.value(now, config.strength);
    }

    @Override
    public ParamVector gradient(Parameters now) {
        Tensor[] g = new Tensor[now.size()];
        anchors.gradient(now, config.strength, g);
        return new ParamVector(now, g);
    }

    private Map<String, Map<String, Tensor>> tables() {
        Map<String, Map<String, Tensor>> all = new LinkedHashMap<>();
        all.put("fisher", fisher);
        all.put("score", score);
        all.put("past", past);
        all.put("fall", fall);
        all.put("from", from);
        return all;
    }

    @Override
    public State state() {
        State s = new State().put("steps", steps).put("tasks", tasks).put("anchors", anchors.state());
        tables().forEach((name, tables) -> tables.forEach((leaf, t) -> s.put(name + "." + leaf, t)));
        return s;
    }

    @Override
    public void load(State saved) {
        Anchors.requireSameLeaves(saved.child("fall"), saved.child("from"));
        long newSteps = saved.integer("steps");
        long newTasks = saved.integer("tasks");
        if (newSteps < 0 || newTasks < 0) {
            throw new IllegalArgumentException("The saved penalty has seen " + newSteps + " steps of " + newTasks
                    + " tasks; expected numbers >= 0.\nMaybe the file is damaged.");
        }
        requireKnown(saved);
        anchors.load(saved.child("anchors"));
        steps = newSteps;
        tasks = newTasks;
        tables().forEach((name, tables) -> {
            tables.values().forEach(Tensor::close);
            tables.clear();
            saved.child(name).tensors().forEach((leaf, t) -> tables.put(leaf, Scope.own(Tensors.copy(t))));
        });
    }

    /** Refuses scores of leaves whose Fisher information is missing or of another shape. */
    private static void requireKnown(State saved) {
        Map<String, Tensor> information = saved.child("fisher").tensors();
        for (String name : new String[] {"score", "past"}) {
            saved.child(name).tensors().forEach((leaf, t) -> {
                Tensor f = information.get(leaf);
                if (f == null || f.dim() != t.dim() || name.equals("score") && !Arrays.equals(f.shape(), t.shape())) {
                    throw new IllegalArgumentException("The saved penalty has scores '" + name + "' of leaf '" + leaf
                            + "' without a Fisher information of the same shape.\nMaybe the file is damaged.");
                }
            });
        }
    }
}
