package dev.holdfast.calibrate.linear;

import dev.holdfast.calibrate.ProbabilityMap;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/** softmax(W x + b), x = logits or log-probabilities, W a matrix [C, C] or a diagonal [C]. */
final class AffineMap implements ProbabilityMap {
    private final boolean logProbabilities;
    private Tensor weight;
    private Tensor bias;

    AffineMap(boolean logProbabilities) {
        this.logProbabilities = logProbabilities;
    }

    AffineMap(boolean logProbabilities, Tensor weight, Tensor bias) {
        this(logProbabilities);
        this.weight = Scope.own(weight);
        this.bias = Scope.own(bias);
    }

    static Tensor features(Tensor logits, boolean logProbabilities) {
        return logProbabilities ? logits.log_softmax(1) : logits;
    }

    static Tensor scores(Tensor x, Tensor weight, Tensor bias) {
        return (weight.dim() == 1 ? x.mul(weight) : x.matmul(weight.t())).add(bias);
    }

    @Override
    public Tensor probabilities(Tensor logits) {
        return scores(features(logits, logProbabilities), weight, bias).softmax(1);
    }

    @Override
    public boolean keepsOrder() {
        return false;
    }

    @Override
    public State state() {
        return new State().put("weight", weight).put("bias", bias);
    }

    @Override
    public void load(State saved) {
        Tensor b = saved.tensor("bias");
        Tensor w = saved.tensor("weight");
        Tensors.requireShape("saved bias", b, -1);
        if (w.dim() == 1) {
            Tensors.requireShape("saved weight", w, b.size(0));
        } else {
            Tensors.requireShape("saved weight", w, b.size(0), b.size(0));
        }
        Tensors.requireFinite("The saved weight", w);
        Tensors.requireFinite("The saved bias", b);
        try (Scope s = Scope.open()) {
            weight = Scope.own(Tensors.copy(w));
            bias = Scope.own(Tensors.copy(b));
        }
    }
}
