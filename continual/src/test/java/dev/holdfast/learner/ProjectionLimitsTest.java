package dev.holdfast.learner;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.nn.model.Mlp;
import dev.holdfast.objective.NetObjective;
import dev.holdfast.optim.transform.OrthogonalGradient;
import dev.holdfast.optim.transform.SubspaceProjection;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What gradient projections promise, on a network: remembered answers stay where they are. */
@ExtendWith(NativeMemory.class)
class ProjectionLimitsTest {
    private final MemoryDataset data = Clouds.of(ScalarType.Double, 4, 6, 5, 1, "train");
    private final Classifier net = new Mlp(List.of(5L), List.of(9, 8), Init.KAIMING_UNIFORM, Activation.RELU, 0)
            .with(HeadSpec.linear(), ClassIndex.numbered(4))
            .build(Rng.of(2), ScalarType.Double);
    private final Parameters p = net.parameters();
    private final Batch old = rows(0, 1);
    private final Batch fresh = rows(2, 3);

    private Batch rows(int a, int b) {
        return data.rows(
                IntStream.range(0, 24).filter(i -> i % 4 == a || i % 4 == b).toArray());
    }

    private ParamVector taskGradient() {
        Tensor loss = new NetObjective(net, new CrossEntropy(), data).at(fresh).total(null);
        return Autograd.grad(loss, p, false);
    }

    /** The logit of each stored row's own class. */
    private Tensor ownLogits() {
        Tensor y = Tensors.of(old.classIds(), old.size(), 1);
        return net.scores(old.inputs(), Pass.eval()).gather(1, y).squeeze(1);
    }

    private double drift(ParamVector g, double rate) {
        Tensor before = ownLogits().detach();
        try (var moved = p.perturbed(g.times(-rate))) {
            return ownLogits().detach().sub(before).abs().max().item_double();
        }
    }

    /** A step of length e changes stored logits by O(e) without, by O(e^2) with the projection. */
    @Test
    void anOgdStepLeavesStoredLogitsToFirstOrder() {
        OrthogonalGradient ogd = new OrthogonalGradient(100);
        Tensor logits = ownLogits();
        for (int i = 0; i < old.size(); i++) {
            ogd.remember(Autograd.grad(logits.select(0, i), p, false, true));
        }
        ParamVector g = taskGradient();
        ParamVector turned = ogd.apply(g, null);
        assertThat(turned.norm()).isGreaterThan(0.05 * g.norm());
        double e = 1e-4;
        assertThat(drift(g, e)).isGreaterThan(1e3 * drift(turned, e));
        // halving the step quarters what is left, or there is nothing left but rounding
        assertThat(drift(turned, e / 2)).isLessThan(0.3 * drift(turned, e) + 1e-13);
        assertThat(drift(g, e / 2)).isGreaterThan(0.45 * drift(g, e));
        // along the step the loss of the new rows still falls
        assertThat(g.dot(turned)).isPositive();
    }

    /** With all of the inputs' energy kept, G M = 0 and the outputs of old rows do not move at all. */
    @Test
    void aGpmStepLeavesTheOutputsOfProtectedInputs() {
        SubspaceProjection gpm = new SubspaceProjection();
        Taps taps = Taps.where(n -> n.startsWith("site:"));
        // few rows, so that protected inputs leave room
        Batch few = old.rows(0, 1, 2);
        net.scores(few.inputs(), Pass.eval().withTaps(taps));
        for (String layer : List.of("fc.0", "fc.1", "head")) {
            gpm.protect(
                    layer + ".weight",
                    taps.get("site:" + layer + ".in").detach().t(),
                    1);
        }
        ParamVector g = taskGradient();
        ParamVector turned = gpm.apply(g, null);
        for (int i = 0; i < p.size(); i++) {
            String leaf = p.meta().get(i).name();
            if (leaf.endsWith("bias")) {
                assertThat(turned.get(i)).as(leaf).isNull();
            } else {
                Tensor off = turned.get(i).mm(gpm.of(leaf).basis());
                assertThat(off.abs().max().item_double()).as(leaf).isLessThanOrEqualTo(1e-6);
            }
        }
        assertThat(turned.norm()).isPositive();
        Tensor before = net.scores(few.inputs(), Pass.eval()).detach();
        try (var moved = p.perturbed(turned.times(-0.01))) {
            Tensor after = net.scores(few.inputs(), Pass.eval()).detach();
            assertThat(after.sub(before).abs().max().item_double()).isLessThan(1e-10);
        }
        try (var moved = p.perturbed(g.times(-0.01))) {
            Tensor after = net.scores(few.inputs(), Pass.eval()).detach();
            assertThat(after.sub(before).abs().max().item_double()).isGreaterThan(1e-5);
        }
    }
}
