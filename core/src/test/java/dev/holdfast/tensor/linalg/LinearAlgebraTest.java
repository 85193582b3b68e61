package dev.holdfast.tensor.linalg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class LinearAlgebraTest {
    private final Tensor a = Rng.of(1).normal(ScalarType.Double, 5, 3);

    @Test
    void svdMultipliesBack() {
        LinearAlgebra.Svd d = LinearAlgebra.svd(a);
        assertThat(d.v().shape()).containsExactly(3, 3);
        same(d.u().mul(d.s()).mm(d.v().t()), a);
        double[] s = Tensors.doubles(d.s());
        assertThat(s[0]).isGreaterThanOrEqualTo(s[1]);
    }

    @Test
    void eighMultipliesBack() {
        Tensor g = a.t().mm(a);
        LinearAlgebra.Eigen e = LinearAlgebra.eigh(g);
        same(e.vectors().mul(e.values()).mm(e.vectors().t()), g);
    }

    @Test
    void pinvIsTheMoorePenroseInverse() {
        Tensor deficient = Tensors.cat(1, a, a.select(1, 0).unsqueeze(1));
        Tensor p = LinearAlgebra.pinv(deficient, 1e-12);
        same(deficient.mm(p).mm(deficient), deficient);
        same(p.mm(deficient).mm(p), p);
        Tensor hat = deficient.mm(p);
        same(hat, hat.t());
    }

    @Test
    void orthonormalKeepsOrderAndDirection() {
        Tensor q = LinearAlgebra.orthonormal(a);
        same(q.t().mm(q), Ridge.identity(3, a));
        Tensor first = a.select(1, 0);
        same(q.select(1, 0), first.div(first.norm()));
    }

    @Test
    void choleskySolvesAndNamesWhatIsNotDefinite() {
        Tensor g = a.t().mm(a);
        Tensor l = LinearAlgebra.cholesky("G", g, "");
        Tensor b = Rng.of(2).normal(ScalarType.Double, 3, 2);
        same(g.mm(LinearAlgebra.choleskySolve(b, l)), b);
        assertThatThrownBy(() -> LinearAlgebra.cholesky("G", g.neg(), "Add more."))
                .hasMessageContaining("G is not positive definite")
                .hasMessageEndingWith("Add more.");
        assertThatThrownBy(() -> LinearAlgebra.cholesky("G", a, "")).hasMessageContaining("square");
    }

    @Test
    void badMatricesAreRefused() {
        assertThatThrownBy(() -> LinearAlgebra.eigh(Rng.of(3).normal(ScalarType.Double, 3, 3)))
                .hasMessageContaining("not symmetric");
        Tensor nan = a.clone();
        nan.select(0, 2).fill_(Tensors.scalar(Double.NaN));
        assertThatThrownBy(() -> LinearAlgebra.svd(nan)).hasMessageContaining("row 2");
        assertThatThrownBy(() -> LinearAlgebra.svd(torch.ones(3))).hasMessageContaining("[3]");
    }

    @Test
    void ridgeAgreesInBothOfItsForms() {
        // 5 rows of 3 numbers go the short way, 3 rows of 5 the long one
        for (Tensor h : new Tensor[] {a, a.t()}) {
            Tensor y = Rng.of(4).normal(ScalarType.Double, h.size(0), 2);
            Tensor w = Ridge.fit(h, y, 0.3);
            // the gradient H'(HW - Y) + gamma W vanishes
            same(h.t().mm(h.mm(w).sub(y)).add(w, Tensors.scalar(0.3)), Tensors.zerosLike(w, w.shape()));
        }
        assertThatThrownBy(() -> Ridge.fit(a, a, 0)).hasMessageContaining("gamma");
        assertThatThrownBy(() -> Ridge.fit(a, a.t(), 1)).hasMessageContaining("[3, 5]");
    }

    private static void same(Tensor x, Tensor y) {
        assertThat(Tensors.doubles(x)).containsExactly(Tensors.doubles(y), within(1e-12));
    }
}
