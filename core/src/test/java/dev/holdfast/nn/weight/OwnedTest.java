package dev.holdfast.nn.weight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class OwnedTest {
    private final Site site = Dense.at(
            new ParamMeta("fc", ParamMeta.Role.HIDDEN, 2, 3, true, 0),
            Geometry.linear(3, 2),
            Tensors.of(new double[] {1, -2, 3, -4, 5, -6}, 3, 2));
    private final Owned owned = Owned.of(site);

    private double[] seen(int part) {
        return Tensors.doubles(owned.materialise(Pass.eval().withTask(part)).detach());
    }

    /** All entries of the leaf get this number, whatever a rule may be up to. */
    private void push(double number) {
        try (var mode = Autograd.noGrad()) {
            owned.leaves().get(0).value().fill_(Tensors.scalar(number));
        }
    }

    private double[] slope(int part) {
        var leaf = owned.leaves().get(0);
        Parameters p = new Parameters(List.of(leaf.meta()), List.of(leaf.value()));
        Tensor sum = owned.materialise(Pass.eval().withTask(part)).sum();
        return Tensors.doubles(Autograd.grad(sum, p, false).get(0));
    }

    @Test
    void aPartKeepsItsLargestEntriesAndNeverLosesThem() {
        assertThat(seen(0)).containsExactly(1, -2, 3, -4, 5, -6);
        owned.prune(0.5);
        assertThat(seen(0)).containsExactly(0, 0, 0, -4, 5, -6);
        assertThat(slope(0)).as("the owned ones go on moving").containsExactly(0, 0, 0, 1, 1, 1);
        push(7);
        assertThat(seen(0)).containsExactly(0, 0, 0, 7, 7, 7);
        owned.settle();
        assertThat(slope(1)).as("the free ones move").containsExactly(1, 1, 1, 0, 0, 0);
        push(-1);
        assertThat(seen(0)).containsExactly(0, 0, 0, 7, 7, 7);
        assertThat(seen(1)).containsExactly(-1, -1, -1, 7, 7, 7);
        assertThat(Tensors.doubles(owned.toDense())).containsExactly(-1, -1, -1, 7, 7, 7);
        owned.prune(0);
        owned.settle();
        push(9);
        assertThat(seen(0)).containsExactly(0, 0, 0, 7, 7, 7);
        assertThat(seen(1)).containsExactly(-1, -1, -1, 7, 7, 7);
        assertThat(Tensors.ints(owned.owner().to(ScalarType.Long))).containsExactly(2, 2, 2, 1, 1, 1);
    }

    @Test
    void entriesAsLargeAsTheThresholdFallWithIt() {
        Tensor w = Tensors.of(new double[] {2, -2, 2, 5}, 4);
        Tensor free = Tensors.zeros(ScalarType.Int, 4);
        Owned.Pruned p = Owned.prune(w, free, 0.25, 1);
        assertThat(p.threshold()).isEqualTo(2);
        assertThat(Tensors.doubles(p.weight())).containsExactly(0, 0, 0, 5);
        assertThat(Tensors.doubles(w)).as("the weight given").containsExactly(2, -2, 2, 5);
    }

    @Test
    void withoutPruningAllFreeEntriesAreTaken() {
        Tensor owner = Tensors.of(new long[] {1, 0, 0}, 3).to(ScalarType.Int);
        Owned.Pruned p = Owned.prune(Tensors.of(new double[] {1, 0, 3}, 3), owner, 0, 2);
        assertThat(p.threshold()).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(Tensors.ints(p.owner().to(ScalarType.Long))).containsExactly(1, 2, 2);
    }

    @Test
    void refusesToPruneAll() {
        assertThatThrownBy(() -> owned.prune(1)).hasMessageContaining("[0, 1)").hasMessageContaining("1.0");
        assertThat(seen(0)).containsExactly(1, -2, 3, -4, 5, -6);
    }
}
