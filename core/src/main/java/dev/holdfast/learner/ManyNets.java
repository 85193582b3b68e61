package dev.holdfast.learner;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.optim.Step;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/**
 * Several networks of one configuration that learn side by side, each with its own weights, optimizer and draws, and
 * predict together: what co-teaching learners are composed around.
 *
 * <p>One thread learns, any number may {@link #predict} meanwhile: a prediction sees all networks as they were between
 * two changes.
 */
public final class ManyNets implements Stateful {
    private final List<Net> nets = new ArrayList<>();
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    /** {@code n} fresh networks; the i-th is a pure function of (configuration, schema, {@code rng.child("net", i)}). */
    public ManyNets(int n, NetConfig config, Schema schema, Rng rng) {
        this(n, i -> new Net(config, schema, rng.child("net", i)));
    }

    /** {@code n} networks made one by one, for rows of one schema and with columns of one meaning. */
    public ManyNets(int n, IntFunction<Net> maker) {
        if (n < 1) {
            throw new IllegalArgumentException("At least one network is needed but " + n + " are asked for.");
        }
        for (int i = 0; i < n; i++) {
            nets.add(maker.apply(i));
        }
    }

    public int size() {
        return nets.size();
    }

    public Net get(int i) {
        return nets.get(i);
    }

    /** Meaning of the score columns, the same in all networks. */
    public ClassIndex columns() {
        return nets.get(0).columns();
    }

    /** Refuses rows that do not fit before anything has moved; then gives unseen classes a column in every network. */
    public void admit(Batch b) {
        change(() -> {
            nets.forEach(n -> n.admit(b));
            return null;
        });
    }

    /** One step of the i-th network down the gradient of {@code loss}. */
    public Step descend(int i, Tensor loss) {
        return change(() -> nets.get(i).descend(loss));
    }

    /** Runs a change of what is predicted from, between two predictions. */
    public <T> T change(Supplier<T> move) {
        lock.writeLock().lock();
        try {
            return move.get();
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Mean of all networks' logits. */
    public Prediction predict(Inputs x) {
        return predict(x, nets, n -> n.predict(x).scores());
    }

    /** Mean of the logits [n, columns] that every {@code voter} gives, without a change in between. */
    public <V> Prediction predict(Inputs x, List<V> voters, Function<V, Tensor> scores) {
        lock.readLock().lock();
        try (Scope s = Scope.open()) {
            Net.requireColumns(columns());
            Tensor sum = null;
            for (V v : voters) {
                Tensor z = scores.apply(v);
                sum = sum == null ? z : sum.add(z);
            }
            Tensor mean = voters.size() == 1 ? sum : sum.div(Tensors.scalar(voters.size()));
            return new Prediction(s.keep(mean), columns(), nets.get(0).kind());
        } finally {
            lock.readLock().unlock();
        }
    }

    /** What all networks and their optimizers hold. */
    public Footprint footprint(long more) {
        Footprint one = nets.get(0).footprint(0);
        long bytes = more;
        long parameters = 0;
        for (Net n : nets) {
            Footprint f = n.footprint(0);
            bytes += f.bytes();
            parameters += f.parameters();
        }
        return new Footprint(parameters, bytes, nets.size() == 1 ? one.shape() : nets.size() + " x " + one.shape());
    }

    @Override
    public State state() {
        State s = new State();
        for (int i = 0; i < nets.size(); i++) {
            s.put(Integer.toString(i), nets.get(i));
        }
        return s;
    }

    @Override
    public void load(State saved) {
        Map<String, Net> parts = new LinkedHashMap<>();
        for (int i = 0; i < nets.size(); i++) {
            parts.put(Integer.toString(i), nets.get(i));
        }
        change(() -> {
            Snapshot.loadAll(saved, parts);
            return null;
        });
    }
}
