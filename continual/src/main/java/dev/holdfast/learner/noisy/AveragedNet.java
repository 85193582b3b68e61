package dev.holdfast.learner.noisy;

import dev.holdfast.learner.Net;
import dev.holdfast.nn.Model;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.average.Averagers;
import dev.holdfast.optim.average.ExponentialAverage;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/** A copy of a network whose parameters are the running average of that network's; buffers are the copy's own. */
final class AveragedNet implements Stateful {
    private final double alpha;
    private final long rampSteps;
    private Model model;
    private ExponentialAverage average;

    /** Begins with the network's present parameters. */
    AveragedNet(Net net, double alpha, long rampSteps) {
        this.alpha = alpha;
        this.rampSteps = rampSteps;
        this.model = net.model().copy();
        this.average = averager(model);
    }

    private ExponentialAverage averager(Model m) {
        return rampSteps > 0
                ? Averagers.ramped(m.parameters(), alpha, rampSteps)
                : Averagers.capped(m.parameters(), alpha);
    }

    Model model() {
        return model;
    }

    /** Takes in the network after a step. */
    void update(Net net, Step step) {
        average.update(net.parameters(), step);
    }

    /** Gives columns that the network has and the copy lacks the network's present weights. */
    void follow(Net net) {
        var missing = model.head().columns().missing(net.columns());
        if (missing.isEmpty()) {
            return;
        }
        Tensor[] before = model.parameters().tensors();
        long[] had = new long[before.length];
        for (int i = 0; i < had.length; i++) {
            had[i] = before[i].dim() == 0 ? 0 : before[i].size(0);
        }
        // what the head draws for new columns is overwritten below
        model.head().grow(missing, Rng.of(0));
        Tensor[] grown = model.parameters().tensors();
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            for (int i = 0; i < grown.length; i++) {
                if (grown[i].dim() > 0 && grown[i].size(0) > had[i]) {
                    Tensor now = net.parameters().get(i);
                    Tensors.slice(grown[i], had[i], grown[i].size(0)).copy_(Tensors.slice(now, had[i], now.size(0)));
                }
            }
        }
        average.rebind(model.parameters());
    }

    @Override
    public State state() {
        return new State().put("model", model).put("average", average);
    }

    @Override
    public void load(State saved) {
        Model newModel = model.copy();
        newModel.load(saved.child("model"));
        ExponentialAverage newAverage = averager(newModel);
        newAverage.load(saved.child("average"));
        model = newModel;
        average = newAverage;
    }
}
