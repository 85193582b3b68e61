package dev.holdfast.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Gradients and Hessians of softmax regression, which are known in closed form. */
@ExtendWith(NativeMemory.class)
class CurvatureTest {
    private static final int CLASSES = 3;
    private static final int WIDTH = 2;

    private final Tensor w =
            Scope.own(Rng.of(1).normal(ScalarType.Double, CLASSES, WIDTH)).set_requires_grad(true);
    private final Tensor unused = Scope.own(Tensors.zeros(ScalarType.Double, 2)).set_requires_grad(true);
    private final Parameters p = new Parameters(
            List.of(
                    new ParamMeta("w", ParamMeta.Role.HEAD, WIDTH, CLASSES, true, 0),
                    new ParamMeta("unused", ParamMeta.Role.BIAS, 1, 1, true, 0)),
            List.of(w, unused));

    private record Softmax(Parameters parameters) implements Objective {
        @Override
        public LossValue at(Batch b) {
            Tensor scores = b.inputs().x().mm(parameters.get(0).t());
            return new CrossEntropy().value(new LossInput(scores, b.target(), b.rows(), ClassIndex.numbered(CLASSES)));
        }

        @Override
        public DataSource data() {
            return null;
        }
    }

    private static Batch batch(long seed, int n) {
        long[] y = new long[n];
        long[] ids = new long[n];
        for (int i = 0; i < n; i++) {
            y[i] = Rng.of(seed).child("y", i).below(CLASSES);
            ids[i] = i;
        }
        return new Batch(
                Inputs.of(Rng.of(seed).normal(ScalarType.Double, n, WIDTH)), Target.ClassIds.of(y), Rows.of(ids));
    }

    @Test
    void eachRowHasItsOwnGradient() {
        Batch b = batch(1, 5);
        Tensor x = b.inputs().x();
        Tensor all = PerSampleGradients.matrix(new Softmax(p).at(b).perSample(), p);
        Tensor miss =
                x.mm(w.t()).softmax(1).sub(Tensors.oneHot(Tensors.ints(((Target.ClassIds) b.target()).ids()), 3, x));
        for (int i = 0; i < 5; i++) {
            Tensor outer = miss.select(0, i).unsqueeze(1).mul(x.select(0, i).unsqueeze(0));
            assertThat(Tensors.doubles(Tensors.slice(all.select(0, i), 0, 6)))
                    .containsExactly(Tensors.doubles(outer), within(1e-14));
        }
        assertThat(Tensors.doubles(Tensors.slice(all, 1, 6, 8))).containsOnly(0);
        // and together they make up the gradient of the sum
        Tensor loss = new Softmax(p).at(b).perSample().sum();
        ParamVector g = dev.holdfast.tensor.Autograd.grad(loss, p, false);
        assertThat(Tensors.doubles(all.sum(0))).containsExactly(Tensors.doubles(g.flat()), within(1e-14));
    }

    @Test
    void theHessianIsTheClosedForm() {
        List<Batch> batches = List.of(batch(1, 4), batch(2, 7));
        HvpOperator h = new HvpOperator(new Softmax(p), batches);
        assertThat(h.size()).isEqualTo(8);
        double[][] exact = new double[8][8];
        for (Batch b : batches) {
            double[][] x = Tensors.rows(b.inputs().x());
            double[][] q = Tensors.rows(b.inputs().x().mm(w.t()).softmax(1));
            for (int i = 0; i < x.length; i++) {
                for (int a = 0; a < 6; a++) {
                    for (int c = 0; c < 6; c++) {
                        double s = (a / 2 == c / 2 ? q[i][a / 2] : 0) - q[i][a / 2] * q[i][c / 2];
                        exact[a][c] += s * x[i][a % 2] * x[i][c % 2] / 11;
                    }
                }
            }
        }
        for (int c = 0; c < 8; c++) {
            double[] unit = new double[8];
            unit[c] = 1;
            assertThat(Tensors.doubles(h.apply(Tensors.of(unit, 8)))).containsExactly(exact[c], within(1e-13));
        }
        assertThatThrownBy(() -> new HvpOperator(new Softmax(p), List.of())).hasMessageContaining("row");
    }
}
