package dev.holdfast.penalty;

import dev.holdfast.objective.Objective;
import dev.holdfast.optim.Step;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Synaptic intelligence: importance is what each weight contributed to the fall of the task's loss along the path that
 * was taken.
 *
 * <p>Every step w += -g * dtheta with g the gradient of the task loss alone and dtheta the actual move; when a task ends
 * Omega += w / ((theta - theta_start)^2 + xi) (eq. 5), w = 0; penalty c * sum Omega (theta - theta*)^2 (eq. 4). Zenke,
 * Poole, Ganguli, arXiv 1703.04200.
 */
public final class SynapticIntelligence implements Penalty {
    private final double strength;
    private final double xi;
    private final boolean clip;
    private final Anchors anchors = new Anchors();
    private final Map<String, Tensor> path = new LinkedHashMap<>();
    private final Map<String, Tensor> start = new LinkedHashMap<>();

    /**
     * @param strength c >= 0
     * @param xi damping > 0
     * @param clip whether negative new importances count as 0
     */
    public SynapticIntelligence(double strength, double xi, boolean clip) {
        if (!(strength >= 0) || Double.isInfinite(strength) || !(xi > 0) || Double.isInfinite(xi)) {
            throw new IllegalArgumentException("Synaptic intelligence needs finite strength >= 0 and xi > 0 but has "
                    + strength + " and " + xi + ".");
        }
        this.strength = strength;
        this.xi = xi;
        this.clip = clip;
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
        Parameters p = taskGradient.of();
        try (Scope s = Scope.open()) {
            for (int i = 0; i < p.size(); i++) {
                Tensor g = taskGradient.get(i);
                Tensor move = step.move().get(i);
                String name = p.meta().get(i).name();
                Tensor before = start.get(name);
                if (move != null && (before == null || before.size(0) != move.size(0))) {
                    // the first move of a leaf (or of its new rows) in a task: it stood at now - move
                    start.put(name, enlarge(before, p.get(i).detach().sub(move)));
                }
                if (g != null && move != null) {
                    Tensor w = path.get(name);
                    if (w == null || w.size(0) != g.size(0)) {
                        w = enlarge(w, Tensors.zerosLike(g, g.shape()));
                        path.put(name, w);
                    }
                    w.addcmul_(g.detach(), move, Tensors.scalar(-1));
                }
            }
        }
    }

    /** A copy of {@code fresh} whose first rows are those of {@code old}, which it replaces. */
    private static Tensor enlarge(Tensor old, Tensor fresh) {
        Tensor t = Scope.own(Tensors.copy(fresh));
        if (old != null) {
            Tensors.slice(t, 0, old.size(0)).copy_(old);
            old.close();
        }
        return t;
    }

    @Override
    public void consolidate(Objective finished) {
        consolidate(finished.parameters());
    }

    /** As {@link #consolidate(Objective)}, which looks at the parameters only. */
    public void consolidate(Parameters now) {
        try (Scope s = Scope.open()) {
            Tensor[] omega = new Tensor[now.size()];
            for (int i = 0; i < omega.length; i++) {
                String name = now.meta().get(i).name();
                Tensor leaf = now.get(i).detach();
                Tensor w = path.get(name);
                Tensor before = start.get(name);
                Tensor old = anchors.importance(name, leaf);
                if (w == null || before == null) {
                    omega[i] = old;
                    continue;
                }
                Tensor moved = leaf.sub(Anchors.grown(before, leaf));
                Tensor gain = Anchors.grown(w, leaf).div(moved.mul(moved).add_(Tensors.scalar(xi)));
                omega[i] = old.add(clip ? gain.clamp_min(Tensors.scalar(0)) : gain);
            }
            anchors.set(now, new ParamVector(now, omega));
        }
        path.values().forEach(Tensor::close);
        start.values().forEach(Tensor::close);
        path.clear();
        start.clear();
    }

    /** Path integral w of a leaf, or null before its first step. */
    public Tensor path(String name) {
        return path.get(name);
    }

    /** Omega of a leaf. */
    public Tensor importance(String name, Tensor now) {
        return anchors.importance(name, now);
    }

    @Override
    public Tensor value(Parameters now) {
        return anchors.value(now, strength);
    }

    @Override
    public ParamVector gradient(Parameters now) {
        Tensor[] g = new Tensor[now.size()];
        anchors.gradient(now, strength, g);
        return new ParamVector(now, g);
    }

    @Override
    public State state() {
        State s = new State().put("anchors", anchors.state());
        path.forEach((k, t) -> s.put("path." + k, t));
        start.forEach((k, t) -> s.put("start." + k, t));
        return s;
    }

    @Override
    public void load(State saved) {
        Anchors.requireSameLeaves(saved.child("path"), saved.child("start"));
        anchors.load(saved.child("anchors"));
        path.values().forEach(Tensor::close);
        start.values().forEach(Tensor::close);
        path.clear();
        start.clear();
        saved.child("path").tensors().forEach((k, t) -> path.put(k, Scope.own(Tensors.copy(t))));
        saved.child("start").tensors().forEach((k, t) -> start.put(k, Scope.own(Tensors.copy(t))));
    }
}
