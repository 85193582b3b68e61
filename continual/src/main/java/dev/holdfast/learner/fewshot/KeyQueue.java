package dev.holdfast.learner.fewshot;

import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.average.ExponentialAverage;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Keys of earlier batches with their labels, made by a slow copy of the network (He et al., <i>Momentum Contrast</i>, arXiv
 * 1911.05722): the newest displace the oldest. One thread.
 */
final class KeyQueue implements Stateful {
    private final BagModel slow;
    private final ExponentialAverage average;
    private final Tensor keys;
    private final long[] labels;
    private long taken;

    KeyQueue(BagModel of, BagConfig.Contrast c) {
        this.slow = of.copy();
        this.average = new ExponentialAverage(slow.embedding(), new Constant(c.momentum()));
        this.keys = Scope.own(Tensors.zeros(ScalarType.Float, c.queue(), c.width()));
        this.labels = new long[c.queue()];
    }

    /** How many keys are held. */
    int size() {
        return (int) Math.min(taken, labels.length);
    }

    /** The held keys [size, width]. */
    Tensor keys() {
        return Tensors.slice(keys, 0, size());
    }

    /** Their labels. */
    int[] labels() {
        return Arrays.stream(labels).limit(size()).mapToInt(Math::toIntExact).toArray();
    }

    /** Keys of rows, made by the slow network. */
    Tensor of(Tensor x, Pass pass) {
        try (var mode = Autograd.noGrad()) {
            return slow.contrasted(slow.features(x, pass), pass);
        }
    }

    /** Moves the slow network towards the network and takes in the keys of a batch. */
    void update(BagModel net, Step step, Tensor fresh, int[] label) {
        average.update(net.embedding(), step);
        int n = label.length;
        int from = Math.max(0, n - labels.length);
        int[] at = new int[n - from];
        for (int i = from; i < n; i++) {
            at[i - from] = (int) ((taken + i - from) % labels.length);
            labels[at[i - from]] = label[i];
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            keys.index_copy_(0, Tensors.ids(at), Tensors.slice(fresh, from, n));
        }
        taken += at.length;
    }

    long bytes() {
        long b = keys.nbytes() + 8L * labels.length;
        for (Tensor t : slow.state().tensors().values()) {
            b += t.nbytes();
        }
        return b;
    }

    @Override
    public State state() {
        return new State()
                .put("slow", slow)
                .put("average", average)
                .put("keys", keys)
                .put("labels", Tensors.of(labels, labels.length))
                .put("taken", taken);
    }

    @Override
    public void load(State saved) {
        Tensors.requireShape("saved keys", saved.tensor("keys"), keys.shape());
        Tensors.requireShape("saved labels of keys", saved.tensor("labels"), labels.length);
        long newTaken = saved.integer("taken");
        if (newTaken < 0) {
            throw new IllegalArgumentException("The saved queue has taken " + newTaken + " keys; expected >= 0.");
        }
        slow.load(saved.child("slow"));
        average.load(saved.child("average"));
        try (var mode = Autograd.noGrad()) {
            keys.copy_(saved.tensor("keys"));
        }
        System.arraycopy(Tensors.longs(saved.tensor("labels")), 0, labels, 0, labels.length);
        taken = newTaken;
    }
}
