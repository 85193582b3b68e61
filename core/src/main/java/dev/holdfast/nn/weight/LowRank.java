package dev.holdfast.nn.weight;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Scope;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.StringViewOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A weight as a product of two thin factors, W = up [out,r] down [r,in]; a kernel of a convolution is the matrix [out,
 * in*kh*kw]. Both factors are trained; applying it costs r*(out+in) multiply-adds instead of out*in.
 */
public final class LowRank implements WeightSource {
    private final long[] shape;
    private final Tensor up;
    private final Tensor down;
    private final List<Leaf> leaves;

    private LowRank(long[] shape, Tensor up, Tensor down, ParamMeta upMeta, ParamMeta downMeta) {
        this.shape = shape;
        this.up = up;
        this.down = down;
        this.leaves = List.of(new Leaf(upMeta, up), new Leaf(downMeta, down));
    }

    /**
     * The best factors of rank {@code rank} for the weight that the site has now (truncated singular value
     * decomposition, the singular values split evenly between both factors).
     */
    public static LowRank of(Site site, int rank) {
        Geometry g = site.geometry();
        long most = Math.min(g.rows(), g.fanIn());
        if (g.kind() == Geometry.Kind.VECTOR || rank < 1 || rank > most) {
            throw new IllegalArgumentException("Site '" + site.name() + "' (" + g.kind() + " " + g.shape()
                    + ") cannot have rank " + rank + "; "
                    + (g.kind() == Geometry.Kind.VECTOR ? "a vector has no factors." : "expected 1 to " + most + "."));
        }
        try (Scope s = Scope.open()) {
            Tensor dense = site.source().toDense();
            Tensor[] f = factors(dense, rank);
            ParamMeta m = site.meta();
            return new LowRank(
                    g.sizes(),
                    Dense.trainable(f[0]),
                    Dense.trainable(f[1]),
                    new ParamMeta(m.name() + ".up", m.role(), rank, g.rows(), m.decay(), m.depth()),
                    new ParamMeta(m.name() + ".down", m.role(), g.fanIn(), rank, m.decay(), m.depth()));
        }
    }

    private static Tensor[] factors(Tensor dense, long rank) {
        Tensor matrix = dense.detach().reshape(dense.size(0), -1).to(ScalarType.Double);
        T_TensorTensorTensor_T svd = torch.linalg_svd(matrix, false, new StringViewOptional());
        Tensor root = svd.get1().narrow(0, 0, rank).sqrt();
        Tensor up = svd.get0().narrow(1, 0, rank).mul(root);
        Tensor down = svd.get2().narrow(0, 0, rank).mul(root.unsqueeze(1));
        return new Tensor[] {up.to(dense.scalar_type()), down.to(dense.scalar_type())};
    }

    public long rank() {
        return up.size(1);
    }

    @Override
    public Tensor materialise(Pass pass) {
        return pass.memo(this, () -> up.matmul(down).view(shape));
    }

    @Override
    public Tensor apply(Tensor x, Tensor bias, Geometry g, Pass pass) {
        if (Sources.canBeThin(g)) {
            return Sources.thin(x, up, down, bias, g);
        }
        if (g.kind() == Geometry.Kind.EMBEDDING) {
            return torch.embedding(up, x).matmul(down);
        }
        return g.apply(x, materialise(pass), bias);
    }

    @Override
    public List<Leaf> leaves() {
        return leaves;
    }

    @Override
    public double initFrom(Tensor dense) {
        Sources.requireShape(leaves.get(0).meta().name(), dense, shape);
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor[] f = factors(dense, rank());
            up.copy_(f[0]);
            down.copy_(f[1]);
            return Sources.relativeError(dense, toDense());
        }
    }

    @Override
    public Tensor toDense() {
        return up.detach().matmul(down.detach()).view(shape);
    }

    @Override
    public Cost cost(Geometry g) {
        long n = up.numel() + down.numel();
        boolean thin = Sources.canBeThin(g);
        long adds = thin ? n : g.kind() == Geometry.Kind.EMBEDDING ? down.numel() : Sources.multiplyAdds(g);
        boolean whole = !thin && g.kind() != Geometry.Kind.EMBEDDING;
        return new Cost(g.count(), n, n, Sources.bits(up) + Sources.bits(down), adds, whole ? g.count() : 0);
    }

    @Override
    public LowRank copy(Copier c) {
        return new LowRank(
                shape,
                c.leaf(up),
                c.leaf(down),
                leaves.get(0).meta(),
                leaves.get(1).meta());
    }

    @Override
    public String kind() {
        return "low-rank " + Arrays.toString(shape) + " rank=" + rank();
    }
}
