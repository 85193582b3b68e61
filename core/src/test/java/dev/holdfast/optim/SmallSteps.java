package dev.holdfast.optim;

import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** A program of its own: trains a small network and prints "resident bytes at step n" at the steps it is told. */
public final class SmallSteps {
    private SmallSteps() {}

    /** Arguments: width of the two hidden layers, then the steps at which to print; the last one ends the run. */
    public static void main(String[] args) {
        torch.set_num_threads(1);
        long width = Long.parseLong(args[0]);
        Rng rng = Rng.of(1);
        Parameters p = network(rng, 20, width, width, 4);
        ChainOptimizer optimizer =
                OptimizerConfig.adamW(1e-3, 1e-2).withClipNorm(1).build(p);
        Tensor x = Scope.own(rng.child("x").normal(16, 20));
        Tensor y = Scope.own(Tensors.ids(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3));
        int at = 1;
        for (long step = 1; at < args.length; step++) {
            try (Scope s = Scope.open()) {
                Tensor h = x;
                for (int i = 0; i < 3; i++) {
                    h = torch.linear(h, p.get(2 * i), new TensorOptional(p.get(2 * i + 1)));
                    h = i < 2 ? h.relu() : h;
                }
                Tensor loss = torch.cross_entropy_loss(h, y);
                optimizer.step(Autograd.grad(loss, p, false));
                if (!Double.isFinite(loss.item_double())) {
                    throw new IllegalStateException("The loss blew up at step " + step + ".");
                }
            }
            if (step == Long.parseLong(args[at])) {
                System.gc();
                System.out.println(Pointer.physicalBytes());
                at++;
            }
        }
    }

    private static Parameters network(Rng rng, long... widths) {
        List<ParamMeta> meta = new ArrayList<>();
        List<Tensor> leaves = new ArrayList<>();
        for (int i = 0; i + 1 < widths.length; i++) {
            double scale = 1 / Math.sqrt(widths[i]);
            meta.add(new ParamMeta("w" + i, ParamMeta.Role.HIDDEN, widths[i], widths[i + 1], true, i));
            meta.add(new ParamMeta("b" + i, ParamMeta.Role.BIAS, widths[i], widths[i + 1], false, i));
            leaves.add(leaf(rng.child("w", i).normal(widths[i + 1], widths[i]).mul(Tensors.scalar(scale))));
            leaves.add(leaf(rng.child("b", i).normal(widths[i + 1]).mul(Tensors.scalar(scale))));
        }
        return new Parameters(meta, leaves);
    }

    private static Tensor leaf(Tensor t) {
        return Scope.own(t).set_requires_grad(true);
    }
}
