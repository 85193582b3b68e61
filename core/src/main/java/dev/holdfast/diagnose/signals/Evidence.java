package dev.holdfast.diagnose.signals;

import dev.holdfast.data.Batch;
import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.objective.HvpOperator;
import dev.holdfast.objective.Objective;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How much two groups of rows have to do with how training moves. Rosenfeld, Risteski, arXiv 2311.04163. Immutable.
 *
 * @param cosine between the groups' gradients; near -1 they pull against each other, groups drawn at random agree
 * @param ratioA length of group a's gradient over that of all rows
 * @param ratioB of group b's
 * @param alongTopA share of group a's squared gradient that lies along the top eigenvector of the Hessian
 * @param alongTopB of group b's
 * @param largest lambda_max of the Hessian over all rows
 * @param curvatureA share of lambda_max that comes from group a's rows
 * @param curvatureB from group b's
 */
public record Evidence(
        double cosine,
        double ratioA,
        double ratioB,
        double alongTopA,
        double alongTopB,
        double largest,
        double curvatureA,
        double curvatureB) {
    /** Of a loss at the present values of its leaves. */
    public static Evidence of(Objective loss, Batch a, Batch b, List<Batch> all, Rng rng) {
        return of(loss, a, b, all, rng, new Lanczos());
    }

    /** The same, with the top eigenvector more or less exactly. */
    public static Evidence of(Objective loss, Batch a, Batch b, List<Batch> all, Rng rng, Lanczos lanczos) {
        if (a.size() == 0 || b.size() == 0) {
            throw new IllegalArgumentException(
                    "Evidence needs rows in both groups but they have " + a.size() + " and " + b.size() + ".");
        }
        try (Scope s = Scope.open();
                var mode = Autograd.withGrad()) {
            long n = all.stream().mapToLong(Batch::size).sum();
            Tensor ga = gradient(loss, a);
            Tensor gb = gradient(loss, b);
            Tensor full = Tensors.zerosLike(ga, ga.size(0));
            for (Batch part : all) {
                full.add_(gradient(loss, part), Tensors.scalar(part.size() / (double) n));
            }
            Tensor like = loss.parameters().get(0);
            HvpOperator h = new HvpOperator(loss, all);
            Lanczos.Result top = lanczos.run(h, rng.normal(like.scalar_type(), h.size()));
            Tensor v = top.vector(0);
            Tensor asLeaf = v.to(like.scalar_type());
            return new Evidence(
                    dot(ga, gb) / Math.sqrt(dot(ga, ga) * dot(gb, gb)),
                    Math.sqrt(dot(ga, ga) / dot(full, full)),
                    Math.sqrt(dot(gb, gb) / dot(full, full)),
                    Math.pow(dot(ga, v), 2) / dot(ga, ga),
                    Math.pow(dot(gb, v), 2) / dot(gb, gb),
                    top.largest(),
                    share(loss, a, n, v, asLeaf, top.largest()),
                    share(loss, b, n, v, asLeaf, top.largest()));
        }
    }

    /** Gradient of the mean loss over a batch, flat and in float64. */
    private static Tensor gradient(Objective loss, Batch b) {
        return Autograd.grad(loss.at(b).total(b.rows().weights()), loss.parameters(), false)
                .flat()
                .to(ScalarType.Double);
    }

    private static double share(Objective loss, Batch group, long n, Tensor v, Tensor asLeaf, double largest) {
        Tensor hv = new HvpOperator(loss, List.of(group)).apply(asLeaf);
        return dot(v, hv.to(ScalarType.Double)) * group.size() / n / largest;
    }

    private static double dot(Tensor a, Tensor b) {
        return Tensors.item(a.dot(b));
    }
}
